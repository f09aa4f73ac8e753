// A non-blocking connect and its verdict.
#include "controlplane/deploy/tcp_probe.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/check.h"

namespace mcpgw::deploy {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

std::optional<Address> parse(const std::string& host, std::uint16_t port) {
    Address address;
    auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        address.size = sizeof *four;
        return address;
    }
    if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        address.size = sizeof *six;
        return address;
    }
    return std::nullopt;
}

// While nobody listens on a local port of the ephemeral range, a connect to it can be given that
// very port as its own and meet itself (simultaneous open, RFC 9293 section 3.5). Nobody is there.
bool met_itself(int fd) {
    sockaddr_storage own{};
    sockaddr_storage other{};
    socklen_t own_size = sizeof own;
    socklen_t other_size = sizeof other;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
        getpeername(fd, reinterpret_cast<sockaddr*>(&other), &other_size) != 0)
        return false;
    return own_size == other_size && std::memcmp(&own, &other, own_size) == 0;
}

ProbeOutcome verdict(int fd, int error) {
    if (error == 0 && met_itself(fd)) return {false, ECONNREFUSED};
    return {error == 0, error};
}

}  // namespace

std::optional<ProbeOutcome> TcpProbe::start(const std::string& host, std::uint16_t port,
                                            Nanos deadline) {
    check(!under_way(), "one probe at a time");
    const std::optional<Address> address = parse(host, port);
    if (!address) return ProbeOutcome{false, EINVAL};
    socket_ = Descriptor(
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return ProbeOutcome{false, errno};
    const int result =
        connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size);
    const int error = result == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        deadline_ = deadline;
        return std::nullopt;
    }
    const ProbeOutcome outcome = verdict(socket_.get(), error);
    socket_.reset();
    return outcome;
}

std::optional<ProbeOutcome> TcpProbe::finish(Nanos now) {
    check(under_way(), "a probe was started");
    pollfd wait{socket_.get(), POLLOUT, 0};
    if (poll(&wait, 1, 0) == 0) {
        if (now < deadline_) return std::nullopt;
        socket_.reset();
        return ProbeOutcome{false, ETIMEDOUT};
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    const ProbeOutcome outcome = verdict(socket_.get(), error);
    socket_.reset();
    return outcome;
}

std::string address_text(const std::string& host, std::uint16_t port) {
    const bool six = host.find(':') != std::string::npos;
    return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace mcpgw::deploy
