// `mcp-gateway secrets set | list | delete`: the values that request headers of adapters name.
//
// Works on the files of a data directory alone (controlplane/secrets/secret_files.h): no gateway is
// asked, a running one notices. Values come from standard input only, never from the command line,
// which others can see, and are never printed.
#pragma once

namespace mcpgw::cli {

// argv[0] is "secrets". Returns the exit status.
[[nodiscard]] int run_secrets(int argc, char** argv);

}  // namespace mcpgw::cli
