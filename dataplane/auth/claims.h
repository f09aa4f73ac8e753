// Whom the claims of a token name: user, roles, tenant and scopes in the form in which the gateway
// uses and passes them on. The token's signature has been checked before.
#pragma once

#include <cstddef>

#include "common/contract/access.h"
#include "common/protocol/jwt.h"
#include "dataplane/auth/verdict.h"

namespace mcpgw::auth {

// Fills in the texts of `out`, and whether it is good everywhere. `issuer` is the index of the
// token's issuer: users of the first have plain ids, those of another are ISSUER#USER.
//
//   roles   what has a comma or is not printable ASCII is left out; too many are a fault, because a
//           rule may deny something to a role
//   scopes  what does not fit is left out: a scope only ever allows
//   name    beyond printable ASCII it is percent-encoded (UTF-8, also '%' itself), and cut between
//           characters
[[nodiscard]] TokenFault read_claims(const jwt::Token& token, const contract::Access& access,
                                     std::size_t issuer, Verdict& out);

}  // namespace mcpgw::auth
