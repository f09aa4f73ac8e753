// Who asks, and what is said to whoever may not: the identity step of decide(), challenges, and
// the documents that tell clients where to log in. How a token is checked is auth/verifier's
// business.
//
// What a caller without a token learns is the same for every name: challenges and documents name
// the scopes of the gateway; those of an adapter stand only in the challenge (403) to somebody who
// may read it.
#pragma once

#include <optional>
#include <string>

#include "dataplane/exchange/decide.h"

namespace mcpgw::exchange {

// Fills in the identity, or what is wrong with the credentials.
[[nodiscard]] std::optional<Refusal> authenticate(const Question& question, Services& services,
                                                  Decision& decision);

// The value of WWW-Authenticate for a refusal; empty if there is none with it.
[[nodiscard]] std::string challenge_of(const Question& question, const Services& services,
                                       const Decision& decision);

// Whether there is a document at a target of kind `well_known`, and the document.
[[nodiscard]] bool is_served(const Question& question, const Services& services);
[[nodiscard]] std::string metadata_of(const Question& question, const Services& services);

}  // namespace mcpgw::exchange
