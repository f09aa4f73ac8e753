// A changed definition: the successor answers before the old instance goes, and at most one of them
// is too many.
#include <algorithm>
#include <filesystem>
#include <set>

#include "common/contract/snapshot.h"
#include "controlplane/deploy/process_fixture.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

using All = std::vector<InstanceStatus>;

class ReplacementTest : public ProcessDeployerTest {
  protected:
    // No test waits for the end of a drain.
    ReplacementTest() { options_.drain_ms = 3'600'000; }

    void change(const std::string& version) { adapter_.environment_variables["V"] = version; }
    // Drives it, and sees to it meanwhile that so many answer, and no more than one more live.
    template <class Predicate>
    [[nodiscard]] bool without_loss_until(std::size_t replicas, Predicate done) {
        return until([&](const All& all) {
            EXPECT_GE(count(all, &InstanceStatus::ready), replicas);
            EXPECT_LE(count(all, &InstanceStatus::alive), replicas + 1);
            return done(all);
        });
    }
    static std::size_t count(const All& all, bool InstanceStatus::* what) {
        return static_cast<std::size_t>(std::ranges::count_if(all, what));
    }
    static bool is_handed_over(const All& all) {
        return all.size() == 2 && all[0].ready && all[0].updated && all[1].draining;
    }
    [[nodiscard]] bool start() {
        adapter_.replica_count = 1;
        return until(ready_count(1));
    }
    // The old one drains beside its successor.
    [[nodiscard]] bool start_and_hand_over() {
        if (!start()) return false;
        change("2");
        return without_loss_until(1, is_handed_over);
    }
    void note_drained(const InstanceStatus& status) {
        deployer().note_drained("x", contract::instance_identity("x", status.name, status.uid));
    }
    [[nodiscard]] std::set<std::string> directories() const {
        std::set<std::string> names;
        std::error_code error;
        for (const auto& entry :
             std::filesystem::directory_iterator(directory_.path() + "/instances/x", error))
            names.insert(entry.path().filename().string());
        return names;
    }
};

TEST_F(ReplacementTest, the_only_replica_is_replaced_without_a_gap) {
    ASSERT_TRUE(start());
    const InstanceStatus old = one();
    ASSERT_EQ(ask(old.port, "say words of the old one"), "ok");
    change("2");
    ASSERT_TRUE(without_loss_until(1, is_handed_over));
    const All both = deployer().observe("x");
    EXPECT_EQ(both[0].name, "x-0");
    EXPECT_EQ(both[0].restarts, 0U);
    EXPECT_EQ(ask(both[0].port, "env V"), "2");
    EXPECT_EQ(both[1].name, "x-0");
    EXPECT_EQ(both[1].uid, old.uid);
    EXPECT_FALSE(both[1].updated);
    EXPECT_NE(ask_pid(old.port), 0) << "its sessions go on";
    note_drained(both[1]);
    ASSERT_TRUE(without_loss_until(1, ready_count(1)));
    EXPECT_EQ(one().uid, both[0].uid);
    EXPECT_EQ(directories(), (std::set<std::string>{"0.1"}));
    EXPECT_NE(log_text({.previous = true}).find("words of the old one"), std::string::npos);
    // And the next time.
    change("3");
    ASSERT_TRUE(without_loss_until(1, is_handed_over));
    note_drained(deployer().observe("x")[1]);
    ASSERT_TRUE(without_loss_until(1, ready_count(1)));
    EXPECT_EQ(directories(), (std::set<std::string>{"0.2"}));
}

