// The address of a listener as people write it: 127.0.0.1:8000, [::1]:8000, localhost:8000.
//
// Only numeric addresses and the name localhost: which address a listener has must not depend on a
// resolver. Port 0 lets the kernel choose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

namespace mcpgw::cli {

struct ListenAddress {
    std::string host = "127.0.0.1";  // numeric, IPv6 without brackets
    std::uint16_t port = 0;
    bool is_ipv6 = false;

    bool operator==(const ListenAddress&) const = default;
};

[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);
// "127.0.0.1:8000", "[::1]:8000"
[[nodiscard]] std::string to_text(const ListenAddress& address);
// 127.0.0.0/8 and ::1, also as an IPv4-mapped address.
[[nodiscard]] bool is_loopback(const ListenAddress& address);
// 0.0.0.0 and ::
[[nodiscard]] bool is_any(const ListenAddress& address);

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};
[[nodiscard]] SocketAddress to_socket_address(const ListenAddress& address);

}  // namespace mcpgw::cli
