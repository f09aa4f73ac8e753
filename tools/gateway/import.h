// `mcp-gateway import FILE...`: every server of an mcpServers file becomes an adapter.
//
// Applying again changes nothing that has not changed. What a server becomes is decided in
// server_file.h; how the gateway comes to have it in upsert.h.
#pragma once

namespace mcpgw::cli {

// argv[0] is "import". Returns the exit status.
[[nodiscard]] int run_import(int argc, char** argv);

}  // namespace mcpgw::cli
