// `mcp-gateway tenants list | get | set | delete`: who is counted together, and how much they may
// use.
//
// `set` makes a tenant or replaces all of it by what is said: what is not said is not limited.
#pragma once

#include <string>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is the verb; the exit status of CONTRACT section 2.
[[nodiscard]] int run_tenants(int argc, char** argv);

// A list of GET /tenants for people.
[[nodiscard]] std::string tenants_table(const JsonValue& tenants);

}  // namespace mcpgw::cli
