// `mcp-gateway-controlplane backup` and `restore`: the database of a data directory into a file,
// and a file in the place of the database.
//
// A backup is made beside a control plane that runs; a restore wants the lock of the data
// directory, so it refuses while one does. Both read the result back before they say that it is
// there.
// `mcp-gateway backup | restore` starts this program with the data directory of `up`.
#pragma once

namespace mcpgw {

[[nodiscard]] bool is_store_verb(const char* word);

// argv[0] is the verb. Returns the exit code: 0, 1 (not done), 2 (wrong usage, or no backup).
[[nodiscard]] int run_store_verb(int argc, char** argv);

}  // namespace mcpgw
