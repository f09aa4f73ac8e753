// scheme "://" host [":" port] [path], character by character.
#include "controlplane/model/url.h"

#include <charconv>

#include <arpa/inet.h>

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::model {
namespace {

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}
bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

std::unexpected<Error> refuse(std::string detail) {
    return failure(Code::invalid_argument, std::move(detail), Side::client);
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > limits::host_bytes_max) return false;
    char previous = '.';
    for (const char c : host) {
        if (!is_alnum(c) && c != '-' && c != '.' && c != '_') return false;
        if (c == '.' && previous == '.') return false;
        previous = c;
    }
    return true;
}

bool is_ipv6(const std::string& host) {
    in6_addr address{};
    return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Splits "host:port" or "[v6]:port"; fills host and port of `url` and says if there was a port.
Result<bool> split_authority(std::string_view text, ServerUrl& url) {
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return refuse("has a '[' without ']'");
        url.host = text.substr(1, close - 1);
        if (!is_ipv6(url.host)) return refuse("has no valid IPv6 address between the brackets");
        rest = text.substr(close + 1);
    } else {
        const std::size_t colon = text.find(':');
        url.host = text.substr(0, colon);
        if (!is_host_name(url.host)) return refuse("has no valid host");
        rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    for (char& c : url.host)
        c = to_lower(c);
    if (rest.empty()) return false;
    if (rest[0] != ':') return refuse("has no valid port");
    rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), url.port);
    if (error != std::errc() || end != rest.data() + rest.size() || url.port == 0)
        return refuse("has no valid port (1 to 65535)");
    return true;
}

}  // namespace

bool is_path(std::string_view path) {
    if (!path.starts_with('/') || path.size() > limits::path_bytes_max) return false;
    std::size_t segment = 1;
    for (std::size_t at = 1; at <= path.size(); ++at) {
        if (at < path.size() && path[at] != '/') continue;
        const std::string_view text = path.substr(segment, at - segment);
        if (text == "." || text == "..") return false;
        segment = at + 1;
    }
    for (std::size_t at = 0; at < path.size(); ++at) {
        const char c = path[at];
        if (c == '%') {
            if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2]))
                return false;
        } else if (!is_alnum(c) &&
                   std::string_view("-._~!$&'()*+,;=:@/").find(c) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

Result<ServerUrl> parse_server_url(std::string_view text) {
    ServerUrl url;
    if (starts_with_ignoring_case(text, "https://")) {
        url.is_https = true;
        text.remove_prefix(8);
    } else if (starts_with_ignoring_case(text, "http://")) {
        text.remove_prefix(7);
    } else {
        return refuse("must start with http:// or https://");
    }
    if (text.find('#') != std::string_view::npos) return refuse("must not have a fragment");
    if (text.find('?') != std::string_view::npos) return refuse("must not have a query");
    const std::size_t slash = text.find('/');
    const std::string_view authority = text.substr(0, slash);
    if (authority.find('@') != std::string_view::npos)
        return refuse("must not have user information; use requestHeaders for credentials");
    if (slash != std::string_view::npos) url.path = text.substr(slash);
    if (!url.path.empty() && !is_path(url.path)) return refuse("has no valid path");

    const std::uint16_t default_port = url.is_https ? 443 : 80;
    const auto has_port = split_authority(authority, url);
    if (!has_port) return std::unexpected(has_port.error());
    if (!*has_port) url.port = default_port;
    const bool is_v6 = url.host.find(':') != std::string::npos;
    url.authority = is_v6 ? "[" + url.host + "]" : url.host;
    if (url.port != default_port) url.authority += ":" + std::to_string(url.port);
    return url;
}

Endpoint endpoint_of_url(const Adapter& adapter) {
    const auto url = parse_server_url(adapter.url);
    if (!url) return Endpoint{};
    return Endpoint{url->host, url->port, url->path.empty() ? adapter.path : url->path,
                    url->authority};
}

}  // namespace mcpgw::model
