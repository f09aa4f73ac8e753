// What systemd says about one unit, and what that means for people.
//
// Pure. Values are those of the properties of org.freedesktop.systemd1.Unit and .Service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mcpgw::systemd {

struct UnitState {
    std::string active_state;      // "active", "activating", "deactivating", "inactive", "failed"
    std::string sub_state;         // "running", "auto-restart", "stop-sigterm", "dead", ...
    std::uint32_t job = 0;         // 0: nothing is queued for it
    std::uint32_t n_restarts = 0;  // how often systemd has started it again by itself
    std::string result;            // "success", "exit-code", "signal", "oom-kill", ...
    std::int32_t main_code = 0;    // CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: no process has ended
    std::int32_t main_status = 0;  // status or signal
    bool operator==(const UnitState&) const = default;
};

// Its process has ended, and systemd will start it again some time.
[[nodiscard]] bool waits_for_restart(const UnitState& state);
// Nothing runs, and nothing will.
[[nodiscard]] bool is_over(const UnitState& state);
// It is on its way to that.
[[nodiscard]] bool is_ending(const UnitState& state);

// "exited with status 1", "killed by signal 9", "out of memory (MemoryMax)", "cannot start: …".
// `program` is what was to be run.
[[nodiscard]] std::string how_it_ended(const UnitState& state, std::string_view program);

}  // namespace mcpgw::systemd
