// `mcp-gateway backup` and `mcp-gateway restore`: the database of a data directory and files; and a
// token that is made in a data directory.
//
// The control plane's program does all of it (controlplane/store_verbs.h, token_verb.h), because it
// alone knows the database; here it is found, told which data directory `up` would use, and becomes
// this process.
#pragma once

namespace mcpgw::cli {

// argv[0] is the verb. Returns only if the program cannot be started: the exit status.
[[nodiscard]] int run_backup(int argc, char** argv);
[[nodiscard]] int run_restore(int argc, char** argv);
// `tokens create --data-dir DIR …`, as it was written.
[[nodiscard]] int run_token_verb(int argc, char** argv);

}  // namespace mcpgw::cli
