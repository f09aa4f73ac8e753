// One header, one scheme, one token.
#include "dataplane/auth/bearer.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kScheme = "bearer";

// b64token: these characters, then any number of `=`.
bool is_token(std::string_view text) {
    while (text.ends_with('='))
        text.remove_suffix(1);
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        const char lower = to_lower(c);
        return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_' || c == '~' || c == '+' || c == '/';
    });
}

}  // namespace

Bearer bearer_of(const http::Fields& fields) {
    const http::Field* field = fields.find(http::FieldName::authorization);
    if (field == nullptr) return {};
    if (fields.count_of("Authorization") > 1) return {Bearer::Kind::ambiguous};
    std::string_view value = field->value;
    if (!starts_with_ignoring_case(value, kScheme)) return {};
    value.remove_prefix(kScheme.size());
    if (value.empty() || value.front() != ' ') return {};
    while (value.starts_with(' '))
        value.remove_prefix(1);
    if (value.empty()) return {};
    if (!is_token(value)) return {Bearer::Kind::ambiguous};
    return {Bearer::Kind::token, value};
}

}  // namespace mcpgw::auth
