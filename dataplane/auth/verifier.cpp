// The order of checks.
#include "dataplane/auth/verifier.h"

#include <algorithm>

#include <openssl/evp.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"
#include "dataplane/auth/bearer.h"
#include "dataplane/auth/claims.h"

namespace mcpgw::auth {
namespace {

using Kind = jwt::Token::Kind;

// Keys tried for a token that names none; each costs a signature.
constexpr std::size_t kTriesMax = 4;

// RFC 9068 section 4, RFC 7519 section 5.1. Many providers say nothing, or `JWT`.
bool is_access_token(const jwt::Header& header) {
    if (!header.has_type) return true;
    return std::ranges::any_of(
        std::array<std::string_view, 3>{"JWT", "at+jwt", "application/at+jwt"},
        [&header](std::string_view type) { return equals_ignoring_case(type, header.type); });
}

std::string_view without_slash_at_end(std::string_view issuer) {
    return issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer;
}

std::string sha256(std::string_view text) {
    std::string hash(32, '\0');
    const int hashed =
        EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(hash.data()), nullptr,
                   EVP_sha256(), nullptr);
    check(hashed == 1, "SHA-256");
    return hash;
}

std::string joined(const std::vector<std::string>& items, char separator) {
    std::string text;
    for (const std::string& item : items) {
        if (!text.empty()) text += separator;
        text += item;
    }
    return text;
}

}  // namespace

void Verifier::set_access(const contract::Access& access) {
    access_ = &access;
    keys_.clear();
    keys_.resize(access.issuers.size());
}

Verdict Verifier::verify(std::string_view token, std::uint64_t now_unix_s) {
    check(access_ != nullptr, "what tokens are checked by is known");
    Verdict verdict;
    verdict.fault = judge(token, now_unix_s, verdict);
    if (verdict.fault == TokenFault::none) return verdict;
    verdict.text.clear();
    verdict.sizes = {};
    verdict.is_for_all = false;
    verdict.ends_unix_s = now_unix_s + limits::refused_token_seconds;
    return verdict;
}

TokenFault Verifier::judge(std::string_view token, std::uint64_t now_unix_s, Verdict& out) {
    if (!is_b64token(token)) return TokenFault::foreign_characters;
    if (token.starts_with(kApiTokenPrefix)) return judge_api_token(token, now_unix_s, out);
    if (const jwt::ParseFault fault = token_.parse(token); fault != jwt::ParseFault::none)
        return fault_of(fault);
    if (token_.header().has_critical) return TokenFault::critical_extension;
    if (!is_access_token(token_.header())) return TokenFault::wrong_type;
    if (!algorithm_of(token_.header().algorithm)) return TokenFault::unsupported_algorithm;
    std::size_t issuer = 0;
    TokenFault fault = find_issuer(issuer);
    if (fault != TokenFault::none) return fault;
    out.issuer = fnv1a(access_->issuers[issuer].issuer);
    fault = check_signature(issuer);
    if (fault == TokenFault::none) fault = check_times(now_unix_s, out);
    if (fault == TokenFault::none) fault = read_claims(token_, *access_, issuer, out);
    return fault;
}

TokenFault Verifier::find_issuer(std::size_t& index) const {
    const std::string_view named = token_.text("iss");
    if (token_.kind_of("iss") != Kind::text || named.empty()) return TokenFault::no_issuer;
    bool differs_by_slash = false;
    for (index = 0; index < access_->issuers.size(); ++index) {
        const std::string& issuer = access_->issuers[index].issuer;
        if (issuer == named) return TokenFault::none;
        differs_by_slash =
            differs_by_slash || without_slash_at_end(issuer) == without_slash_at_end(named);
    }
    return differs_by_slash ? TokenFault::issuer_differs_by_slash : TokenFault::unknown_issuer;
}

// A token that names a key is checked with that one only. A token that names none may be signed
// with any key of its algorithm; if it is with none, the issuer may have a new one.
TokenFault Verifier::check_signature(std::size_t issuer) {
    const std::vector<contract::VerifyingKey>& keys = access_->issuers[issuer].keys;
    if (keys.empty()) return TokenFault::no_keys;
    keys_[issuer].resize(keys.size());
    const jwt::Header& header = token_.header();
    const Algorithm algorithm = *algorithm_of(header.algorithm);
    const bool is_named = header.has_key_id && !header.key_id.empty();
    TokenFault worst = TokenFault::unknown_key;
    std::size_t tries = 0;
    for (std::size_t i = 0; i < keys.size() && tries < kTriesMax; ++i) {
        if (is_named && keys[i].id != header.key_id) continue;
        const TokenFault fault = try_key(issuer, i, algorithm);
        if (fault == TokenFault::none) return fault;
        if (fault == TokenFault::bad_signature) ++tries;
        if (is_named) worst = fault;
    }
    return worst;
}

TokenFault Verifier::try_key(std::size_t issuer, std::size_t key, Algorithm algorithm) {
    const contract::VerifyingKey& known = access_->issuers[issuer].keys[key];
    if (!known.algorithm.empty() && algorithm_of(known.algorithm) != algorithm)
        return TokenFault::unfit_key;
    std::optional<PublicKey>& ready = keys_[issuer][key];
    if (!ready) ready.emplace(known.spki);
    switch (ready->fit_for(algorithm)) {
        case PublicKey::Fit::other_kind:
            return TokenFault::unfit_key;
        case PublicKey::Fit::too_short:
            return TokenFault::weak_key;
        case PublicKey::Fit::fits:
            break;
    }
    const bool good = ready->verify(algorithm, as_bytes(token_.signed_part()), token_.signature());
    return good ? TokenFault::none : TokenFault::bad_signature;
}

TokenFault Verifier::check_times(std::uint64_t now_unix_s, Verdict& out) const {
    const auto now = static_cast<std::int64_t>(now_unix_s);
    const std::int64_t skew = access_->clock_skew_seconds;
    if (token_.kind_of("exp") == Kind::absent) return TokenFault::no_expiry;
    for (const char* claim : {"exp", "nbf", "iat"})
        if (token_.kind_of(claim) != Kind::absent && !token_.date(claim))
            return TokenFault::bad_date;
    const std::int64_t ends = *token_.date("exp") + skew;
    if (now >= ends) return TokenFault::expired;
    const auto begins = token_.date("nbf");
    if (begins && now + skew < *begins) return TokenFault::not_yet_valid;
    out.ends_unix_s = static_cast<std::uint64_t>(ends);
    return TokenFault::none;
}

TokenFault Verifier::judge_api_token(std::string_view token, std::uint64_t now_unix_s,
                                     Verdict& out) const {
    const std::string hash = sha256(token);
    const auto found =
        std::ranges::lower_bound(access_->tokens, hash, {}, &contract::ApiToken::hash);
    if (found == access_->tokens.end() || found->hash != hash) return TokenFault::unknown_api_token;
    const std::uint64_t expires = found->expires_unix_s == 0 ? UINT64_MAX : found->expires_unix_s;
    if (now_unix_s >= expires) return TokenFault::expired_api_token;
    out.ends_unix_s = expires;
    out.is_for_all = true;
    out.api_token = &*found;
    const auto put = [&out](Verdict::Text which, std::string_view text) {
        out.sizes[which] = static_cast<std::uint16_t>(text.size());
        out.text += text;
    };
    put(Verdict::user, found->user);
    put(Verdict::roles, joined(found->roles, ','));
    put(Verdict::tenant, found->tenant);
    put(Verdict::scopes, joined(found->scopes, ' '));
    return TokenFault::none;
}

}  // namespace mcpgw::auth
