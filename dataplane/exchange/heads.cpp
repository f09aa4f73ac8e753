// Lists of fields that stop here, and the fields that the gateway adds.
#include "dataplane/exchange/heads.h"

#include <algorithm>
#include <cstdio>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::exchange {
namespace {

// RFC 9110 section 7.6.1, and what frames the message on this hop only.
constexpr std::array<std::string_view, 10> kHopByHop{"Connection",
                                                     "Keep-Alive",
                                                     "Proxy-Connection",
                                                     "Proxy-Authenticate",
                                                     "Proxy-Authorization",
                                                     "TE",
                                                     "Trailer",
                                                     "Transfer-Encoding",
                                                     "Upgrade",
                                                     "Content-Length"};
constexpr std::array<std::string_view, 8> kRequestOnly{"Host",           "Authorization", "Cookie",
                                                       "Origin",         "Forwarded",     "Expect",
                                                       "Mcp-Session-Id", "traceparent"};
constexpr std::array<std::string_view, 3> kRequestPrefixes{"X-Mcp-", "X-Forwarded-", "X-Dev-"};
constexpr std::array<std::string_view, 4> kResponseOnly{"Set-Cookie", "Server", "WWW-Authenticate",
                                                        "Mcp-Session-Id"};

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
    return std::ranges::any_of(
        names, [name](std::string_view other) { return equals_ignoring_case(name, other); });
}

bool is_named_by_connection(const http::Fields& fields, std::string_view name) {
    return std::ranges::any_of(fields.all(), [name](const http::Field& field) {
        return equals_ignoring_case(field.name, "Connection") &&
               http::list_has_token(field.value, name);
    });
}

bool add(http::Fields& out, std::string_view name, std::string_view value) {
    if (out.count == out.items.size()) return false;
    out.items[out.count++] = {name, value};
    return true;
}

// 00-<trace>-<span>-<flags>: W3C Trace Context, version 00.
bool is_traceparent(std::string_view value) {
    if (value.size() != 55 || !value.starts_with("00-")) return false;
    for (std::size_t i = 3; i < value.size(); ++i) {
        const bool dash = i == 35 || i == 52;
        const char c = value[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex) return false;
    }
    return true;
}

std::string_view write_traceparent(Random& random, std::array<char, 64>& room) {
    const int size = std::snprintf(room.data(), room.size(), "00-%016llx%016llx-%016llx-01",
                                   static_cast<unsigned long long>(random.next()),
                                   static_cast<unsigned long long>(random.next()),
                                   static_cast<unsigned long long>(random.next() | 1U));
    return {room.data(), static_cast<std::size_t>(size)};
}

// RFC 7239. Hosts that would need quoting inside the quotes are left out.
std::string_view write_forwarded(const RequestFieldsIn& in, std::array<char, 512>& room) {
    const bool v6 = in.client_address.find(':') != std::string_view::npos;
    const bool has_address = !in.client_address.empty();
    const std::string_view host = in.head.host.size() <= 256 ? in.head.host : std::string_view();
    const int size = std::snprintf(
        room.data(), room.size(), "for=%s%.*s%s;host=\"%.*s\";proto=http",
        !has_address ? "unknown" : (v6 ? "\"[" : ""), static_cast<int>(in.client_address.size()),
        in.client_address.data(), v6 ? "]\"" : "", static_cast<int>(host.size()), host.data());
    return {room.data(), static_cast<std::size_t>(size)};
}

bool goes_to_server(std::string_view name) {
    if (is_one_of(name, kHopByHop) || is_one_of(name, kRequestOnly)) return false;
    return std::ranges::none_of(kRequestPrefixes, [name](std::string_view prefix) {
        return starts_with_ignoring_case(name, prefix);
    });
}

bool is_replaced(const Adapter* adapter, std::string_view name) {
    return adapter != nullptr &&
           std::ranges::any_of(adapter->request_headers, [name](const auto& own) {
               return equals_ignoring_case(own.first, name);
           });
}

}  // namespace

bool make_request_fields(const RequestFieldsIn& in, FieldScratch& scratch, http::Fields& out) {
    const http::Fields& fields = in.head.fields;
    const Decision& decision = in.decision;
    const bool has_connection = fields.find("Connection") != nullptr;
    out.count = 0;
    for (const http::Field& field : fields.all()) {
        if (!goes_to_server(field.name) || is_replaced(decision.adapter, field.name)) continue;
        if (has_connection && is_named_by_connection(fields, field.name)) continue;
        if (!add(out, field.name, field.value)) return false;
    }
    bool fits = true;
    if (decision.adapter != nullptr) {
        for (const auto& [name, value] : decision.adapter->request_headers)
            fits = fits && add(out, name, value);
        if (!decision.adapter->tenant.empty())
            fits = fits && add(out, "X-Mcp-Tenant", decision.adapter->tenant);
    }
    if (!decision.server_session_id.empty())
        fits = fits && add(out, mcp::kSessionId, decision.server_session_id);
    const std::string_view trace = fields.value_or_empty("traceparent");
    return fits && add(out, "X-Mcp-UserId", decision.identity.user) &&
           add(out, "X-Mcp-Roles", decision.identity.roles) &&
           add(out, "Forwarded", write_forwarded(in, scratch.forwarded)) &&
           add(out, "traceparent",
               is_traceparent(trace) ? trace : write_traceparent(in.random, scratch.traceparent));
}

bool make_response_fields(const http::ResponseHead& head, std::string_view sealed_session_id,
                          http::Fields& out) {
    const bool has_connection = head.fields.find("Connection") != nullptr;
    out.count = 0;
    for (const http::Field& field : head.fields.all()) {
        if (is_one_of(field.name, kHopByHop) || is_one_of(field.name, kResponseOnly)) continue;
        if (has_connection && is_named_by_connection(head.fields, field.name)) continue;
        if (!add(out, field.name, field.value)) return false;
    }
    return sealed_session_id.empty() || add(out, mcp::kSessionId, sealed_session_id);
}

}  // namespace mcpgw::exchange
