// The system calls of a contract connection.
#include "dataplane/link/control_socket.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mcpgw {
namespace {

// A full snapshot is megabytes: fewer, larger reads.
constexpr std::size_t kReceiveBytes = 256 * 1024;

Result<> check_peer(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return errno_failure("SO_PEERCRED");
    if (is_trusted_peer(peer.uid, ::geteuid())) return {};
    return failure(Code::permission_denied,
                   "the control socket belongs to user " + std::to_string(peer.uid));
}

}  // namespace

bool ControlSocket::is_possible_path(std::string_view path) {
    return !path.empty() && path.size() < sizeof(sockaddr_un::sun_path) &&
           path.find('\0') == std::string_view::npos;
}

Result<ControlSocket> ControlSocket::connect(const std::string& path) {
    if (!is_possible_path(path))
        return failure(Code::invalid_argument, "no path of a socket: " + path);
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return errno_failure("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), generic, sizeof address) != 0) return errno_failure(path);
    if (auto trusted = check_peer(socket.get()); !trusted)
        return std::unexpected(std::move(trusted.error()));
    return ControlSocket(std::move(socket));
}

Result<> ControlSocket::send(std::string_view json) {
    out_ += contract::encode_frame(json);
    return flush();
}

Result<> ControlSocket::flush() {
    while (sent_ < out_.size()) {
        const ssize_t sent = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
        if (sent < 0) return errno_failure("sending to the control plane");
        sent_ += static_cast<std::size_t>(sent);
    }
    out_.clear();
    sent_ = 0;
    return {};
}

Result<> ControlSocket::receive() {
    const auto buffer = std::make_unique_for_overwrite<char[]>(kReceiveBytes);
    const ssize_t got = ::recv(socket_.get(), buffer.get(), kReceiveBytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {};
    if (got < 0) return errno_failure("receiving from the control plane");
    if (got == 0) return failure(Code::reset, "the control plane closed the connection");
    decoder_.feed({buffer.get(), static_cast<std::size_t>(got)});
    return {};
}

}  // namespace mcpgw
