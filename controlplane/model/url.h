// Taking apart the URLs that people give for servers that already run.
//
// Only what can be a server's address is taken: http or https, a host, perhaps a port, perhaps a
// path. No user information, query or fragment, and every character from an allow-list, because
// these parts end up in request lines and logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::model {

struct ServerUrl {
    bool is_https = false;
    std::string host;         // lower case, without the brackets of IPv6
    std::uint16_t port = 80;  // 443 for https
    std::string path;         // empty if the URL says none
    std::string authority;    // host[:port] as a Host header wants it; a default port is left out
};

// invalid_argument with a detail that completes the sentence "url ...".
[[nodiscard]] Result<ServerUrl> parse_server_url(std::string_view url);

// A path of a request target: "/", then segments of the characters of RFC 3986 section 3.3, none of
// which is "." or "..", within limits::path_bytes_max.
[[nodiscard]] bool is_path(std::string_view path);

}  // namespace mcpgw::model
