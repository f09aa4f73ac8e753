// Encoding and checking of access.h. A token's hash and a public key are bytes of a known length or
// form; what cannot be one is refused here, what OpenSSL does not take is refused where it is used.
#include "common/contract/access_coding.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/limits.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::contract {
namespace {

constexpr std::array<std::string_view, 2> kEffects = {"allow", "deny"};
constexpr std::size_t kHashBytes = 32;

// --- Leaves -------------------------------------------------------------------------------------

void write_bytes(JsonWriter& out, std::string_view member, std::string_view bytes) {
    std::string text(base64url_size(bytes.size()), '\0');
    base64url_encode(as_bytes(bytes), text.data());
    out.key(member).string(text);
}

std::string read_bytes(ObjectReader& in, std::string_view member, std::size_t bytes_max) {
    const std::string_view text = in.text(member, base64url_size(bytes_max));
    std::string bytes(text.size(), '\0');
    const auto size = base64url_decode(text, reinterpret_cast<std::byte*>(bytes.data()));
    if (!size || *size == 0) in.refuse(member, "is not base64url");
    bytes.resize(size.value_or(0));
    return bytes;
}

std::uint32_t read_count(ObjectReader& in, std::string_view member, std::uint64_t max) {
    return static_cast<std::uint32_t>(in.number_or(member, {0, max}, 0));
}

// --- Limits -------------------------------------------------------------------------------------

void write_limits(JsonWriter& out, const Limits& limits) {
    out.object();
    out.key("quota_requests").number(limits.quota_requests);
    out.key("quota_seconds").number(std::uint64_t{limits.quota_seconds});
    out.key("requests_per_second").number(std::uint64_t{limits.requests_per_second});
    out.key("burst").number(std::uint64_t{limits.burst});
    out.key("sessions_max").number(std::uint64_t{limits.sessions_max});
    out.key("streams_max").number(std::uint64_t{limits.streams_max});
    out.end();
}

Limits read_one_limits(ObjectReader& in) {
    Limits out;
    out.quota_requests = in.number_or("quota_requests", {0, limits::quota_requests_max}, 0);
    out.quota_seconds = read_count(in, "quota_seconds", limits::quota_seconds_max);
    out.requests_per_second = read_count(in, "requests_per_second", limits::rate_per_second_max);
    out.burst = read_count(in, "burst", limits::rate_burst_max);
    out.sessions_max = read_count(in, "sessions_max", UINT32_MAX);
    out.streams_max = read_count(in, "streams_max", UINT32_MAX);
    if ((out.quota_requests == 0) != (out.quota_seconds == 0))
        in.refuse("quota_seconds", "and quota_requests belong together");
    if ((out.requests_per_second == 0) != (out.burst == 0))
        in.refuse("burst", "and requests_per_second belong together");
    return out;
}

// --- Identity -----------------------------------------------------------------------------------

void write_issuer(JsonWriter& out, const Issuer& issuer) {
    out.object().key("issuer").string(issuer.issuer);
    out.key("keys").array();
    for (const VerifyingKey& key : issuer.keys) {
        out.object().key("id").string(key.id).key("algorithm").string(key.algorithm);
        write_bytes(out, "spki", key.spki);
        out.end();
    }
    out.end();
    // A text within the text: what is inside is not the contract's.
    out.key("metadata").string(issuer.metadata);
    out.end();
}

Issuer read_issuer(ObjectReader& in) {
    Issuer out;
    out.issuer = read_visible(in, "issuer", limits::issuer_bytes_max);
    in.each_object("keys", limits::issuer_keys_max, [&out](ObjectReader& item) {
        VerifyingKey& key = out.keys.emplace_back();
        key.id = item.optional_text("id", limits::verifying_key_id_bytes_max);
        key.algorithm = item.optional_text("algorithm", limits::frame_text_bytes_max);
        key.spki = read_bytes(item, "spki", limits::public_key_bytes_max);
    });
    out.metadata = in.optional_text("metadata", limits::issuer_metadata_bytes_max);
    return out;
}

void write_claims(JsonWriter& out, const ClaimNames& claims) {
    out.object();
    write_texts(out, "user", claims.user);
    write_texts(out, "name", claims.name);
    write_texts(out, "roles", claims.roles);
    write_texts(out, "tenant", claims.tenant);
    write_texts(out, "scopes", claims.scopes);
    out.end();
}

ClaimNames read_claims(ObjectReader& in) {
    ClaimNames out;
    out.user = read_texts(in, "user", limits::claim_names_bytes_max);
    out.name = read_texts(in, "name", limits::claim_names_bytes_max);
    out.roles = read_texts(in, "roles", limits::claim_names_bytes_max);
    out.tenant = read_texts(in, "tenant", limits::claim_names_bytes_max);
    out.scopes = read_texts(in, "scopes", limits::claim_names_bytes_max);
    return out;
}

void write_token(JsonWriter& out, const ApiToken& token) {
    out.object();
    write_bytes(out, "hash", token.hash);
    out.key("id").string(token.id);
    out.key("user").string(token.user);
    write_texts(out, "roles", token.roles);
    out.key("tenant").string(token.tenant);
    write_texts(out, "scopes", token.scopes);
    write_texts(out, "adapters", token.adapters);
    out.key("expires_unix_s").number(token.expires_unix_s);
    out.end();
}

ApiToken read_token(ObjectReader& in) {
    ApiToken out;
    out.hash = read_bytes(in, "hash", kHashBytes);
    if (out.hash.size() != kHashBytes) in.refuse("hash", "is not 32 bytes");
    out.id = read_visible(in, "id", limits::frame_text_bytes_max);
    out.user = read_visible(in, "user", limits::principal_bytes_max);
    out.roles = read_texts(in, "roles", limits::roles_bytes_max);
    out.tenant = in.optional_text("tenant", limits::tenant_bytes_max);
    out.scopes = read_texts(in, "scopes", limits::roles_bytes_max);
    out.adapters = read_texts(in, "adapters", limits::token_adapters_bytes_max);
    out.expires_unix_s = in.number_or("expires_unix_s", {}, 0);
    return out;
}

void read_assertion_keys(ObjectReader& in, std::vector<AssertionKey>& keys) {
    in.each_object("assertion_keys", limits::sealing_keys_max, [&keys](ObjectReader& item) {
        AssertionKey& key = keys.emplace_back();
        key.id = read_visible(item, "id", limits::key_id_bytes_max);
        key.pkcs8 = read_bytes(item, "pkcs8", limits::public_key_bytes_max);
        key.current = item.boolean("current");
    });
    if (std::ranges::count_if(keys, &AssertionKey::current) > 1)
        in.refuse("assertion_keys", "more than one is current");
}

// Whether each is less than the one after it.
template <class Item, class Key>
bool ascends(const std::vector<Item>& items, Key key) {
    return std::ranges::adjacent_find(items, std::ranges::greater_equal(), key) == items.end();
}

void read_lists(ObjectReader& in, Access& out) {
    in.each_object("issuers", limits::issuers_max,
                   [&out](ObjectReader& item) { out.issuers.push_back(read_issuer(item)); });
    for (std::size_t i = 0; i < out.issuers.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (out.issuers[i].issuer == out.issuers[j].issuer)
                in.refuse("issuers", "one is there twice");
    in.each_object("tokens", limits::api_tokens_max,
                   [&out](ObjectReader& item) { out.tokens.push_back(read_token(item)); });
    if (!ascends(out.tokens, &ApiToken::hash)) in.refuse("tokens", "are not in order");
    in.each_object("tenants", limits::tenants_max, [&out](ObjectReader& item) {
        Tenant& tenant = out.tenants.emplace_back();
        tenant.id = read_visible(item, "id", limits::tenant_bytes_max);
        tenant.limits = read_limits(item, "limits");
    });
    if (!ascends(out.tenants, &Tenant::id)) in.refuse("tenants", "are not in order");
    read_assertion_keys(in, out.assertion_keys);
}

}  // namespace

void write_texts(JsonWriter& out, std::string_view member, const std::vector<std::string>& texts) {
    out.key(member).array();
    for (const std::string& text : texts)
        out.string(text);
    out.end();
}

std::vector<std::string> read_texts(ObjectReader& in, std::string_view member,
                                    std::size_t bytes_max) {
    std::vector<std::string> texts;
    if (!in.has(member)) return texts;
    std::size_t bytes = 0;
    in.each_text(member, bytes_max, [&](std::string_view text) {
        bytes += text.size() + 1;
        if (bytes > bytes_max) in.refuse(member, "are too long");
        texts.emplace_back(text);
    });
    return texts;
}

void write_limits(JsonWriter& out, std::string_view member, const LimitPair& limits) {
    if (limits == LimitPair{}) return;
    out.key(member).object();
    write_limits(out.key("all"), limits.all);
    write_limits(out.key("per_user"), limits.per_user);
    out.end();
}

LimitPair read_limits(ObjectReader& in, std::string_view member) {
    LimitPair out;
    if (!in.has(member)) return out;
    in.object(member, [&out](ObjectReader& pair) {
        pair.object("all", [&out](ObjectReader& item) { out.all = read_one_limits(item); });
        pair.object("per_user",
                    [&out](ObjectReader& item) { out.per_user = read_one_limits(item); });
    });
    return out;
}

void write_rules(JsonWriter& out, const std::vector<AccessRule>& rules) {
    out.array();
    for (const AccessRule& rule : rules) {
        out.object().key("effect").string(kEffects[static_cast<std::size_t>(rule.effect)]);
        write_texts(out, "roles", rule.roles);
        write_texts(out, "methods", rule.methods);
        write_texts(out, "tools", rule.tools);
        out.end();
    }
    out.end();
}

std::vector<AccessRule> read_rules(ObjectReader& in, std::string_view member) {
    std::vector<AccessRule> rules;
    if (!in.has(member)) return rules;
    in.each_object(member, limits::access_rules_max, [&rules](ObjectReader& item) {
        AccessRule& rule = rules.emplace_back();
        rule.effect = static_cast<AccessRule::Effect>(item.choice("effect", kEffects));
        rule.roles = read_texts(item, "roles", limits::roles_bytes_max);
        rule.methods = read_texts(item, "methods", limits::access_patterns_bytes_max);
        rule.tools = read_texts(item, "tools", limits::access_patterns_bytes_max);
        if (rule.methods.empty() == rule.tools.empty())
            item.refuse("tools", "and methods: a rule has one of them");
    });
    return rules;
}

void write_access(JsonWriter& out, const Access& access) {
    out.object().key("issuers").array();
    for (const Issuer& issuer : access.issuers)
        write_issuer(out, issuer);
    out.end();
    write_texts(out, "audiences", access.audiences);
    write_claims(out.key("claims"), access.claims);
    write_texts(out, "scopes", access.scopes);
    out.key("resource").string(access.resource);
    out.key("clock_skew_seconds").number(std::uint64_t{access.clock_skew_seconds});
    out.key("tokens").array();
    for (const ApiToken& token : access.tokens)
        write_token(out, token);
    out.end();
    out.key("tenants").array();
    for (const Tenant& tenant : access.tenants) {
        out.object().key("id").string(tenant.id);
        write_limits(out, "limits", tenant.limits);
        out.end();
    }
    out.end();
    out.key("assertion_keys").array();
    for (const AssertionKey& key : access.assertion_keys) {
        out.object().key("id").string(key.id);
        write_bytes(out, "pkcs8", key.pkcs8);
        out.key("current").boolean(key.current).end();
    }
    out.end();
    out.end();
}

Access read_access(ObjectReader& in) {
    Access out;
    read_lists(in, out);
    out.audiences = read_texts(in, "audiences", limits::audiences_bytes_max);
    in.object("claims", [&out](ObjectReader& item) { out.claims = read_claims(item); });
    out.scopes = read_texts(in, "scopes", limits::roles_bytes_max);
    out.resource = in.optional_text("resource", limits::issuer_bytes_max);
    out.clock_skew_seconds = static_cast<std::uint32_t>(
        in.number_or("clock_skew_seconds", {0, limits::clock_skew_seconds_max}, 60));
    return out;
}

}  // namespace mcpgw::contract
