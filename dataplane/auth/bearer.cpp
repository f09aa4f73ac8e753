// One header, one scheme, one token.
#include "dataplane/auth/bearer.h"

#include <array>
#include <cstdint>

#include "common/bytes.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kScheme = "bearer";

// What stands in no b64token: anything but these characters.
constexpr std::array<std::uint8_t, 256> kForeign = [] {
    std::array<std::uint8_t, 256> foreign;
    foreign.fill(1);
    for (const char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"))
        foreign[static_cast<unsigned char>(c)] = 0;
    return foreign;
}();

// A b64token is those, then any number of `=`. Without a branch for each character: every request
// has a long one.
bool is_token(std::string_view text) {
    while (text.ends_with('='))
        text.remove_suffix(1);
    std::uint8_t foreign = 0;
    for (const char c : text)
        foreign |= kForeign[static_cast<unsigned char>(c)];
    return !text.empty() && foreign == 0;
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
