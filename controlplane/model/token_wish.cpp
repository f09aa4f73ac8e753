// Ages, and the members of a body.
#include "controlplane/model/token_wish.h"

#include <charconv>

#include "common/json_writer.h"
#include "common/time.h"
#include "controlplane/model/access_json.h"

namespace mcpgw::model {
namespace {

constexpr std::uint64_t kSecondsMax = 100ULL * 365 * 24 * 60 * 60;

std::uint64_t seconds_of_unit(char unit) {
    switch (unit) {
        case 's':
            return 1;
        case 'm':
            return 60;
        case 'h':
            return 60 * 60;
        case 'd':
            return 24 * 60 * 60;
        default:
            return 0;
    }
}

}  // namespace

std::optional<std::uint64_t> seconds_of_age(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    const std::uint64_t unit = seconds_of_unit(text.back());
    text.remove_suffix(1);
    std::uint64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (unit == 0 || error != std::errc() || stop != end || count == 0 ||
        count > kSecondsMax / unit)
        return std::nullopt;
    return count * unit;
}

Result<std::string> body_of(const TokenWish& wish, std::uint64_t now_unix_ms) {
    std::string expires_at = wish.expires;
    if (const auto age = seconds_of_age(wish.expires))
        expires_at = rfc3339(now_unix_ms + *age * 1000);
    else if (!wish.expires.empty() && !unix_millis_of_rfc3339(wish.expires))
        return failure(Code::invalid_argument,
                       "--expires must be an age such as 12h or 30d, or a time such as "
                       "2027-01-31T00:00:00Z, not '" +
                           wish.expires + "'");
    JsonWriter out;
    out.object().key("user").string(wish.user);
    write_texts(out, "roles", wish.roles);
    if (!wish.tenant.empty()) out.key("tenant").string(wish.tenant);
    write_texts(out, "scopes", wish.scopes);
    write_texts(out, "adapters", wish.adapters);
    if (!expires_at.empty()) out.key("expiresAt").string(expires_at);
    out.end();
    return out.take();
}

}  // namespace mcpgw::model
