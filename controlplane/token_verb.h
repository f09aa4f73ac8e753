// `mcp-gateway-controlplane tokens create`: an API token written straight into the database of a
// data directory.
//
// With tokens of an identity provider only, or with none at all, nobody could call the management
// API to make the first token; whoever can write the data directory is the administrator. A control
// plane may run: it sees the token within a second. `mcp-gateway tokens create --data-dir DIR`
// starts this program.
#pragma once

namespace mcpgw {

[[nodiscard]] bool is_token_verb(const char* word);

// argv[0] is the verb. Returns the exit code: 0, 1 (not done), 2 (wrong usage).
[[nodiscard]] int run_token_verb(int argc, char** argv);

}  // namespace mcpgw
