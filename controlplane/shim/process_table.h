// Questions about processes, answered from /proc.
//
// A pid alone identifies nothing, since the kernel uses it again; pid and start time together do.
// Linux only, and stateless: every function reads what is true now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mcpgw::shim {

struct ProcessEntry {
    pid_t pid = 0;
    char state = '?';  // 'Z' = dead and not yet collected
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t start_ticks = 0;  // clock ticks since boot
};

// Nothing if there is no such process.
[[nodiscard]] std::optional<ProcessEntry> process_entry(pid_t pid);
[[nodiscard]] std::vector<ProcessEntry> all_processes();
// Children of the calling process that live or wait to be collected.
[[nodiscard]] std::vector<pid_t> own_children();
// Whether the process was started with NAME=VALUE in its environment; false if it may not be read.
[[nodiscard]] bool has_in_environment(pid_t pid, std::string_view assignment);
// The arguments, each ended by a zero byte; empty if gone.
[[nodiscard]] std::string command_line(pid_t pid);

}  // namespace mcpgw::shim
