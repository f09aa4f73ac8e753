// Host and Origin checks against DNS rebinding (MCP 2025-11-25 transports, Security Warning).
//
// A server behind the gateway sees the gateway's Host, so its own check is bypassed and the gateway
// must do it. On a loopback listener Host and Origin must name the loopback (localhost,
// 127.0.0.0/8,
// [::1], any port) or be on a list; on other listeners a list, where one is configured, decides.
// Entries are compared whole: there are no wildcards. To pass is not to be granted: a page may read
// answers only if its origin is one that is listed, or local on a loopback listener.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mcpgw::auth {

struct OriginRules {
    bool loopback_listener = false;
    std::span<const std::string> allowed_hosts;    // host or host:port, ignoring case
    std::span<const std::string> allowed_origins;  // scheme://host[:port], ignoring case
    // As PublicUrl::normalised makes it, or empty. Its host passes, whatever its port: a proxy that
    // is in front of a loopback listener may hand over the Host that it was asked for.
    std::string_view public_url = {};
};

// `host` is the value of Host; empty (HTTP/1.0) passes nowhere that a check applies.
[[nodiscard]] bool host_is_allowed(std::string_view host, const OriginRules& rules);
// `origin` is the value of Origin, or empty when absent, which passes.
[[nodiscard]] bool origin_is_allowed(std::string_view origin, const OriginRules& rules);

// Whether pages of that origin may read what is answered. Never without a list or a loopback.
[[nodiscard]] bool origin_is_granted(std::string_view origin, const OriginRules& rules);

}  // namespace mcpgw::auth
