// The datagram socket behind NOTIFY_SOCKET.
#include "tools/gateway/notify_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw::cli {
namespace {

constexpr std::size_t kDatagramBytesMax = 4096;  // sd_notify(3) promises no more

}  // namespace

Result<NotifySocket> NotifySocket::open(std::string path) {
    sockaddr_un address{};
    check(path.size() < sizeof address.sun_path, "DataDir leaves room for socket names");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    ::unlink(path.c_str());
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.is_open() ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::unexpected(error_from_errno(errno, "cannot make the socket " + path));
    return NotifySocket(std::move(path), std::move(fd));
}

NotifySocket::~NotifySocket() {
    if (fd_.is_open()) ::unlink(path_.c_str());
}

bool NotifySocket::take_ready() {
    bool is_ready = false;
    std::array<char, kDatagramBytesMax> buffer;
    for (;;) {
        const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return is_ready;
        if (says_ready({buffer.data(), static_cast<std::size_t>(count)})) is_ready = true;
    }
}

bool says_ready(std::string_view datagram) {
    while (!datagram.empty()) {
        const std::size_t end = datagram.find('\n');
        if (datagram.substr(0, end) == "READY=1") return true;
        if (end == std::string_view::npos) return false;
        datagram.remove_prefix(end + 1);
    }
    return false;
}

}  // namespace mcpgw::cli
