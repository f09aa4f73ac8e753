// Sockets on loopback.
#include "bench/load/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/check.h"

namespace mcpgw::bench {
namespace {

constexpr int kBacklog = 4096;
// One turn of one connection: large, so that calls are few, and bounded, so that all get turns.
constexpr std::size_t kTurnBytes = 256 * 1024;
constexpr std::uint32_t kSources = 16;

sockaddr_in loopback(std::uint16_t port, std::uint32_t last_octet) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last_octet);
    return address;
}

void send_at_once(int fd) {
    const int on = 1;
    check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

}  // namespace

int listen_on(std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(fd >= 0, "socket");
    const int on = 1;
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0, "SO_REUSEPORT");
    sockaddr_in address = loopback(port, 1);
    socklen_t bytes = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    check(bind(fd, generic, bytes) == 0 && listen(fd, kBacklog) == 0 &&
              getsockname(fd, generic, &bytes) == 0,
          "listen");
    port = ntohs(address.sin_port);
    return fd;
}

int start_connect(std::uint16_t port, std::uint32_t source) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(fd >= 0, "socket: is `ulimit -n` large enough?");
    const int on = 1;
    check(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0, "no port");
    const sockaddr_in from = loopback(0, 1 + source % kSources);
    check(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0, "bind");
    send_at_once(fd);
    const sockaddr_in to = loopback(port, 1);
    const int status = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    check(status == 0 || errno == EINPROGRESS, "connect");
    return fd;
}

int accept_one(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) send_at_once(fd);
    check(fd >= 0 || (errno != EMFILE && errno != ENFILE), "accept: `ulimit -n` is too small");
    return fd;
}

void Output::add(std::string_view bytes) {
    check(tail_.empty(), "nothing follows a tail");
    own_.append(bytes);
}

void Output::add_tail(std::string_view tail) {
    check(tail_.empty(), "one tail at a time");
    tail_ = tail;
}

void Output::clear() {
    own_.clear();
    sent_ = 0;
    tail_ = {};
}

Progress Output::send_to(int fd) {
    std::array<iovec, 2> pieces{};
    std::size_t count = 0;
    if (sent_ < own_.size()) pieces[count++] = {own_.data() + sent_, own_.size() - sent_};
    if (!tail_.empty())
        pieces[count++] = {const_cast<char*>(tail_.data()), std::min(tail_.size(), kTurnBytes)};
    if (count == 0) return Progress::done;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == ENOTCONN ? Progress::blocked : Progress::broken;
    const std::size_t of_own = std::min(own_.size() - sent_, static_cast<std::size_t>(sent));
    sent_ += of_own;
    tail_.remove_prefix(static_cast<std::size_t>(sent) - of_own);
    if (sent_ == own_.size()) {
        own_.clear();
        sent_ = 0;
    }
    return empty() ? Progress::done : Progress::blocked;
}

Received receive_from(int fd) {
    static std::vector<std::byte> buffer(kTurnBytes);
    const ssize_t received = recv(fd, buffer.data(), buffer.size(), 0);
    if (received > 0)
        return {Progress::done, Bytes(buffer).first(static_cast<std::size_t>(received))};
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return {Progress::blocked, {}};
    return {Progress::broken, {}};
}

}  // namespace mcpgw::bench
