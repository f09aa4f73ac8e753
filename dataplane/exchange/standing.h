// What a client is told of its limits, as fields of an answer.
//
//   RateLimit-Policy: "quota";q=1000;w=3600          so many in a window of so many seconds
//   RateLimit: "quota";r=12;t=345                    so many are left, and for so long
//
// draft-ietf-httpapi-ratelimit-headers; names are the label values of LimitKind.
#pragma once

#include <array>

#include "common/protocol/http_message.h"
#include "dataplane/limit/limiter.h"

namespace mcpgw::exchange {

// The values live here while the head is written.
struct StandingText {
    std::array<char, 64> policy;
    std::array<char, 64> left;
};

// False if there are too many fields. Nothing is added if there is nothing to tell.
[[nodiscard]] bool add_standing(const limit::Standing& standing, StandingText& text,
                                http::Fields& out);

}  // namespace mcpgw::exchange
