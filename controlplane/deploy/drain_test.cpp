// Instances that are not wanted any more, or not as they are, and still have sessions: when they
// go, and when they stay.
#include <cstdio>
#include <filesystem>

#include "common/contract/snapshot.h"
#include "controlplane/deploy/process_fixture.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

// No test waits for the end of this.
constexpr std::uint32_t kLongMs = 3'600'000;

class DrainTest : public ProcessDeployerTest {
  protected:
    DrainTest() { options_.drain_ms = kLongMs; }

    [[nodiscard]] bool start(std::uint32_t replicas) {
        adapter_.replica_count = replicas;
        return until(ready_count(replicas));
    }
    InstanceStatus status_of(std::size_t ordinal) { return deployer().observe("x").at(ordinal); }
    void note_drained(const InstanceStatus& status) {
        deployer().note_drained("x", contract::instance_identity("x", status.name, status.uid));
    }
    static auto drains(std::size_t ordinal) {
        return [ordinal](const std::vector<InstanceStatus>& all) {
            return all.size() > ordinal && all[ordinal].draining;
        };
    }
    static std::size_t count(const std::vector<InstanceStatus>& all, bool InstanceStatus::* what) {
        return static_cast<std::size_t>(std::ranges::count_if(all, what));
    }
};

TEST_F(DrainTest, one_too_many_runs_on_until_the_time_is_over) {
    options_.drain_ms = 700;
    ASSERT_TRUE(start(2));
    const InstanceStatus before = status_of(1);
    adapter_.replica_count = 1;
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(until(drains(1)));
    const InstanceStatus status = status_of(1);
    EXPECT_FALSE(status.ready);
    EXPECT_TRUE(status.alive);
    EXPECT_EQ(status.uid, before.uid);
    EXPECT_EQ(status.port, before.port);
    EXPECT_EQ(status.reason, "draining: 1 s left");
    EXPECT_NE(ask_pid(status.port), 0);
    EXPECT_FALSE(status_of(0).draining);
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_GE(monotonic_now() - begin, 700 * kMillisecond);
    EXPECT_FALSE(std::filesystem::exists(instance_path(1)));
}

TEST_F(DrainTest, the_time_that_is_left_is_told) {
    options_.drain_ms = 2'500;
    ASSERT_TRUE(start(1));
    adapter_.replica_count = 0;
    // The drain begins between `begin` and the first look, and each text is from between two looks:
    // so much is known of the time that was left, however slow this machine is.
    const Nanos drain = options_.drain_ms * kMillisecond;
    const Nanos begin = monotonic_now();
    Nanos first = 0;
    Nanos before = 0;
    ASSERT_TRUE(until([&](const auto& all) {
        const Nanos now = monotonic_now();
        if (all.empty() || !all[0].draining) return all.empty();
        if (first == 0) first = before = now;
        const std::string& reason = all[0].reason;
        int seconds = 0;
        EXPECT_EQ(std::sscanf(reason.c_str(), "draining: %d s left", &seconds), 1) << reason;
        EXPECT_GE(static_cast<Nanos>(seconds) * kSecond + (now - begin), drain) << reason;
        EXPECT_LT(static_cast<Nanos>(seconds - 1) * kSecond + (before - first), drain) << reason;
        before = now;
        return false;
    }));
    EXPECT_NE(first, 0U);
}

TEST_F(DrainTest, one_that_nobody_uses_any_more_is_stopped) {
    ASSERT_TRUE(start(3));
    adapter_.replica_count = 1;
    ASSERT_TRUE(until([](const auto& all) { return all[1].draining && all[2].draining; }));
    note_drained(status_of(0));  // it does not drain
    note_drained(status_of(1));
    InstanceStatus stranger = status_of(2);
    stranger.uid += "x";
    note_drained(stranger);
    deployer().note_drained("unheard-of", 1);
    ASSERT_TRUE(until([](const auto& all) { return all.size() == 2; }));
    EXPECT_TRUE(status_of(0).ready);
    EXPECT_EQ(status_of(1).name, "x-2");
    EXPECT_TRUE(status_of(1).draining);
    note_drained(status_of(1));
    EXPECT_TRUE(until(ready_count(1)));
}

