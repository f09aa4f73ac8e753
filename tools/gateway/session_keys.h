// `mcp-gateway session-keys new | rotate | show`: the file in which several gateways share their
// sealing keys (controlplane/keys/key_file.h).
//
// Works on the file alone, no gateway is asked: each notices the change by itself. What is printed
// never holds a key.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/keys/key_ring.h"

namespace mcpgw::cli {

// argv[0] is "session-keys". Returns the exit status.
[[nodiscard]] int run_session_keys(int argc, char** argv);

// What `show` says at that time: ids, times and which key seals, opens, or waits to seal.
[[nodiscard]] std::string session_keys_table(const keys::KeyRing& ring, std::uint64_t now_unix_ms);
[[nodiscard]] std::string session_keys_json(const keys::KeyRing& ring, std::uint64_t now_unix_ms);

}  // namespace mcpgw::cli
