// `mcp-gateway up`: both planes in the foreground, supervised.
#pragma once

namespace mcpgw::cli {

// argv[0] is "up". Returns the exit status.
[[nodiscard]] int run_up(int argc, char** argv);

}  // namespace mcpgw::cli
