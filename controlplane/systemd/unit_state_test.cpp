// What states of units mean, in words.
#include "controlplane/systemd/unit_state.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace mcpgw::systemd {
namespace {

UnitState ended(std::string result, int code, int status) {
    UnitState state;
    state.active_state = "failed";
    state.result = std::move(result);
    state.main_code = code;
    state.main_status = status;
    return state;
}

TEST(UnitStates, are_over_only_if_nothing_is_queued) {
    UnitState state;
    EXPECT_FALSE(is_over(state));  // nothing is known yet
    state.active_state = "inactive";
    state.job = 7;
    EXPECT_FALSE(is_over(state));  // about to be started
    state.job = 0;
    EXPECT_TRUE(is_over(state));
    state.active_state = "failed";
    EXPECT_TRUE(is_over(state));
    for (const char* lives : {"active", "activating", "deactivating", "reloading"}) {
        state.active_state = lives;
        EXPECT_FALSE(is_over(state)) << lives;
    }
}

TEST(UnitStates, between_two_starts_are_told_apart) {
    UnitState state;
    state.active_state = "activating";
    state.sub_state = "start";
    EXPECT_FALSE(waits_for_restart(state));
    state.sub_state = "auto-restart";
    EXPECT_TRUE(waits_for_restart(state));
    state.sub_state = "auto-restart-queued";  // since systemd 254
    EXPECT_TRUE(waits_for_restart(state));
    state.active_state = "deactivating";
    EXPECT_TRUE(is_ending(state));
}

TEST(UnitStates, are_told_in_words) {
    EXPECT_EQ(how_it_ended(ended("exit-code", CLD_EXITED, 1), "p"), "exited with status 1");
    EXPECT_EQ(how_it_ended(ended("success", CLD_EXITED, 0), "p"), "exited with status 0");
    EXPECT_EQ(how_it_ended(ended("signal", CLD_KILLED, 9), "p"), "killed by signal 9");
    EXPECT_EQ(how_it_ended(ended("core-dump", CLD_DUMPED, 11), "p"), "killed by signal 11");
    EXPECT_EQ(how_it_ended(ended("oom-kill", CLD_KILLED, 9), "p"), "out of memory (MemoryMax)");
    EXPECT_EQ(how_it_ended(ended("exit-code", CLD_EXITED, 203), "/bin/p"),
              "cannot start: /bin/p: it cannot be executed (status 203)");
    EXPECT_EQ(how_it_ended(ended("exit-code", CLD_EXITED, 226), "/bin/p"),
              "cannot start: /bin/p: its view of the file system cannot be made (status 226)");
    EXPECT_EQ(how_it_ended(ended("resources", 0, 0), "p"),
              "cannot start: systemd lacks resources for it");
    EXPECT_EQ(how_it_ended(ended("success", 0, 0), "p"), "ended from outside");
    EXPECT_EQ(how_it_ended({}, "p"), "ended from outside");
    EXPECT_EQ(how_it_ended(ended("watchdog", 0, 0), "p"), "ended: watchdog (systemd's word)");
}

}  // namespace
}  // namespace mcpgw::systemd
