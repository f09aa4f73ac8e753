// `mcp-gateway sessions list | end`: the sessions that a running gateway knows of.
//
// Each verb asks the management routes; whoever is no administrator sees and ends their own.
#pragma once

#include <string>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is "sessions". Returns the exit status.
[[nodiscard]] int run_sessions(int argc, char** argv);

// What `list` shows to people; the document is the gateway's answer.
[[nodiscard]] std::string sessions_table(const JsonValue& sessions);

}  // namespace mcpgw::cli
