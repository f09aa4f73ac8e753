// Everything that can be wrong with a bearer token, and the sentence that a client gets to read
// about it (`error_description`, RFC 6750 section 3). No sentence has a quote or a backslash, and
// none tells what the token says: it may be somebody else's.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/protocol/jwt.h"

namespace mcpgw::auth {

enum class TokenFault : std::uint8_t {
    none,
    // What it is
    foreign_characters,  // a malformed request, not only a bad token (RFC 6750 section 3.1)
    too_long,
    malformed,
    encrypted,
    repeated_member,
    wrong_type,
    critical_extension,
    // Who has signed it
    unsupported_algorithm,
    no_issuer,
    unknown_issuer,
    issuer_differs_by_slash,
    unknown_key,
    no_keys,  // the issuer has none: it has never been reached
    unfit_key,
    weak_key,
    bad_signature,
    // What it says
    no_expiry,
    bad_date,
    expired,
    not_yet_valid,
    no_audience,
    wrong_audience,
    no_subject,
    no_user,
    unusable_user,
    ambiguous_user,
    unusable_tenant,
    unusable_roles,
    unusable_scopes,
    too_many_roles,
    // API tokens
    unknown_api_token,
    expired_api_token,
};

[[nodiscard]] std::string_view description_of(TokenFault fault);

// What is wrong with a token that cannot even be read.
[[nodiscard]] TokenFault fault_of(jwt::ParseFault fault);

}  // namespace mcpgw::auth
