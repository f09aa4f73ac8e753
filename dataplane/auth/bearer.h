// The bearer token of a request (RFC 6750 section 2.1). Only the Authorization header counts:
// tokens in a query or a form are not looked for, because they end up in logs.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/protocol/http_message.h"

namespace mcpgw::auth {

struct Bearer {
    enum class Kind : std::uint8_t {
        none,       // no credentials, or of another scheme, or the scheme alone
        ambiguous,  // two Authorization headers
        token
    };
    Kind kind = Kind::none;
    std::string_view token = {};
};

// Its characters are not looked at: is_b64token.
[[nodiscard]] Bearer bearer_of(const http::Fields& fields);

// Whether a token has only characters that one can have.
[[nodiscard]] bool is_b64token(std::string_view token);

}  // namespace mcpgw::auth
