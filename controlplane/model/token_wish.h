// A token as people wish for one on a command line, made into the body that /tokens takes.
//
// Shared by `mcp-gateway tokens create`, which sends it, and the control plane's program, which
// writes into a data directory: both keep to the rules of api_token.h, which reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::model {

struct TokenWish {
    std::string user = {};
    std::vector<std::string> roles = {};
    std::string tenant = {};
    std::vector<std::string> scopes = {};
    std::vector<std::string> adapters = {};
    std::string expires = {};  // an age (seconds_of_age) or a time of RFC 3339; empty: never
};

// JSON. invalid_argument: `expires` is neither.
[[nodiscard]] Result<std::string> body_of(const TokenWish& wish, std::uint64_t now_unix_ms);

// "90s", "15m", "12h", "30d": 1 second to 100 years.
[[nodiscard]] std::optional<std::uint64_t> seconds_of_age(std::string_view text);

}  // namespace mcpgw::model
