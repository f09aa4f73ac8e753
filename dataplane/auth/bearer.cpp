// One header, one scheme, one token.
#include "dataplane/auth/bearer.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kScheme = "bearer";

bool is_b64token_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/").contains(c);
}

}  // namespace

Bearer bearer_of(const http::Fields& fields) {
    const http::Field* field = fields.find(http::FieldName::authorization);
    if (field == nullptr) return {};
    if (fields.repeats(http::FieldName::authorization)) return {Bearer::Kind::ambiguous};
    std::string_view value = field->value;
    if (!starts_with_ignoring_case(value, kScheme)) return {};
    value.remove_prefix(kScheme.size());
    if (value.empty() || value.front() != ' ') return {};
    while (value.starts_with(' '))
        value.remove_prefix(1);
    if (value.empty()) return {};
    return {Bearer::Kind::token, value};
}

// Those characters, then any number of `=`.
bool is_b64token(std::string_view token) {
    while (token.ends_with('='))
        token.remove_suffix(1);
    return !token.empty() && std::ranges::all_of(token, is_b64token_character);
}

}  // namespace mcpgw::auth
