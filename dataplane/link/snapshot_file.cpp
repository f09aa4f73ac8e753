// Reading and replacing the snapshot on disk.
#include "dataplane/link/snapshot_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/time.h"
#include "dataplane/link/file_descriptor.h"

namespace mcpgw {
namespace {

Result<> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_failure("writing the snapshot");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::string> read_all(int fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const ssize_t got = ::read(fd, text.data() + have, size - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_failure("reading the snapshot");
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

Result<> write_durably(const std::string& path, std::string_view text) {
    const FileDescriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return errno_failure(path);
    // A file that was there before may have had another mode.
    if (::fchmod(file.get(), 0600) != 0) return errno_failure(path);
    if (auto written = write_all(file.get(), text); !written) return written;
    if (::fsync(file.get()) != 0) return errno_failure(path);
    return {};
}

}  // namespace

SnapshotFile::SnapshotFile(const std::string& data_dir)
    : directory_(data_dir), path_(data_dir + "/snapshot.json") {}

Result<SnapshotFile::Loaded> SnapshotFile::load() {
    const FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return errno_failure(path_);
    struct stat about{};
    if (::fstat(file.get(), &about) != 0) return errno_failure(path_);
    if (!S_ISREG(about.st_mode) || about.st_size < 0 ||
        static_cast<std::uint64_t>(about.st_size) > limits::frame_bytes_max) {
        move_aside();
        return failure(Code::corrupt, path_ + ": not a snapshot");
    }
    auto text = read_all(file.get(), static_cast<std::size_t>(about.st_size));
    if (!text) return std::unexpected(std::move(text.error()));
    auto snapshot = contract::decode_snapshot(*text);
    if (!snapshot) {
        move_aside();
        return failure(Code::corrupt, path_ + ": " + snapshot.error().detail);
    }
    Loaded loaded{std::move(*snapshot), 0};
    const auto written = static_cast<double>(about.st_mtim.tv_sec);
    loaded.age_seconds = std::max(0.0, static_cast<double>(unix_seconds_now()) - written);
    return loaded;
}

Result<> SnapshotFile::save(const contract::Snapshot& snapshot) {
    const std::string fresh = path_ + ".new";
    const std::string text = contract::encode(snapshot);
    if (text.size() > limits::frame_bytes_max)
        return failure(Code::limit_exceeded, path_ + ": the snapshot is too large to load again");
    if (auto written = write_durably(fresh, text); !written) {
        ::unlink(fresh.c_str());
        return written;
    }
    if (::rename(fresh.c_str(), path_.c_str()) != 0) return errno_failure(path_);
    // The rename itself is durable only with its directory.
    const FileDescriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return errno_failure(directory_);
    return {};
}

void SnapshotFile::move_aside() {
    const std::string aside = path_ + ".corrupt";
    // Without the rename the next save replaces the file anyway.
    [[maybe_unused]] const int result = ::rename(path_.c_str(), aside.c_str());
}

}  // namespace mcpgw
