// Each function counts and goes on to the library's own. The originals are looked up before main;
// glibc's own names serve memory until then, because looking up needs memory itself.
#include "tests/steady_state/library_calls.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include <dlfcn.h>
#include <execinfo.h>
#include <sys/mman.h>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace mcpgw::steady_state {
namespace {

constexpr std::size_t kPlaces = 4;
constexpr int kDepth = 14;

struct Place {
    std::array<void*, kDepth> frames{};
    int depth = 0;
};

std::atomic<bool> watching = false;
std::atomic<pthread_t> watched{};
std::atomic<std::size_t> allocations = 0;
std::atomic<std::size_t> releases = 0;
std::atomic<std::size_t> locks = 0;
std::array<Place, kPlaces> kept;
std::atomic<std::size_t> kept_count = 0;
thread_local bool inside = false;  // the report itself calls the library

void count(std::atomic<std::size_t>& counter) {
    if (!watching.load(std::memory_order_relaxed) || inside) return;
    if (pthread_equal(pthread_self(), watched.load(std::memory_order_relaxed)) == 0) return;
    counter.fetch_add(1, std::memory_order_relaxed);
    const std::size_t index = kept_count.load(std::memory_order_relaxed);
    if (index >= kPlaces) return;
    inside = true;
    kept[index].depth = backtrace(kept[index].frames.data(), kDepth);
    kept_count.store(index + 1, std::memory_order_release);
    inside = false;
}

template <class Function>
Function* original(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

void watch(pthread_t thread) {
    std::array<void*, 1> frame;
    backtrace(frame.data(), 1);  // loads its library now, not when a call is counted
    allocations = releases = locks = 0;
    kept_count = 0;
    watched = thread;
    watching = true;
}

LibraryCalls stop() {
    watching = false;
    return {allocations, releases, locks};
}

std::string places() {
    std::string text;
    for (std::size_t i = 0; i < kept_count.load(std::memory_order_acquire); ++i) {
        char** names = backtrace_symbols(kept[i].frames.data(), kept[i].depth);
        for (int frame = 2; frame < kept[i].depth; ++frame)
            text.append(names[frame]).append("\n");
        text += "\n";
        __libc_free(names);
    }
    return text;
}

}  // namespace mcpgw::steady_state

using namespace mcpgw::steady_state;

// Names, parameters and exception specifications are those of the library's headers.
extern "C" {

void* malloc(std::size_t size) noexcept {
    count(allocations);
    return __libc_malloc(size);
}
void* calloc(std::size_t items, std::size_t size) noexcept {
    count(allocations);
    return __libc_calloc(items, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
    count(allocations);
    return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    count(allocations);
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count(allocations);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    count(allocations);
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) noexcept {
    if (memory != nullptr) count(releases);
    __libc_free(memory);
}

void* mmap(void* address, std::size_t size, int protection, int flags, int file,
           off_t offset) noexcept {
    static auto* const real = original<decltype(mmap)>("mmap");
    count(allocations);
    return real(address, size, protection, flags, file, offset);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    static auto* const real = original<decltype(pthread_mutex_lock)>("pthread_mutex_lock");
    count(locks);
    return real(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
    static auto* const real = original<decltype(pthread_mutex_trylock)>("pthread_mutex_trylock");
    count(locks);
    return real(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
    static auto* const real = original<decltype(pthread_rwlock_rdlock)>("pthread_rwlock_rdlock");
    count(locks);
    return real(lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
    static auto* const real = original<decltype(pthread_rwlock_wrlock)>("pthread_rwlock_wrlock");
    count(locks);
    return real(lock);
}
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
    static auto* const real = original<decltype(pthread_cond_wait)>("pthread_cond_wait");
    count(locks);
    return real(condition, mutex);
}

}  // extern "C"
