// From a bearer token to a verdict, by what the control plane has said of issuers and API tokens.
//
// The order of checks: what can be read, type, algorithm, issuer, key, signature; only then what
// the token says is believed: times, audience, subject, the claims that name user, roles, tenant
// and scopes (CONTRACT section 7, RFC 8725, RFC 9068). Keys are made ready when the first token
// needs them. Owned by one worker; nothing here remembers a token.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/contract/access.h"
#include "common/protocol/jwt.h"
#include "dataplane/auth/signature.h"
#include "dataplane/auth/verdict.h"

namespace mcpgw::auth {

// An API token begins with this; a JSON Web Token cannot.
inline constexpr std::string_view kApiTokenPrefix = "mcpgw_";

class Verifier {
  public:
    // It must live until the next call; keys made of the one before are dropped.
    void set_access(const contract::Access& access);
    [[nodiscard]] Verdict verify(std::string_view token, std::uint64_t now_unix_s);

  private:
    using Keys = std::vector<std::optional<PublicKey>>;  // as the issuer's; made when needed

    [[nodiscard]] TokenFault judge(std::string_view token, std::uint64_t now_unix_s, Verdict& out);
    [[nodiscard]] TokenFault find_issuer(std::size_t& index) const;
    [[nodiscard]] TokenFault check_signature(std::size_t issuer);
    [[nodiscard]] TokenFault try_key(std::size_t issuer, std::size_t key, Algorithm algorithm);
    [[nodiscard]] TokenFault check_times(std::uint64_t now_unix_s, Verdict& out) const;
    [[nodiscard]] TokenFault judge_api_token(std::string_view token, std::uint64_t now_unix_s,
                                             Verdict& out) const;

    const contract::Access* access_ = nullptr;
    std::vector<Keys> keys_;  // by issuer
    jwt::Token token_;
};

}  // namespace mcpgw::auth
