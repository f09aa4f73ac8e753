// Binding the listening sockets.
#include "tools/gateway/listeners.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/check.h"

namespace mcpgw::cli {
namespace {

constexpr int kBacklog = 4096;  // the kernel's own upper bound (net.core.somaxconn)

struct BindWish {
    ListenAddress address;
    bool shares_port = false;  // SO_REUSEPORT
    const char* flag = "";     // named when the address is taken
};

Result<UniqueFd> bound_socket(const BindWish& wish) {
    const std::string name = to_text(wish.address);
    const int family = wish.address.is_ipv6 ? AF_INET6 : AF_INET;
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto set = [&fd](int level, int option) {
        const int on = 1;
        return ::setsockopt(fd.get(), level, option, &on, sizeof on) == 0;
    };
    // SO_REUSEADDR: connections of an earlier gateway in TIME_WAIT do not hold the port.
    const bool is_made = fd.is_open() && set(SOL_SOCKET, SO_REUSEADDR) &&
                         set(IPPROTO_TCP, TCP_NODELAY) &&
                         (!wish.shares_port || set(SOL_SOCKET, SO_REUSEPORT)) &&
                         (!wish.address.is_ipv6 || set(IPPROTO_IPV6, IPV6_V6ONLY));
    if (!is_made) return std::unexpected(error_from_errno(errno, "cannot make a socket"));
    const SocketAddress address = to_socket_address(wish.address);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
        return fd;
    if (errno == EADDRINUSE)
        return failure(Code::address_in_use,
                       name + " is already in use; choose another with " + wish.flag);
    return std::unexpected(error_from_errno(errno, "cannot listen on " + name));
}

Result<std::uint16_t> port_of(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return std::unexpected(error_from_errno(errno, "cannot ask for the port"));
    // The port stands at the same place in both families.
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    return ntohs(v4.sin_port);
}

Result<> start_listening(int fd, const ListenAddress& address, const char* flag) {
    if (::listen(fd, kBacklog) == 0) return {};
    if (errno == EADDRINUSE)
        return failure(Code::address_in_use,
                       to_text(address) + " is already in use; choose another with " + flag);
    return std::unexpected(error_from_errno(errno, "cannot listen on " + to_text(address)));
}

Result<> open_main(Listeners& out, unsigned workers) {
    BindWish wish{out.main, false, "--listen"};
    if (wish.address.port != 0) {
        // A socket with SO_REUSEPORT would quietly share the port with another gateway of this
        // user; one without it finds that out, and is closed again.
        auto probe = bound_socket(wish);
        if (!probe) return std::unexpected(std::move(probe.error()));
    }
    wish.shares_port = true;
    for (unsigned i = 0; i < workers; ++i) {
        auto fd = bound_socket(wish);
        if (!fd) return std::unexpected(std::move(fd.error()));
        if (wish.address.port == 0) {
            const auto port = port_of(fd->get());
            if (!port) return std::unexpected(port.error());
            wish.address.port = *port;
        }
        if (auto ok = start_listening(fd->get(), wish.address, wish.flag); !ok) return ok;
        out.main_sockets.push_back(std::move(*fd));
    }
    out.main = wish.address;
    return {};
}

Result<> open_admin(Listeners& out) {
    auto fd = bound_socket({out.admin, false, "--admin-listen"});
    if (!fd) return std::unexpected(std::move(fd.error()));
    const auto port = port_of(fd->get());
    if (!port) return std::unexpected(port.error());
    out.admin.port = *port;
    out.admin_socket = std::move(*fd);
    return start_listening(out.admin_socket.get(), out.admin, "--admin-listen");
}

}  // namespace

std::vector<int> Listeners::fds() const {
    std::vector<int> all;
    for (const UniqueFd& fd : main_sockets)
        all.push_back(fd.get());
    all.push_back(admin_socket.get());
    return all;
}

std::string Listeners::fd_names() const {
    std::string names;
    for (std::size_t i = 0; i < main_sockets.size(); ++i)
        names += "main:";
    return names + "admin";
}

void Listeners::close() {
    main_sockets.clear();
    admin_socket.reset();
}

Result<Listeners> open_listeners(const ListenAddress& main, const ListenAddress& admin,
                                 unsigned workers) {
    check(workers > 0, "a gateway has a worker");
    Listeners listeners;
    listeners.main = main;
    listeners.admin = admin;
    if (auto ok = open_main(listeners, workers); !ok) return std::unexpected(ok.error());
    if (auto ok = open_admin(listeners); !ok) return std::unexpected(ok.error());
    return listeners;
}

}  // namespace mcpgw::cli
