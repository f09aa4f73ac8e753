// API tokens for machines: what the gateway knows of one, and how one is made.
//
//   mcpgw_<43 characters of base64url: 32 random bytes>
//
// Only the SHA-256 of the text is kept (256 random bits need no slow hash), so nothing that is
// stored opens anything, and a token is shown exactly once: when it is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <picojson.h>

#include "common/contract/access.h"
#include "common/json_writer.h"
#include "common/result.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::model {

inline constexpr std::string_view kTokenPrefix = "mcpgw_";

struct ApiToken {
    contract::ApiToken what;  // its hash and id, and what it stands for
    std::string created_by;
    std::uint64_t created_at_unix_ms = 0;
    bool operator==(const ApiToken&) const = default;
};

struct ApiTokenReading {
    ApiToken token;  // without id and hash; only good if `errors` is empty
    FieldErrors errors;
};
// What somebody wishes: user, roles, tenant, scopes, adapters, expiresAt. `now_unix_ms`: an expiry
// before it is a mistake; 0: of one that is stored any is good.
[[nodiscard]] ApiTokenReading read_api_token(const picojson::value& document,
                                             std::uint64_t now_unix_ms);

// Its members without the hash, into an object that is open.
void write_api_token_members(JsonWriter& out, const ApiToken& token);

// Gives it an id and a hash, both new; the text that is shown once.
[[nodiscard]] Result<std::string> mint(ApiToken& token);
[[nodiscard]] std::string token_hash(std::string_view text);
// 16 hexadecimal digits.
[[nodiscard]] bool is_token_id(std::string_view id);

}  // namespace mcpgw::model
