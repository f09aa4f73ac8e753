// What passes between the process deployer and the shim of one instance.
//
// Launch goes down once, as JSON on the shim's standard input (an anonymous file, because it holds
// the values of environment variables). RunState comes back as the file `state.json` in the
// instance's directory, replaced as a whole at every change, and outlives both. The other files
// there: `lock` (an flock held as long as the shim lives), `log` and `log.1` (server_log.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "common/result.h"

namespace mcpgw::shim {

// The shim's exit status when it could not do its work at all (it says why on standard error).
inline constexpr int kExitUnusable = 70;
// Descriptors the shim is started with, besides 0, 1 and 2.
inline constexpr int kLifelineFd = 3;  // announced by MCP_GATEWAY_LIFELINE_FD
inline constexpr int kLockFd = 4;      // the locked file, always
inline constexpr const char* kLifelineVariable = "MCP_GATEWAY_LIFELINE_FD";
// Instead of a directory, before the path of a lifeline: see main.cpp.
inline constexpr const char* kLifelineArgument = "--lifeline";
// In the environment of the server: marks every process that descends from it.
inline constexpr const char* kUidVariable = "MCP_GATEWAY_INSTANCE_UID";

struct Launch {
    std::string uid;
    std::string spec_hash;  // which definition of the adapter this start belongs to
    std::uint16_t port = 0;
    std::string path;  // of the server's endpoint; only kept
    std::uint32_t restarts = 0;
    std::uint32_t grace_ms = 0;       // between SIGTERM and SIGKILL
    std::uint64_t log_bytes_max = 0;  // a larger log is rotated
    std::vector<std::string> command;
    std::vector<std::pair<std::string, std::string>> environment;  // all of it
};

//  starting -> running -> stopping -> ended
//      \-> failed (no server ever ran)  ^
//                 \---------------------/ (it ended by itself)
enum class Phase : std::uint8_t { starting, running, stopping, ended, failed };

struct RunState {
    std::string uid;
    std::string spec_hash;
    std::uint16_t port = 0;
    std::string path;
    std::uint32_t restarts = 0;
    Phase phase = Phase::starting;
    pid_t shim_pid = 0;
    std::uint64_t shim_start_ticks = 0;  // process_table.h: tells a reused pid apart
    pid_t server_pid = 0;                // also its process group
    std::uint64_t server_start_ticks = 0;
    std::uint64_t started_unix_ms = 0;
    std::uint64_t ended_unix_ms = 0;
    std::string reason;  // "exited with status 1", "cannot start: x: No such file or directory"
};

[[nodiscard]] std::string encode(const Launch& launch);
[[nodiscard]] Result<Launch> decode_launch(std::string_view json);
[[nodiscard]] std::string encode(const RunState& state);
[[nodiscard]] Result<RunState> decode_run_state(std::string_view json);

// not_found: no state there; corrupt: not a state.
[[nodiscard]] Result<RunState> read_run_state(const std::string& directory);
[[nodiscard]] Result<> write_run_state(const std::string& directory, const RunState& state);

// Everything in the file; limit_exceeded if it has more than `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace mcpgw::shim
