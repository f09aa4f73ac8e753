// `mcp-gateway tokens create | list | revoke`: API tokens for machines, at a running gateway.
//
// With --data-dir `create` goes to the data directory instead, which needs no token: the control
// plane's program does that (controlplane/token_verb.h). A token is printed on standard output
// alone in its line, once.
#pragma once

#include <string>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is the verb; the exit status of CONTRACT section 2.
[[nodiscard]] int run_tokens(int argc, char** argv);

// A list of GET /tokens for people.
[[nodiscard]] std::string tokens_table(const JsonValue& tokens);

}  // namespace mcpgw::cli
