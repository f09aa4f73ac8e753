// A disk for tests: SQLite's own, until it is told to fail.
//
// While one lives, every database that is opened goes through it. After `fail_after(n, code)` n
// more writes, truncations and syncs are done, and all later ones answer with the code, as a full
// or broken disk does, until `heal`. Reads, locks and shared memory always work.
#pragma once

#include <cstdint>
#include <cstring>

#include <sqlite3.h>

namespace mcpgw::store {

class FaultyDisk {
  public:
    FaultyDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
        present_ = this;
        vfs_.zName = "faulty";
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.xOpen = open;
        sqlite3_vfs_register(&vfs_, 1);
    }
    FaultyDisk(const FaultyDisk&) = delete;
    FaultyDisk& operator=(const FaultyDisk&) = delete;
    ~FaultyDisk() {
        sqlite3_vfs_unregister(&vfs_);
        sqlite3_vfs_register(real_, 1);
        present_ = nullptr;
    }

    void fail_after(int operations, int code) {
        left_ = operations;
        code_ = code;
    }
    void heal() { code_ = SQLITE_OK; }

  private:
    // The real file lies right behind.
    struct File {
        sqlite3_file base;
        std::uint64_t aligned;
    };
    static sqlite3_file* real(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
    }
    int verdict() {
        if (code_ == SQLITE_OK || left_-- > 0) return SQLITE_OK;
        return code_;
    }

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
        std::memset(file, 0, sizeof(File));
        const int result = present_->real_->xOpen(present_->real_, name, real(file), flags, out);
        if (real(file)->pMethods != nullptr) file->pMethods = &kMethods;
        return result;
    }
    static int close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
    static int read(sqlite3_file* f, void* bytes, int size, sqlite3_int64 at) {
        return real(f)->pMethods->xRead(real(f), bytes, size, at);
    }
    static int write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 at) {
        const int bad = present_ != nullptr ? present_->verdict() : SQLITE_OK;
        return bad != SQLITE_OK ? bad : real(f)->pMethods->xWrite(real(f), bytes, size, at);
    }
    static int truncate(sqlite3_file* f, sqlite3_int64 size) {
        const int bad = present_ != nullptr ? present_->verdict() : SQLITE_OK;
        return bad != SQLITE_OK ? bad : real(f)->pMethods->xTruncate(real(f), size);
    }
    static int sync(sqlite3_file* f, int flags) {
        const int bad = present_ != nullptr ? present_->verdict() : SQLITE_OK;
        return bad != SQLITE_OK ? bad : real(f)->pMethods->xSync(real(f), flags);
    }
    static int size(sqlite3_file* f, sqlite3_int64* out) {
        return real(f)->pMethods->xFileSize(real(f), out);
    }
    static int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
    static int unlock(sqlite3_file* f, int level) {
        return real(f)->pMethods->xUnlock(real(f), level);
    }
    static int is_reserved(sqlite3_file* f, int* out) {
        return real(f)->pMethods->xCheckReservedLock(real(f), out);
    }
    static int control(sqlite3_file* f, int what, void* argument) {
        return real(f)->pMethods->xFileControl(real(f), what, argument);
    }
    static int sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
    static int traits(sqlite3_file* f) {
        return real(f)->pMethods->xDeviceCharacteristics(real(f));
    }
    static int shm_map(sqlite3_file* f, int page, int size, int extends, void volatile** out) {
        return real(f)->pMethods->xShmMap(real(f), page, size, extends, out);
    }
    static int shm_lock(sqlite3_file* f, int at, int count, int flags) {
        return real(f)->pMethods->xShmLock(real(f), at, count, flags);
    }
    static void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
    static int shm_unmap(sqlite3_file* f, int removes) {
        return real(f)->pMethods->xShmUnmap(real(f), removes);
    }

    static constexpr sqlite3_io_methods kMethods = {
        2,        close,       read,        write,   truncate, sync,   size,
        lock,     unlock,      is_reserved, control, sector,   traits, shm_map,
        shm_lock, shm_barrier, shm_unmap,   nullptr, nullptr};
    inline static FaultyDisk* present_ = nullptr;

    sqlite3_vfs* real_;
    sqlite3_vfs vfs_;
    int left_ = 0;
    int code_ = SQLITE_OK;
};

}  // namespace mcpgw::store
