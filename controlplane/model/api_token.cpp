// API tokens in and out of JSON, their random bytes and their hash.
#include "controlplane/model/api_token.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/sha.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/time.h"
#include "controlplane/model/access_json.h"
#include "controlplane/model/identity_rules.h"

namespace mcpgw::model {
namespace {

constexpr std::size_t kSecretBytes = 32;

void read_expiry(FieldReader& in, std::uint64_t now_unix_ms, ApiToken& token) {
    std::string text;
    if (!in.string("expiresAt", text)) return;
    const auto at = unix_millis_of_rfc3339(text);
    if (!at || *at < 1000) return in.complain("expiresAt", "must be a time of RFC 3339");
    if (*at <= now_unix_ms) return in.complain("expiresAt", "must be in the future");
    token.what.expires_unix_s = *at / 1000;
}

}  // namespace

ApiTokenReading read_api_token(const picojson::value& document, std::uint64_t now_unix_ms) {
    ApiTokenReading reading;
    contract::ApiToken& what = reading.token.what;
    FieldReader in(document, "", reading.errors);
    if (!document.is<picojson::object>()) return reading;
    if (!in.has("user"))
        in.complain("user", "is required");
    else if (in.string("user", what.user))
        in.judge("user", user_complaint(what.user));
    read_texts(in, "roles", {role_complaint, roles_complaint}, what.roles);
    if (in.string("tenant", what.tenant)) in.judge("tenant", tenant_complaint(what.tenant));
    read_texts(in, "scopes", {scope_complaint, scopes_complaint}, what.scopes);
    read_texts(in, "adapters", {name_complaint, token_adapters_complaint}, what.adapters);
    read_expiry(in, now_unix_ms, reading.token);
    for (const std::string_view key : {"id", "createdBy", "createdAt"})
        static_cast<void>(in.take(key));
    in.refuse_unknown();
    return reading;
}

void write_api_token_members(JsonWriter& out, const ApiToken& token) {
    out.key("id").string(token.what.id);
    out.key("user").string(token.what.user);
    write_texts(out, "roles", token.what.roles);
    if (!token.what.tenant.empty()) out.key("tenant").string(token.what.tenant);
    write_texts(out, "scopes", token.what.scopes);
    write_texts(out, "adapters", token.what.adapters);
    if (token.what.expires_unix_s > 0)
        out.key("expiresAt").string(rfc3339(token.what.expires_unix_s * 1000));
    out.key("createdBy").string(token.created_by);
    out.key("createdAt").string(rfc3339(token.created_at_unix_ms));
}

Result<std::string> mint(ApiToken& token) {
    std::array<std::byte, sizeof(std::uint64_t) + kSecretBytes> noise{};
    // Up to 256 bytes come whole (getrandom(2)).
    if (::getrandom(noise.data(), noise.size(), 0) != static_cast<ssize_t>(noise.size()))
        return std::unexpected(error_from_errno(errno, "no random numbers"));
    std::uint64_t number = 0;
    std::memcpy(&number, noise.data(), sizeof number);
    token.what.id = to_hex(number);
    const Bytes secret = Bytes(noise).subspan(sizeof number);
    std::string text(kTokenPrefix);
    text.resize(kTokenPrefix.size() + base64url_size(secret.size()));
    base64url_encode(secret, text.data() + kTokenPrefix.size());
    token.what.hash = token_hash(text);
    return text;
}

std::string token_hash(std::string_view text) {
    std::string hash(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(hash.data()));
    return hash;
}

bool is_token_id(std::string_view id) {
    return from_hex(id).has_value();
}

}  // namespace mcpgw::model
