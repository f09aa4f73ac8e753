// Lists of fields that stop here, and the fields that the gateway adds.
#include "dataplane/exchange/heads.h"

#include <algorithm>
#include <tuple>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"
#include "dataplane/exchange/cors.h"

namespace mcpgw::exchange {
namespace {

using http::FieldName;
using http::FieldSet;

// RFC 9110 section 7.6.1, and what frames the message on this hop only.
constexpr FieldSet kHopByHop{
    FieldName::connection,          FieldName::keep_alive, FieldName::proxy_connection,
    FieldName::proxy_authenticate,  FieldName::te,         FieldName::trailer,
    FieldName::proxy_authorization, FieldName::upgrade,    FieldName::transfer_encoding,
    FieldName::content_length,
};
constexpr FieldSet kStopsInRequests = kHopByHop.with({
    FieldName::host,
    FieldName::authorization,
    FieldName::cookie,
    FieldName::origin,
    FieldName::forwarded,
    FieldName::expect,
    FieldName::mcp_session_id,
    FieldName::traceparent,
    FieldName::x_mcp,
    FieldName::x_forwarded,
    FieldName::x_dev,
    FieldName::x_dev_roles,
    FieldName::x_dev_user_id,
    FieldName::look_alike,
});
constexpr FieldSet kStopsInAnswers =
    kHopByHop.with({FieldName::set_cookie, FieldName::server, FieldName::www_authenticate,
                    FieldName::mcp_session_id});

bool is_named_by_connection(const http::Fields& fields, std::string_view name) {
    return std::ranges::any_of(fields.all(), [name](const http::Field& field) {
        return field.known == FieldName::connection && http::list_has_token(field.value, name);
    });
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
    constexpr std::string_view shape = "00-................................-................-01";
    static_assert(shape.size() <= std::tuple_size_v<std::remove_reference_t<decltype(room)>>);
    char* text = room.data();
    shape.copy(text, shape.size());
    write_hex(random.next(), text + 3);
    write_hex(random.next(), text + 19);
    write_hex(random.next() | 1U, text + 36);
    return {text, shape.size()};
}

// RFC 7239. Hosts that would need quoting inside the quotes are left out.
std::string_view write_forwarded(const RequestFieldsIn& in, std::array<char, 512>& room) {
    constexpr std::size_t host_bytes_max = 256;
    const std::string_view address =
        in.client_address.empty() ? std::string_view("unknown") : in.client_address;
    check(address.size() + host_bytes_max + 64 <= room.size(), "the room holds the longest");
    const bool quoted = address.find(':') != std::string_view::npos;
    char* end = room.data();
    const auto put = [&end](std::string_view text) { end += text.copy(end, text.size()); };
    put(quoted ? "for=\"[" : "for=");
    put(address);
    put(quoted ? "]\";host=\"" : ";host=\"");
    const std::string_view host = in.host.empty() ? in.head.host : in.host;
    if (host.size() <= host_bytes_max) put(host);
    put("\";proto=");
    put(in.scheme);
    return {room.data(), static_cast<std::size_t>(end - room.data())};
}

bool is_replaced(const Adapter* adapter, std::string_view name) {
    return adapter != nullptr &&
           std::ranges::any_of(adapter->request_headers, [name](const auto& own) {
               return equals_ignoring_case(own.first, name);
           });
}

// Who asks, as servers and the control plane are told. An adapter that counts for one tenant
// counts for it whoever calls.
bool add_identity(const Decision& decision, http::Fields& out) {
    const auth::Identity& identity = decision.identity;
    const bool is_of_tenant = decision.adapter != nullptr && !decision.adapter->tenant.empty();
    const std::string_view tenant = is_of_tenant ? decision.adapter->tenant : identity.tenant;
    return out.add("X-Mcp-UserId", identity.user) && out.add("X-Mcp-Roles", identity.roles) &&
           (tenant.empty() || out.add("X-Mcp-Tenant", tenant)) &&
           (identity.name.empty() || out.add("X-Mcp-UserName", identity.name));
}

}  // namespace

bool make_request_fields(const RequestFieldsIn& in, FieldScratch& scratch, http::Fields& out) {
    const http::Fields& fields = in.head.fields;
    const Decision& decision = in.decision;
    const bool has_connection = fields.has(FieldName::connection);
    const bool asks_for_stream = decision.adapter != nullptr && in.head.method == http::Method::get;
    out.clear();
    for (const http::Field& field : fields.all()) {
        if (kStopsInRequests.has(field.known) || is_replaced(decision.adapter, field.name))
            continue;
        // The events of a stream are looked at, and one of HTTP+SSE is changed.
        if ((asks_for_stream || decision.filters_tools) &&
            equals_ignoring_case(field.name, "accept-encoding"))
            continue;
        if (has_connection && is_named_by_connection(fields, field.name)) continue;
        if (!out.add(field)) return false;
    }
    bool fits = !decision.filters_tools || out.add("Accept-Encoding", "identity");
    if (decision.adapter != nullptr) {
        for (const auto& [name, value] : decision.adapter->request_headers)
            fits = fits && out.add(name, value);
    }
    fits = fits && add_identity(decision, out);
    if (!decision.server_session_id.empty())
        fits = fits && out.add(mcp::kSessionId, decision.server_session_id);
    if (!in.assertion.empty()) fits = fits && out.add(auth::Assertions::kHeader, in.assertion);
    const std::string_view trace = fields.value_or_empty(FieldName::traceparent);
    return fits && out.add("Forwarded", write_forwarded(in, scratch.forwarded)) &&
           out.add("Via", in.head.minor_version == 0 ? "1.0 mcp-gateway" : "1.1 mcp-gateway") &&
           out.add("traceparent", is_traceparent(trace)
                                      ? trace
                                      : write_traceparent(in.random, scratch.traceparent));
}

bool make_response_fields(const http::ResponseHead& head, std::string_view sealed_session_id,
                          http::Fields& out) {
    const bool has_connection = head.fields.has(FieldName::connection);
    out.clear();
    for (const http::Field& field : head.fields.all()) {
        if (kStopsInAnswers.has(field.known) || is_cors_field(field.name)) continue;
        if (has_connection && is_named_by_connection(head.fields, field.name)) continue;
        if (!out.add(field)) return false;
    }
    return sealed_session_id.empty() || out.add(mcp::kSessionId, sealed_session_id);
}

bool is_event_stream(const http::ResponseHead& head) {
    const std::string_view type = head.fields.value_or_empty(FieldName::content_type);
    constexpr std::string_view wanted = "text/event-stream";
    return starts_with_ignoring_case(type, wanted) &&
           (type.size() == wanted.size() || type[wanted.size()] == ';' ||
            type[wanted.size()] == ' ');
}

bool is_encoded(const http::ResponseHead& head) {
    const std::string_view coding = head.fields.value_or_empty(FieldName::content_encoding);
    return !coding.empty() && !equals_ignoring_case(coding, "identity");
}

}  // namespace mcpgw::exchange
