// Systemd's words, and ours.
#include "controlplane/systemd/unit_state.h"

#include <array>
#include <utility>

#include <signal.h>

namespace mcpgw::systemd {
namespace {

// Exit statuses with which systemd itself gives up before the program runs (systemd.exec(5),
// "Process Exit Codes"); the likely ones, for sentences.
struct Mishap {
    std::int32_t status;
    const char* what;
};
constexpr std::array<Mishap, 12> kMishaps = {{{200, "its working directory cannot be entered"},
                                              {203, "it cannot be executed"},
                                              {204, "there is not enough memory"},
                                              {207, "its user or group cannot be set"},
                                              {216, "its group cannot be set"},
                                              {217, "its user cannot be made"},
                                              {218, "its capabilities cannot be dropped"},
                                              {219, "its control group cannot be used"},
                                              {226, "its view of the file system cannot be made"},
                                              {228, "its system call filter cannot be applied"},
                                              {238, "its state directory cannot be made"},
                                              {239, "its cache directory cannot be made"}}};

const char* mishap(std::int32_t status) {
    for (const Mishap& one : kMishaps)
        if (one.status == status) return one.what;
    return nullptr;
}

}  // namespace

bool waits_for_restart(const UnitState& state) {
    return state.sub_state.starts_with("auto-restart");
}

bool is_over(const UnitState& state) {
    return state.job == 0 && (state.active_state == "inactive" || state.active_state == "failed");
}

bool is_ending(const UnitState& state) {
    return state.active_state == "deactivating";
}

std::string how_it_ended(const UnitState& state, std::string_view program) {
    if (state.result == "oom-kill") return "out of memory (MemoryMax)";
    if (state.result == "resources") return "cannot start: systemd lacks resources for it";
    if (state.result == "timeout") return "did not start or stop in time";
    const std::string number = std::to_string(state.main_status);
    if (state.main_code == CLD_KILLED || state.main_code == CLD_DUMPED)
        return "killed by signal " + number;
    if (state.main_code != CLD_EXITED)
        return state.result.empty() || state.result == "success"
                   ? "ended from outside"
                   : "ended: " + state.result + " (systemd's word)";
    // The program may use the same statuses; systemd calls both "exit-code".
    if (const char* what = mishap(state.main_status); what != nullptr)
        return "cannot start: " + std::string(program) + ": " + what + " (status " + number + ")";
    return "exited with status " + number;
}

}  // namespace mcpgw::systemd
