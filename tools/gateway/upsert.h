// Makes the gateway have an adapter or tool as it is described: created, replaced, or left alone.
//
// Used by `adapters apply`, `tools apply` and `import`, so that both can be run again without harm.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "controlplane/model/kind.h"
#include "tools/gateway/gateway_client.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

enum class Upserted : std::uint8_t { created, updated, unchanged };
[[nodiscard]] std::string_view name_of(Upserted what);

struct UpsertFailure {
    Problem problem;
    bool is_invalid = false;  // the description breaks a rule, as opposed to anything else
};

// `document` is an object with a string "name". A change that came between reading and replacing is
// not overwritten: the gateway refuses it (If-Match).
[[nodiscard]] std::expected<Upserted, UpsertFailure> upsert(GatewayClient& client, model::Kind kind,
                                                            const JsonValue& document);

}  // namespace mcpgw::cli
