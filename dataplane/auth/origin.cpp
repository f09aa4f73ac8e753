// Comparison of authorities; no name is ever looked up.
#include "dataplane/auth/origin.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/authority.h"

namespace mcpgw::auth {
namespace {

bool is_listed(std::string_view value, std::span<const std::string> list) {
    return std::ranges::any_of(
        list, [value](const std::string& item) { return equals_ignoring_case(item, value); });
}

// Of a URL that is one, without its port.
std::string_view host_of_url(std::string_view url) {
    url.remove_prefix(std::min(url.find("://") + 3, url.size()));
    return http::host_of(url.substr(0, url.find('/')));
}

}  // namespace

bool host_is_allowed(std::string_view host, const OriginRules& rules) {
    if (is_listed(host, rules.allowed_hosts) || is_listed(http::host_of(host), rules.allowed_hosts))
        return true;
    const bool is_public = !rules.public_url.empty() &&
                           equals_ignoring_case(http::host_of(host), host_of_url(rules.public_url));
    if (is_public) return true;
    if (rules.loopback_listener) return http::names_loopback(host);
    return rules.allowed_hosts.empty();
}

bool origin_is_allowed(std::string_view origin, const OriginRules& rules) {
    if (origin.empty() || origin_is_granted(origin, rules)) return true;
    return !rules.loopback_listener && rules.allowed_origins.empty();
}

bool origin_is_granted(std::string_view origin, const OriginRules& rules) {
    if (origin.empty()) return false;
    if (is_listed(origin, rules.allowed_origins)) return true;
    const std::size_t scheme_end = origin.find("://");
    return rules.loopback_listener && scheme_end != std::string_view::npos &&
           http::names_loopback(origin.substr(scheme_end + 3));
}

}  // namespace mcpgw::auth
