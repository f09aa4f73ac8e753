// `mcp-gateway up`: both planes in the foreground, supervised.
//
// The settings are in up_options.h, what is prepared before the planes run in up.cpp, and what
// happens while they run in supervisor.h.
#pragma once

namespace mcpgw::cli {

// argv[0] is "up". Returns the exit status.
[[nodiscard]] int run_up(int argc, char** argv);

}  // namespace mcpgw::cli
