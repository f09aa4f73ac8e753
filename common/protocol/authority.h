// Hosts and ports as they stand in Host, Origin and URLs (RFC 3986 section 3.2): compared as text,
// never looked up.
#pragma once

#include <string_view>

namespace mcpgw::http {

// The host, with its brackets if it is an IPv6 address.
[[nodiscard]] std::string_view host_of(std::string_view authority);
// localhost, an IPv4 address in 127.0.0.0/8, or [::1]; with or without a port.
[[nodiscard]] bool names_loopback(std::string_view authority);
// Whether two authorities of http:// URLs are one origin: the same host and port, where a port that
// is not there is 80. Names of the loopback are one host.
[[nodiscard]] bool same_http_origin(std::string_view a, std::string_view b);

}  // namespace mcpgw::http