TEST_F(DrainTest, one_that_is_wanted_again_goes_on_as_it_is) {
    ASSERT_TRUE(start(2));
    const InstanceStatus before = status_of(1);
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(drains(1)));
    adapter_.replica_count = 2;
    ASSERT_TRUE(until(ready_count(2)));
    EXPECT_EQ(status_of(1).uid, before.uid);
    EXPECT_EQ(status_of(1).restarts, 0U);
    note_drained(before);  // late news
    ASSERT_TRUE(until(ready_count(2)));
    EXPECT_EQ(status_of(1).uid, before.uid);
}

TEST_F(DrainTest, one_that_went_deaf_meanwhile_is_not_ready_for_long) {
    ASSERT_TRUE(start(2));
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(drains(1)));
    EXPECT_EQ(ask(status_of(1).port, "deaf"), "ok");
    ASSERT_TRUE(eventually([this] { return ask(status_of(1).port, "pid").empty(); }));
    adapter_.replica_count = 2;
    EXPECT_TRUE(until(
        [](const auto& all) { return all[1].reason == "not reachable: Connection refused"; }));
}

TEST_F(DrainTest, a_death_while_draining_is_the_end_and_no_failure) {
    ASSERT_TRUE(start(2));
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(drains(1)));
    ASSERT_EQ(kill(ask_pid(status_of(1).port), SIGKILL), 0);
    EXPECT_TRUE(until(ready_count(1)));
    EXPECT_FALSE(std::filesystem::exists(instance_path(1)));
}

TEST_F(DrainTest, a_roll_out_drains_one_after_another) {
    ASSERT_TRUE(start(3));
    adapter_.environment_variables["VERSION"] = "2";
    std::size_t most_alive = 0;
    std::size_t least_ready = 3;
    const auto drive_until = [&](auto done) {
        return until([&](const auto& all) {
            most_alive = std::max(most_alive, count(all, &InstanceStatus::alive));
            least_ready = std::min(least_ready, count(all, &InstanceStatus::ready));
            return done(all);
        });
    };
    for (std::size_t ordinal = 0; ordinal < 3; ++ordinal) {
        // Behind its successor.
        ASSERT_TRUE(drive_until(drains(ordinal + 1))) << ordinal;
        EXPECT_EQ(status_of(ordinal + 1).name, "x-" + std::to_string(ordinal));
        EXPECT_EQ(status_of(ordinal).name, status_of(ordinal + 1).name);
        EXPECT_FALSE(status_of(ordinal + 1).updated);
        note_drained(status_of(ordinal + 1));
    }
    ASSERT_TRUE(drive_until([](const auto& all) {
        return ready_count(3)(all) && std::ranges::all_of(all, &InstanceStatus::updated);
    }));
    EXPECT_EQ(most_alive, 4U);
    EXPECT_EQ(least_ready, 3U);
}

TEST_F(DrainTest, those_that_do_not_answer_are_not_drained) {
    adapter_.command = {kServer, "--deaf"};
    adapter_.replica_count = 1;
    ASSERT_TRUE(until([](const auto& all) { return all[0].alive; }));
    adapter_.replica_count = 0;
    EXPECT_TRUE(until([](const auto& all) {
        EXPECT_EQ(count(all, &InstanceStatus::draining), 0U);
        return all.empty();
    }));
}

TEST_F(DrainTest, what_is_removed_is_stopped_at_once_draining_or_not) {
    ASSERT_TRUE(start(2));
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(drains(1)));
    EXPECT_TRUE(drive_away(deployer(), "x"));
    EXPECT_TRUE(eventually(no_child_left));
}

TEST_F(DrainTest, the_next_control_plane_drains_it_too) {
    ASSERT_TRUE(start(2));
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(drains(1)));
    const std::string uid = status_of(1).uid;
    deployer_.reset();
    deployer().apply(adapter_);  // before this step nothing is published
    EXPECT_TRUE(status_of(0).ready);
    EXPECT_TRUE(status_of(1).draining);
    EXPECT_EQ(status_of(1).uid, uid);
}

}  // namespace
}  // namespace mcpgw::deploy
