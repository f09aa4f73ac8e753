// `mcp-gateway adapters list | get | apply | status | logs | delete`, and `tools` with the same.
//
// Each verb is one or two requests to the management routes of a running gateway, told to people as
// text or, with --json, to programs as the gateway's own JSON. Rules about adapters and tools are
// not here: the gateway knows them.
#pragma once

#include <string>

#include "controlplane/model/kind.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is the verb. Return the exit status.
[[nodiscard]] int run_adapters(int argc, char** argv);
[[nodiscard]] int run_tools(int argc, char** argv);

// What the verbs show to people; documents are answers of the gateway.
[[nodiscard]] std::string resources_table(model::Kind kind, const JsonValue& resources);
[[nodiscard]] std::string resource_text(const JsonValue& resource);
[[nodiscard]] std::string status_text(const JsonValue& status);

}  // namespace mcpgw::cli
