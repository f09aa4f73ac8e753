// Binding with a probe first: SO_REUSEPORT alone would let two gateways share a port in silence.
#include "dataplane/listen/sockets.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "dataplane/io/loopback.h"

namespace mcpgw::listen {
namespace {

constexpr int kBacklog = 4096;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

Result<Address> parse_address(std::string_view text) {
    const auto bad = [text] {
        return failure(Code::invalid_argument, "'" + std::string(text) +
                                                   "' is no address: write IPV4:PORT or "
                                                   "[IPV6]:PORT");
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad();
    std::string host(text.substr(0, colon));
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return bad();
    Address address;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return bad();
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address.size = sizeof *v6;
        return address;
    }
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return bad();
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return address;
}

Result<int> bind_one(const Address& address, bool share, std::string_view text) {
    const int socket =
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) return std::unexpected(error_from_errno(errno, "socket"));
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share) setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6)
        setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
    if (io::is_loopback(reinterpret_cast<const sockaddr&>(address.storage)))
        io::do_not_pace(socket);
    if (bind(socket, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
        ::listen(socket, kBacklog) != 0) {
        const int reason = errno;
        close(socket);
        if (reason == EADDRINUSE)
            return failure(Code::address_in_use, std::string(text) + " is already in use");
        return std::unexpected(error_from_errno(reason, "listening on " + std::string(text)));
    }
    return socket;
}

}  // namespace

Result<ListeningSockets> inherit_sockets() {
    ListeningSockets sockets;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) return std::unexpected(error_from_errno(-count, "inherited sockets"));
    for (int i = 0; i < count; ++i) {
        const int socket = SD_LISTEN_FDS_START + i;
        if (sd_is_socket(socket, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return failure(Code::invalid_argument,
                           "an inherited descriptor is no listening socket");
        const bool admin = names != nullptr && std::strcmp(names[i], "admin") == 0;
        fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
        if (is_loopback(socket)) io::do_not_pace(socket);
        (admin ? sockets.admin : sockets.main).push_back(socket);
    }
    if (names != nullptr) {
        for (int i = 0; i < count; ++i)
            std::free(names[i]);
        std::free(names);
    }
    return sockets;
}

Result<std::vector<int>> bind_sockets(std::string_view text, std::size_t count) {
    auto address = parse_address(text);
    if (!address) return std::unexpected(address.error());
    auto probe = bind_one(*address, false, text);
    if (!probe) return std::unexpected(probe.error());
    // With port 0 the probe has found a port; the sockets take it over.
    socklen_t size = sizeof address->storage;
    getsockname(*probe, reinterpret_cast<sockaddr*>(&address->storage), &size);
    close(*probe);
    std::vector<int> sockets;
    for (std::size_t i = 0; i < count; ++i) {
        auto socket = bind_one(*address, true, text);
        if (!socket) {
            for (const int opened : sockets)
                close(opened);
            return std::unexpected(socket.error());
        }
        sockets.push_back(*socket);
    }
    return sockets;
}

bool is_loopback(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
    return io::is_loopback(reinterpret_cast<const sockaddr&>(address));
}

std::string local_address(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?";
    if (address.ss_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
        inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
        inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
        return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
    }
    return "unix";
}

}  // namespace mcpgw::listen
