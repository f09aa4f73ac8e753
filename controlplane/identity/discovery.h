// Where an issuer keeps what, and what it says of itself (OpenID Connect Discovery 1.0 section 4,
// RFC 8414 section 3). Pure.
//
// What a document says is believed only if it says exactly the issuer's own name: else one issuer
// could give another one's keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::identity {

// In the order in which they are to be tried: OpenID's, then OAuth's, with the path inserted.
[[nodiscard]] std::vector<std::string> metadata_urls(std::string_view issuer);

struct Metadata {
    std::string jwks_uri;
    std::string text;  // the document in one line, without control characters
};
// protocol: not this issuer's metadata; `detail` is a sentence that says why.
[[nodiscard]] Result<Metadata> read_metadata(std::string_view text, std::string_view issuer);

}  // namespace mcpgw::identity
