// Makes the gateway have an adapter as it is described: created, replaced, or left alone.
//
// Used by `adapters apply` and `import`, so that both can be run again without harm.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tools/gateway/gateway_client.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

enum class Upserted : std::uint8_t { created, updated, unchanged };
[[nodiscard]] std::string_view name_of(Upserted what);

struct UpsertFailure {
    Problem problem;
    bool is_invalid = false;  // the description breaks a rule, as opposed to anything else
};

// `adapter` is an object with a string "name". A change that came between reading and replacing is
// not overwritten: the gateway refuses it (If-Match).
[[nodiscard]] std::expected<Upserted, UpsertFailure> upsert_adapter(GatewayClient& client,
                                                                    const JsonValue& adapter);

}  // namespace mcpgw::cli
