// A JWK Set (RFC 7517) into public keys as data planes take them: SubjectPublicKeyInfo in DER.
//
// RSA of at least 2,048 bits, P-256, P-384 and Ed25519 (RFC 7518 section 6, RFC 8037). A key that
// is not for signatures, or that cannot be one, is left out with a reason; what else a key has,
// certificates and private members too, is not looked at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/contract/access.h"
#include "common/result.h"

namespace mcpgw::identity {

struct KeySet {
    std::vector<contract::VerifyingKey> keys;  // in the order given
    std::vector<std::string> left_out;         // a sentence for each
};

// protocol: no key set at all.
[[nodiscard]] Result<KeySet> read_key_set(std::string_view text);

}  // namespace mcpgw::identity
