// Comparison of authorities; no name is ever looked up.
#include "dataplane/auth/origin.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::auth {
namespace {

std::string_view without_port(std::string_view authority) {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        return end == std::string_view::npos ? authority : authority.substr(0, end + 1);
    }
    return authority.substr(0, authority.find(':'));
}

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

bool is_listed(std::string_view value, std::span<const std::string> list) {
    return std::ranges::any_of(
        list, [value](const std::string& item) { return equals_ignoring_case(item, value); });
}

}  // namespace

bool names_loopback(std::string_view authority) {
    const std::string_view host = without_port(authority);
    return equals_ignoring_case(host, "localhost") || host == "[::1]" || is_loopback_ipv4(host);
}

bool host_is_allowed(std::string_view host, const OriginRules& rules) {
    if (is_listed(host, rules.allowed_hosts) || is_listed(without_port(host), rules.allowed_hosts))
        return true;
    if (rules.loopback_listener) return names_loopback(host);
    return rules.allowed_hosts.empty();
}

bool origin_is_allowed(std::string_view origin, const OriginRules& rules) {
    if (origin.empty() || is_listed(origin, rules.allowed_origins)) return true;
    if (!rules.loopback_listener) return rules.allowed_origins.empty();
    const std::size_t scheme_end = origin.find("://");
    return scheme_end != std::string_view::npos && names_loopback(origin.substr(scheme_end + 3));
}

}  // namespace mcpgw::auth
