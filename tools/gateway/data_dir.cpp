// Making and locking the data directory.
#include "tools/gateway/data_dir.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace mcpgw::cli {
namespace {

constexpr std::string_view kLongestSocketName = "/controlplane.notify";
constexpr std::size_t kSocketPathMax = sizeof(sockaddr_un::sun_path) - 1;

Error cannot(const std::string& what, int error_number) {
    return error_from_errno(error_number, what);
}

// Like mkdir -p -m 0700; a directory that exists keeps its mode.
Result<> make_directories(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
            const int why = errno;
            struct stat status{};
            // An existing directory on a read-only file system answers EROFS, not EEXIST.
            if (::stat(part.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
                return std::unexpected(cannot("cannot make the data directory " + path, why));
        }
        if (end == std::string::npos) return {};
    }
}

std::string holder_of(int fd) {
    std::array<char, 32> text{};
    const ssize_t count = ::pread(fd, text.data(), text.size() - 1, 0);
    std::string pid(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!pid.empty() && pid.back() == '\n')
        pid.pop_back();
    return pid.empty() ? "another mcp-gateway" : "mcp-gateway with pid " + pid;
}

}  // namespace

Result<DataDir> DataDir::open(const std::string& path) {
    std::error_code failed;
    std::string absolute = std::filesystem::absolute(path, failed).lexically_normal().string();
    if (failed) return std::unexpected(cannot("cannot use " + path, failed.value()));
    while (absolute.size() > 1 && absolute.back() == '/')
        absolute.pop_back();
    if (absolute.size() + kLongestSocketName.size() > kSocketPathMax)
        return failure(Code::invalid_argument,
                       "the data directory " + absolute +
                           " is too long a path: its Unix sockets "
                           "leave room for " +
                           std::to_string(kSocketPathMax - kLongestSocketName.size()) +
                           " bytes; choose a shorter one with --data-dir");
    if (auto made = make_directories(absolute); !made) return std::unexpected(made.error());

    const std::string lock_path = absolute + "/lock";
    UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.is_open())
        return std::unexpected(cannot("cannot write to the data directory " + absolute, errno));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return std::unexpected(cannot("cannot lock " + lock_path, errno));
        return failure(Code::conflict, "the data directory " + absolute + " is in use by " +
                                           holder_of(lock.get()) +
                                           "; stop it, or choose another with --data-dir");
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) != 0 ||
        ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return std::unexpected(cannot("cannot write " + lock_path, errno));
    return DataDir(std::move(absolute), std::move(lock));
}

}  // namespace mcpgw::cli
