// Signatures of tokens: which algorithms there are (RFC 7518, RFC 8037), which key each wants, and
// whether a signature is good. The algorithm that a token names is never trusted alone: it must be
// one of these and must be that of the key (RFC 8725 section 3.1).
//
//   RS256 RS384 RS512   RSASSA-PKCS1-v1_5     PS256   RSASSA-PSS, salt as long as the hash
//   ES256 ES384         ECDSA, P-256, P-384   EdDSA   Ed25519 (also called that, RFC 9864)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "common/bytes.h"

struct evp_pkey_st;

namespace mcpgw::auth {

enum class Algorithm : std::uint8_t { rs256, rs384, rs512, ps256, es256, es384, eddsa };

// Names compare byte by byte (RFC 7515 section 4.1.1); nothing for all that is not accepted.
[[nodiscard]] std::optional<Algorithm> algorithm_of(std::string_view name);

class PublicKey {
  public:
    enum class Fit : std::uint8_t { fits, other_kind, too_short };

    // A SubjectPublicKeyInfo in DER. What is none fits no algorithm.
    explicit PublicKey(std::string_view spki);

    [[nodiscard]] Fit fit_for(Algorithm algorithm) const;
    // The key must fit.
    [[nodiscard]] bool verify(Algorithm algorithm, Bytes text, Bytes signature) const;

  private:
    struct Free {
        void operator()(evp_pkey_st* key) const;
    };
    std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace mcpgw::auth
