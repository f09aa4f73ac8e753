// Listener addresses between text and sockaddr.
#include "tools/gateway/listen_address.h"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "common/check.h"

namespace mcpgw::cli {
namespace {

in6_addr ipv6_of(const ListenAddress& address) {
    in6_addr bytes{};
    check(::inet_pton(AF_INET6, address.host.c_str(), &bytes) == 1, "a numeric IPv6 address");
    return bytes;
}

in_addr ipv4_of(const ListenAddress& address) {
    in_addr bytes{};
    check(::inet_pton(AF_INET, address.host.c_str(), &bytes) == 1, "a numeric IPv4 address");
    return bytes;
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(colon + 1);
    std::string_view host = text.substr(0, colon);

    ListenAddress address;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, address.port);
    if (error != std::errc() || stopped != end) return std::nullopt;

    address.is_ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (address.is_ipv6) host = host.substr(1, host.size() - 2);
    address.host = host == "localhost" && !address.is_ipv6 ? "127.0.0.1" : std::string(host);
    in6_addr unused{};
    const int family = address.is_ipv6 ? AF_INET6 : AF_INET;
    if (::inet_pton(family, address.host.c_str(), &unused) != 1) return std::nullopt;
    return address;
}

std::string to_text(const ListenAddress& address) {
    const std::string port = ":" + std::to_string(address.port);
    return address.is_ipv6 ? "[" + address.host + "]" + port : address.host + port;
}

bool is_loopback(const ListenAddress& address) {
    if (!address.is_ipv6) return (ntohl(ipv4_of(address).s_addr) >> 24) == 127;
    const in6_addr bytes = ipv6_of(address);
    return IN6_IS_ADDR_LOOPBACK(&bytes) ||
           (IN6_IS_ADDR_V4MAPPED(&bytes) && bytes.s6_addr[12] == 127);
}

bool is_any(const ListenAddress& address) {
    if (!address.is_ipv6) return ipv4_of(address).s_addr == htonl(INADDR_ANY);
    const in6_addr bytes = ipv6_of(address);
    return IN6_IS_ADDR_UNSPECIFIED(&bytes);
}

SocketAddress to_socket_address(const ListenAddress& address) {
    SocketAddress result;
    if (address.is_ipv6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        v6.sin6_addr = ipv6_of(address);
        std::memcpy(&result.storage, &v6, sizeof v6);
        result.size = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        v4.sin_addr = ipv4_of(address);
        std::memcpy(&result.storage, &v4, sizeof v4);
        result.size = sizeof v4;
    }
    return result;
}

}  // namespace mcpgw::cli
