// Which fields answer a browser, and which headers it may send.
#include "dataplane/exchange/cors.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::exchange {
namespace {

constexpr std::string_view kExposed =
    "Mcp-Session-Id, WWW-Authenticate, Last-Event-Id, MCP-Protocol-Version, Retry-After, "
    "RateLimit, RateLimit-Policy";
constexpr std::string_view kAllowed =
    "Content-Type, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, "
    "Mcp-Method, Mcp-Name";
constexpr std::string_view kParameter = "mcp-param-";
constexpr std::string_view kMaxAge = "7200";  // the longest that Chromium takes
static_assert(limits::cors_allowed_headers_bytes_max >= 2 * kAllowed.size());

bool is_parameter(std::string_view name) {
    return name.size() > kParameter.size() && starts_with_ignoring_case(name, kParameter) &&
           http::is_token(name);
}

// The value of Access-Control-Allow-Headers.
std::string_view write_allowed(const http::RequestHead& head, AllowedHeaders& room) {
    std::size_t size = kAllowed.copy(room.data(), room.size());
    for (const http::Field& field : head.fields.all()) {
        if (!equals_ignoring_case(field.name, "Access-Control-Request-Headers")) continue;
        for (std::string_view rest = field.value; !rest.empty();) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            const std::string_view name = without_blanks(rest.substr(0, comma));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
            if (!is_parameter(name) || name.size() + 2 > room.size() - size) continue;
            size += std::string_view(", ").copy(room.data() + size, 2);
            size += name.copy(room.data() + size, name.size());
        }
    }
    return {room.data(), size};
}

// The server's own may be there already.
bool varies_by_origin(const http::Fields& fields) {
    return std::ranges::any_of(fields.all(), [](const http::Field& field) {
        return equals_ignoring_case(field.name, "Vary") &&
               (http::list_has_token(field.value, "Origin") ||
                http::list_has_token(field.value, "*"));
    });
}

}  // namespace

bool is_for_browsers(Target::Kind kind) {
    switch (kind) {
        case Target::Kind::adapter_mcp:
        case Target::Kind::adapter_sse:
        case Target::Kind::adapter_messages:
        case Target::Kind::router_mcp:
        case Target::Kind::well_known:
            return true;
        case Target::Kind::management:
        case Target::Kind::ping:
        case Target::Kind::healthz:
        case Target::Kind::readyz:
        case Target::Kind::jwks:
        case Target::Kind::whole_server:
        case Target::Kind::unknown:
            break;
    }
    return false;
}

bool is_preflight(const http::RequestHead& head) {
    return head.method == http::Method::options &&
           head.fields.find("Access-Control-Request-Method") != nullptr;
}

bool is_cors_field(std::string_view name) {
    return starts_with_ignoring_case(name, "Access-Control-");
}

bool add_grant(std::string_view origin, http::Fields& out) {
    return (varies_by_origin(out) || out.add("Vary", "Origin")) &&
           out.add("Access-Control-Allow-Origin", origin) &&
           out.add("Access-Control-Expose-Headers", kExposed);
}

bool add_preflight(const http::RequestHead& head, std::string_view methods, AllowedHeaders& room,
                   http::Fields& out) {
    return out.add("Access-Control-Allow-Methods", methods) &&
           out.add("Access-Control-Allow-Headers", write_allowed(head, room)) &&
           out.add("Access-Control-Max-Age", kMaxAge);
}

}  // namespace mcpgw::exchange
