// mkdir, open, flock.
#include "controlplane/data_directory.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mcpgw {
namespace {

Result<> make_directories(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
            const int reason = errno;
            struct stat status{};
            // What exists on a read-only file system answers EROFS.
            if (::stat(part.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
                return std::unexpected(
                    error_from_errno(reason, "cannot make the data directory " + path));
        }
        if (end == std::string::npos) return {};
    }
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
    if (auto made = make_directories(path); !made) return std::unexpected(made.error());
    const std::string file = path + "/controlplane.lock";
    const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return std::unexpected(
            error_from_errno(errno, "the data directory " + path + " is not writable"));
    DataDirectory directory(lock);
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return directory;
    if (errno != EWOULDBLOCK)
        return std::unexpected(error_from_errno(errno, "cannot lock " + file));
    return failure(Code::conflict, "the data directory " + path +
                                       " is in use by another control plane; stop that one, or "
                                       "choose another directory with --data-dir");
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)) {}

DataDirectory::~DataDirectory() {
    if (lock_ >= 0) ::close(lock_);
}

}  // namespace mcpgw
