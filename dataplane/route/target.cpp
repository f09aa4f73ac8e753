// The route table of CONTRACT section 3, segment by segment.
#include "dataplane/route/target.h"

#include <array>
#include <cstddef>

namespace mcpgw {
namespace {

using Kind = Target::Kind;

// Every path that is known answers OPTIONS (RFC 9110 section 9.3.7).
constexpr std::string_view kOwnPage = "GET, HEAD, OPTIONS";
constexpr std::string_view kRead = "GET, OPTIONS";
constexpr std::string_view kEndpoint = "GET, POST, DELETE, OPTIONS";
constexpr std::string_view kEverything = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
constexpr std::string_view kJwks = "/.well-known/mcp-gateway/jwks.json";
// RFC 9728 section 3; RFC 8414 section 3 and OpenID Connect Discovery 1.0 section 4.
constexpr std::string_view kWellKnown = "/.well-known/oauth-protected-resource";
constexpr std::string_view kOfIssuer[] = {"/.well-known/oauth-authorization-server",
                                          "/.well-known/openid-configuration"};

// Up to three segments behind the first slash; `count` is 4 for more.
struct Segments {
    std::array<std::string_view, 3> items;
    std::size_t count = 0;
};

Segments split(std::string_view path) {
    Segments segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        if (segments.count == segments.items.size()) {
            ++segments.count;
            return segments;
        }
        const std::size_t end = path.find('/');
        segments.items[segments.count++] = path.substr(0, end);
        path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    }
    return segments;
}

// Percent signs, empty segments and dot segments have no place in a path that is known.
bool is_plain(std::string_view path) {
    if (path.empty() || path[0] != '/') return false;
    std::size_t start = 1;
    for (std::size_t i = 1; i <= path.size(); ++i) {
        if (i < path.size() && path[i] == '%') return false;
        if (i < path.size() && path[i] != '/') continue;
        const std::string_view segment = path.substr(start, i - start);
        const bool is_last = i == path.size();
        if (segment == "." || segment == ".." || (segment.empty() && !is_last)) return false;
        start = i + 1;
    }
    return true;
}

Target management(std::string_view allow) {
    return {Kind::management, {}, allow, {}};
}

// A document about the resource whose path stands behind; `Kind::unknown` if it is another one.
Target document(std::string_view path, std::string_view where) {
    if (!path.starts_with(where)) return {};
    const std::string_view resource = path.substr(where.size());
    if (!resource.empty() && resource[0] != '/') return {};
    return {Kind::well_known, {}, kRead, resource, where != kWellKnown};
}

// /adapters and /tools, which have the same resources below them.
Target collection(const Segments& path) {
    const bool is_adapters = path.items[0] == "adapters";
    if (path.count == 1) return management("GET, POST, OPTIONS");
    const std::string_view name = path.items[1];
    if (name.empty()) return {};
    if (path.count == 2) return management("GET, PUT, DELETE, OPTIONS");
    if (path.count > 3) return {};
    const std::string_view end = path.items[2];
    if (end == "status" || end == "logs") return management(kRead);
    if (!is_adapters) return {};
    if (end == "mcp") return {Kind::adapter_mcp, name, kEndpoint, {}};
    if (end == "sse") return {Kind::adapter_sse, name, kRead, {}};
    if (end == "messages") return {Kind::adapter_messages, name, "POST, OPTIONS", {}};
    return {};
}

Target single(std::string_view name) {
    if (name == "mcp") return {Kind::router_mcp, {}, kEndpoint, {}};
    if (name == "ping") return {Kind::ping, {}, kOwnPage, {}};
    if (name == "healthz") return {Kind::healthz, {}, kOwnPage, {}};
    if (name == "readyz") return {Kind::readyz, {}, kOwnPage, {}};
    if (name == "tenants" || name == "sessions" || name == "audit") return management(kRead);
    if (name == "tokens") return management("GET, POST, OPTIONS");
    if (name == "openapi.json") return management(kOwnPage);
    return {};
}

}  // namespace

TargetFacts target_facts(Target::Kind kind) {
    switch (kind) {
        case Kind::adapter_mcp:
        case Kind::router_mcp:
            return {.endpoint = "mcp", .is_resource = true};
        case Kind::adapter_sse:
            return {.endpoint = "sse", .is_resource = true};
        case Kind::adapter_messages:
            return {.endpoint = "sse"};
        case Kind::ping:
        case Kind::healthz:
        case Kind::readyz:
        case Kind::jwks:
        case Kind::well_known:
        case Kind::whole_server:
            return {.is_own_page = true};
        case Kind::management:
        case Kind::unknown:
            break;
    }
    return {};
}

Target classify(std::string_view path) {
    if (path == "*") return {Kind::whole_server, {}, kEverything, {}};
    if (!is_plain(path)) return {};
    if (path == kJwks) return {Kind::jwks, {}, kOwnPage, {}};
    if (path.starts_with("/.well-known/")) {
        Target target = document(path, kWellKnown);
        for (const std::string_view where : kOfIssuer)
            if (target.kind == Kind::unknown) target = document(path, where);
        return target;
    }
    if (path.ends_with("/mcp/")) {
        path.remove_suffix(1);
        const Target target = classify(path);
        const bool is_endpoint =
            target.kind == Kind::router_mcp || target.kind == Kind::adapter_mcp;
        return is_endpoint ? target : Target{};
    }
    const Segments segments = split(path);
    const std::string_view first = segments.items[0];
    if (first == "adapters" || first == "tools") return collection(segments);
    if (segments.count == 1) return single(first);
    if (segments.count != 2 || segments.items[1].empty()) return {};
    if (first == "tenants") return management("GET, PUT, DELETE, OPTIONS");
    if (first == "sessions") return management("DELETE, OPTIONS");
    if (first == "tokens") return management("GET, DELETE, OPTIONS");
    return {};
}

}  // namespace mcpgw