TEST_F(ReplacementTest, a_definition_that_never_answers_leaves_the_old_one_in_place) {
    ASSERT_TRUE(start());
    const std::string uid = one().uid;
    adapter_.command = {kServer, "--deaf"};
    ASSERT_TRUE(without_loss_until(1, [](const All& all) { return all.size() == 2; }));
    EXPECT_EQ(one().reason, "starting");
    adapter_.command = {kServer, "--exit", "4"};
    ASSERT_TRUE(without_loss_until(1, [](const All& all) { return all[0].restarts >= 2; }));
    ASSERT_TRUE(without_loss_until(1, [](const All& all) { return !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("exited with status 4, restarting in ")) << one().reason;
    EXPECT_EQ(deployer().observe("x").at(1).uid, uid);
    EXPECT_TRUE(deployer().observe("x").at(1).ready);
}

TEST_F(ReplacementTest, a_third_definition_takes_the_place_of_the_second_at_once) {
    ASSERT_TRUE(start());
    const InstanceStatus old = one();
    adapter_.command = {kServer, "--deaf"};
    ASSERT_TRUE(without_loss_until(1, [](const All& all) { return all.size() == 2; }));
    const std::string second = one().uid;
    adapter_.command = {kServer};
    change("3");
    ASSERT_TRUE(without_loss_until(1, is_handed_over));
    EXPECT_NE(one().uid, second);
    EXPECT_EQ(ask(one().port, "env V"), "3");
    EXPECT_EQ(deployer().observe("x").at(1).uid, old.uid);
}

TEST_F(ReplacementTest, a_third_definition_waits_while_two_generations_serve) {
    ASSERT_TRUE(start_and_hand_over());
    const All before = deployer().observe("x");
    change("3");
    for (int step = 0; step < 20; ++step) {
        deployer().apply(adapter_);
        ASSERT_EQ(deployer().observe("x").size(), 2U);
    }
    note_drained(before[1]);
    ASSERT_TRUE(without_loss_until(
        1, [&](const All& all) { return is_handed_over(all) && all[1].uid == before[0].uid; }));
    EXPECT_EQ(ask(one().port, "env V"), "3");
}

TEST_F(ReplacementTest, a_definition_that_comes_back_finds_its_instance) {
    ASSERT_TRUE(start());
    const std::string uid = one().uid;
    change("2");
    ASSERT_TRUE(without_loss_until(1, is_handed_over));
    adapter_.environment_variables.clear();
    ASSERT_TRUE(without_loss_until(
        1, [](const All& all) { return all.size() == 2 && all[0].draining && all[1].ready; }));
    note_drained(one());
    ASSERT_TRUE(without_loss_until(1, ready_count(1)));
    EXPECT_EQ(one().uid, uid);
    EXPECT_EQ(directories(), (std::set<std::string>{"0"}));
}

TEST_F(ReplacementTest, who_dies_while_it_is_replaced_does_not_come_back) {
    options_.backoff_first_ms = options_.backoff_last_ms = 3'600'000;
    ASSERT_TRUE(start_and_hand_over());
    const All before = deployer().observe("x");
    ASSERT_EQ(kill(ask_pid(before[1].port), SIGKILL), 0);
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, before[0].uid);
    EXPECT_EQ(one().reason, "ready");
}

TEST_F(ReplacementTest, a_successor_that_dies_is_started_again_while_the_old_one_drains) {
    ASSERT_TRUE(start_and_hand_over());
    const All before = deployer().observe("x");
    ASSERT_EQ(kill(ask_pid(before[0].port), SIGKILL), 0);
    ASSERT_TRUE(until([](const All& all) { return all[0].ready && all[0].restarts == 1; }));
    ASSERT_EQ(deployer().observe("x").size(), 2U);
    EXPECT_EQ(deployer().observe("x")[1].uid, before[1].uid);
    EXPECT_TRUE(deployer().observe("x")[1].draining);
}

TEST_F(ReplacementTest, the_next_control_plane_takes_over_two_generations) {
    ASSERT_TRUE(start_and_hand_over());
    const All before = deployer().observe("x");
    deployer_.reset();
    deployer().apply(adapter_);  // before this step nothing is published
    const All after = deployer().observe("x");
    ASSERT_TRUE(is_handed_over(after));
    EXPECT_EQ(after[0].uid, before[0].uid);
    EXPECT_EQ(after[1].uid, before[1].uid);
    EXPECT_EQ(after[0].port, before[0].port);
}

TEST_F(ReplacementTest, the_next_control_plane_takes_over_a_successor_that_starts) {
    ASSERT_TRUE(start());
    const std::string uid = one().uid;
    adapter_.command = {kServer, "--deaf"};
    ASSERT_TRUE(without_loss_until(1, [&](const All& all) {
        const auto state = shim::read_run_state(directory_.path() + "/instances/x/0.1");
        return all.size() == 2 && state && state->phase == shim::Phase::running;
    }));
    const std::string successor = one().uid;
    deployer_.reset();
    deployer().apply(adapter_);
    const All after = deployer().observe("x");
    ASSERT_EQ(after.size(), 2U);
    EXPECT_EQ(after[0].uid, successor);
    EXPECT_EQ(after[1].uid, uid);
    EXPECT_TRUE(after[1].ready);
}

TEST_F(ReplacementTest, both_generations_go_when_their_ordinal_does) {
    ASSERT_TRUE(start_and_hand_over());
    adapter_.replica_count = 0;
    ASSERT_TRUE(until([](const All& all) { return count(all, &InstanceStatus::draining) == 2; }));
    for (const InstanceStatus& status : deployer().observe("x"))
        note_drained(status);
    ASSERT_TRUE(until([](const All& all) { return all.empty(); }));
    EXPECT_EQ(directories(), std::set<std::string>());
}

TEST_F(ReplacementTest, what_is_removed_goes_with_both_generations) {
    ASSERT_TRUE(start_and_hand_over());
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_TRUE(eventually(no_child_left));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/instances/x"));
}

TEST_F(ReplacementTest, the_next_one_begins_as_soon_as_the_one_before_is_gone) {
    options_.drain_ms = 0;
    options_.probe_interval_ms = 3'600'000;  // what waits for the next look fails
    adapter_.replica_count = 3;
    ASSERT_TRUE(until(ready_count(3)));
    change("2");
    EXPECT_TRUE(without_loss_until(3, [](const All& all) {
        return ready_count(3)(all) && std::ranges::all_of(all, &InstanceStatus::updated);
    }));
}

TEST_F(ReplacementTest, who_follows_the_log_is_led_to_the_successor) {
    options_.drain_ms = 0;
    ASSERT_TRUE(start());
    std::string text;
    bool changed = false;
    const Result<> ended =
        deployer().logs(adapter_, {.tail = 10, .follow = true}, [&](std::string_view piece) {
            text += piece;
            if (!changed && text.find("listening") != std::string::npos) {
                changed = true;
                change("2");
                EXPECT_TRUE(
                    until([](const All& all) { return ready_count(1)(all) && all[0].updated; }));
                EXPECT_EQ(ask(one().port, "say words of the successor"), "ok");
            }
            return text.find("words of the successor") == std::string::npos;
        });
    EXPECT_TRUE(ended.has_value());
    EXPECT_TRUE(changed);
}

TEST(Place, has_one_name_and_no_other) {
    for (const Place place : {Place{0, 0}, Place{7, 0}, Place{7, 1}, Place{999, 4'000'000'000}})
        EXPECT_EQ(place_of(directory_name(place)), place);
    EXPECT_EQ(directory_name({3, 2}), "3.2");
    for (const char* name : {"", ".", "x", "1.", ".1", "1.0", "01", "1.01", "1.2.3", "-1", "+1",
                             "1.x", "home-0", "4294967296"})
        EXPECT_FALSE(place_of(name).has_value()) << name;
}

}  // namespace
}  // namespace mcpgw::deploy
