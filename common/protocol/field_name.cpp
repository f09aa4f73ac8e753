// Known names, sorted by length: a name is compared with the few that are as long as it is.
#include "common/protocol/field_name.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"

namespace mcpgw::http {
namespace {

struct Known {
    std::string_view text;
    FieldName name;
};

constexpr auto kKnown = std::to_array<Known>({
    {"te", FieldName::te},
    {"date", FieldName::date},
    {"host", FieldName::host},
    {"cookie", FieldName::cookie},
    {"expect", FieldName::expect},
    {"origin", FieldName::origin},
    {"server", FieldName::server},
    {"trailer", FieldName::trailer},
    {"upgrade", FieldName::upgrade},
    {"mcp-name", FieldName::mcp_name},
    {"forwarded", FieldName::forwarded},
    {"connection", FieldName::connection},
    {"keep-alive", FieldName::keep_alive},
    {"mcp-method", FieldName::mcp_method},
    {"set-cookie", FieldName::set_cookie},
    {"traceparent", FieldName::traceparent},
    {"x-dev-roles", FieldName::x_dev_roles},
    {"content-type", FieldName::content_type},
    {"x-dev-userid", FieldName::x_dev_user_id},
    {"authorization", FieldName::authorization},
    {"last-event-id", FieldName::last_event_id},
    {"content-length", FieldName::content_length},
    {"mcp-session-id", FieldName::mcp_session_id},
    {"content-encoding", FieldName::content_encoding},
    {"proxy-connection", FieldName::proxy_connection},
    {"www-authenticate", FieldName::www_authenticate},
    {"transfer-encoding", FieldName::transfer_encoding},
    {"proxy-authenticate", FieldName::proxy_authenticate},
    {"proxy-authorization", FieldName::proxy_authorization},
    {"mcp-protocol-version", FieldName::mcp_protocol_version},
});
constexpr std::size_t kLongest = kKnown.back().text.size();

static_assert(std::ranges::is_sorted(kKnown, {},
                                     [](const Known& known) { return known.text.size(); }));

// Where the names of each length begin; those of length n end where those of n + 1 begin.
constexpr std::array<std::uint8_t, kLongest + 2> make_starts() {
    std::array<std::uint8_t, kLongest + 2> starts{};
    for (const Known& known : kKnown)
        for (std::size_t length = known.text.size() + 1; length < starts.size(); ++length)
            ++starts[length];
    return starts;
}
constexpr auto kStarts = make_starts();

FieldName family_of(std::string_view token) {
    if (token.size() < 2 || to_lower(token[0]) != 'x' || token[1] != '-') return FieldName::other;
    if (starts_with_ignoring_case(token, "x-mcp-")) return FieldName::x_mcp;
    if (starts_with_ignoring_case(token, "x-forwarded-")) return FieldName::x_forwarded;
    if (starts_with_ignoring_case(token, "x-dev-")) return FieldName::x_dev;
    return FieldName::other;
}

FieldName exact_name_of(std::string_view token) {
    if (token.size() <= kLongest) {
        const std::size_t end = kStarts[token.size() + 1];
        for (std::size_t i = kStarts[token.size()]; i < end; ++i)
            if (equals_ignoring_case(token, kKnown[i].text)) return kKnown[i].name;
    }
    return family_of(token);
}

// What is longer than every known name can only be of a family, which its beginning tells.
FieldName name_behind_underscores(std::string_view token) {
    std::array<char, kLongest> text{};
    const std::size_t size = token.copy(text.data(), text.size());
    std::ranges::replace(text, '_', '-');
    const FieldName name = exact_name_of({text.data(), size});
    const bool cut = size < token.size();
    return cut ? family_of({text.data(), size}) : name;
}

}  // namespace

FieldName field_name_of(std::string_view token) {
    const FieldName name = exact_name_of(token);
    if (name != FieldName::other || token.find('_') == std::string_view::npos) return name;
    return name_behind_underscores(token) == FieldName::other ? FieldName::other
                                                              : FieldName::look_alike;
}

}  // namespace mcpgw::http
