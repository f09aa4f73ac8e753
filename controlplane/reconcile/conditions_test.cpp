// When each condition holds, and since when.
#include "controlplane/reconcile/conditions.h"

#include <gtest/gtest.h>

namespace mcpgw::reconcile {
namespace {

using deploy::InstanceStatus;

model::Adapter adapter(std::uint32_t replicas) {
    model::Adapter result;
    result.name = "x";
    result.command = {"server"};
    result.replica_count = replicas;
    return result;
}

InstanceStatus instance(bool ready, bool updated, std::string trouble = "") {
    InstanceStatus status;
    status.name = "x-0";
    status.ready = ready;
    status.updated = updated;
    status.in_trouble = !trouble.empty();
    status.reason = std::move(trouble);
    return status;
}

std::string shown(const std::vector<Condition>& all) {
    std::string text;
    for (const Condition& one : all)
        text += one.type + (one.holds ? "=True " : "=False ") + one.reason + " (" + one.message +
                ") " + std::to_string(one.transition_unix_ms) + "\n";
    return text;
}

TEST(Conditions, nothing_is_left_to_do) {
    const model::Adapter x = adapter(1);
    EXPECT_EQ(shown(conditions_of({x, {instance(true, true)}, true, {}}, {}, 5)),
              "Ready=True Available (1 of 1 ready) 5\n"
              "Progressing=False Complete () 5\n"
              "Degraded=False AsExpected () 5\n");
    const model::Adapter none = adapter(0);
    EXPECT_EQ(conditions_of({none, {}, true, {}}, {}, 5)[0].message, "0 of 0 ready");
}

TEST(Conditions, a_remote_server_is_one_whatever_the_replicas) {
    model::Adapter remote = adapter(3);
    remote.command.clear();
    remote.url = "http://h:1/";
    EXPECT_TRUE(conditions_of({remote, {instance(true, true)}, true, {}}, {}, 5)[0].holds);
}

TEST(Conditions, progress_says_what_is_still_to_be_done) {
    const model::Adapter x = adapter(2);
    const auto progress = [&x](const std::vector<InstanceStatus>& all) {
        const Condition one = conditions_of({x, all, false, {}}, {}, 5)[1];
        EXPECT_TRUE(one.holds);
        return one.reason + ": " + one.message;
    };
    EXPECT_EQ(progress({}), "RollingOut: 0 of 2 updated");
    EXPECT_EQ(progress({instance(true, true), instance(true, false)}),
              "RollingOut: 1 of 2 updated");
    EXPECT_EQ(progress({instance(true, true), instance(true, true), instance(false, false)}),
              "RemovingOld: 1 more to be stopped");
    EXPECT_EQ(progress({instance(true, true), instance(false, true)}),
              "WaitingForReadiness: 1 of 2 ready");
}

TEST(Conditions, a_successor_that_fails_degrades_what_is_ready) {
    const model::Adapter x = adapter(1);
    const auto all = conditions_of(
        {x, {instance(false, true, "exited with status 1"), instance(true, false)}, false, {}}, {},
        5);
    EXPECT_TRUE(all[0].holds);
    EXPECT_EQ(all[2].reason, "InstanceFailing");
    EXPECT_EQ(all[2].message, "x-0: exited with status 1");
}

TEST(Conditions, trouble_of_the_whole_comes_before_that_of_an_instance) {
    const model::Adapter x = adapter(1);
    const auto all = conditions_of(
        {x, {instance(false, true, "exited")}, false, {"ClusterUnreachable", "no route"}}, {}, 5);
    EXPECT_EQ(all[2].reason, "ClusterUnreachable");
    EXPECT_EQ(all[2].message, "no route");
}

TEST(Conditions, the_time_is_that_of_the_last_change_of_the_status) {
    const model::Adapter x = adapter(1);
    const auto first = conditions_of({x, {instance(false, true)}, false, {}}, {}, 5);
    // Another reason, the same status.
    const auto second = conditions_of({x, {instance(false, true, "gone")}, false, {}}, first, 7);
    EXPECT_EQ(second[0].transition_unix_ms, 5U);
    EXPECT_EQ(second[1].transition_unix_ms, 5U);
    EXPECT_EQ(second[2].transition_unix_ms, 7U);
    const auto third = conditions_of({x, {instance(true, true)}, true, {}}, second, 9);
    EXPECT_EQ(third[0].transition_unix_ms, 9U);
    EXPECT_EQ(third[1].transition_unix_ms, 9U);
    EXPECT_EQ(third[2].transition_unix_ms, 9U);
}

}  // namespace
}  // namespace mcpgw::reconcile
