// `mcp-gateway import FILE...`: every server of an mcpServers file becomes an adapter.
#pragma once

namespace mcpgw::cli {

// argv[0] is "import". Returns the exit status.
[[nodiscard]] int run_import(int argc, char** argv);

}  // namespace mcpgw::cli
