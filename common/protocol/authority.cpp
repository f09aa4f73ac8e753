// Comparison of authorities; user information is part of no authority that we accept.
#include "common/protocol/authority.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::http {
namespace {

bool is_loopback_ipv4(std::string_view host) {
    if (!host.starts_with("127.")) return false;
    int octets = 1;
    int value = -1;
    for (const char c : host.substr(4)) {
        if (c == '.') {
            if (value < 0) return false;
            ++octets;
            value = -1;
            continue;
        }
        if (c < '0' || c > '9') return false;
        value = std::max(value, 0) * 10 + (c - '0');
        if (value > 255) return false;
    }
    return octets == 3 && value >= 0;
}

// "80" where there is none; the text as it is where it is no port.
std::string_view port_of(std::string_view authority) {
    const std::string_view rest = authority.substr(host_of(authority).size());
    return rest.empty() || rest == ":" ? std::string_view("80") : rest.substr(1);
}

}  // namespace

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        return end == std::string_view::npos ? authority : authority.substr(0, end + 1);
    }
    return authority.substr(0, authority.find(':'));
}

bool names_loopback(std::string_view authority) {
    const std::string_view host = host_of(authority);
    return equals_ignoring_case(host, "localhost") || host == "[::1]" || is_loopback_ipv4(host);
}

bool same_http_origin(std::string_view a, std::string_view b) {
    const bool same_host =
        equals_ignoring_case(host_of(a), host_of(b)) || (names_loopback(a) && names_loopback(b));
    return same_host && !host_of(a).empty() && port_of(a) == port_of(b);
}

}  // namespace mcpgw::http
