// `mcp-gateway adapters list | get | apply | status | logs | delete`.
//
// Each verb is one or two requests to the management routes of a running gateway, told to people as
// text or, with --json, to programs as the gateway's own JSON. Rules about adapters are not here:
// the gateway knows them.
#pragma once

#include <string>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is "adapters". Returns the exit status.
[[nodiscard]] int run_adapters(int argc, char** argv);

// What the verbs show to people; documents are answers of the gateway.
[[nodiscard]] std::string adapters_table(const JsonValue& adapters);
[[nodiscard]] std::string adapter_text(const JsonValue& adapter);
[[nodiscard]] std::string status_text(const JsonValue& status);

}  // namespace mcpgw::cli
