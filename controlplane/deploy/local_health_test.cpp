// Health checks of local servers: they decide about readiness, at once when they are changed, and
// never restart anything.
#include "controlplane/deploy/process_fixture.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

class LocalHealthTest : public ProcessDeployerTest {
  protected:
    LocalHealthTest() {
        adapter_.health_check = {.path = "/healthz",
                                 .interval_ms = 20,
                                 .timeout_ms = 10'000,
                                 .unhealthy_after = 2,
                                 .healthy_after = 1};
    }
    void answer_with(int status) {
        ASSERT_EQ(ask(one().port, "health " + std::to_string(status)), "ok");
    }
    static bool none_ready(const std::vector<InstanceStatus>& all) {
        return all.size() == 1 && !all[0].ready;
    }
};

TEST_F(LocalHealthTest, readiness_follows_what_the_server_says_and_its_process_stays) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    answer_with(503);
    ASSERT_TRUE(until(none_ready));
    EXPECT_EQ(one().reason, "health check GET /healthz: answered 503");
    EXPECT_TRUE(one().alive);
    answer_with(200);
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, before.uid);
    EXPECT_EQ(one().restarts, 0U);
    EXPECT_EQ(ask_pid(one().port), pid);
}

TEST_F(LocalHealthTest, a_changed_health_check_counts_at_once_and_restarts_nothing) {
    adapter_.health_check.reset();
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    answer_with(500);
    // Nothing but the change can make this probe: the next usual one is an hour away.
    adapter_.health_check = {.path = "/sick",
                             .interval_ms = 3'600'000,
                             .timeout_ms = 10'000,
                             .unhealthy_after = 1'000,
                             .healthy_after = 1};
    ASSERT_TRUE(until(none_ready));
    EXPECT_EQ(one().reason, "health check GET /sick: answered 500");
    adapter_.health_check.reset();
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_TRUE(one().updated);
    EXPECT_EQ(one().uid, before.uid);
    EXPECT_EQ(ask_pid(one().port), pid);
}

TEST_F(LocalHealthTest, a_server_that_starts_sick_says_so_and_is_not_restarted) {
    adapter_.health_check->path = "/other";
    ASSERT_TRUE(until([](const auto& all) { return !all.empty() && all[0].alive; }));
    ASSERT_TRUE(eventually([this] { return ask(one().port, "health 503") == "ok"; }));
    // It may have answered well before it was told.
    ASSERT_TRUE(until([](const auto& all) {
        return all[0].reason.ends_with("health check GET /other: answered 503");
    }));
    EXPECT_FALSE(one().ready);
    EXPECT_EQ(one().restarts, 0U);
}

TEST_F(LocalHealthTest, a_failure_seen_by_traffic_needs_one_probe_to_be_believed) {
    adapter_.health_check->interval_ms = 3'600'000;
    adapter_.health_check->unhealthy_after = 1'000;
    ASSERT_TRUE(until(ready_count(1)));
    answer_with(503);
    deployer().probe_now("x");
    ASSERT_TRUE(until(none_ready));
}

TEST_F(LocalHealthTest, one_that_is_adopted_sick_is_not_ready_after_one_probe) {
    adapter_.health_check->unhealthy_after = 1'000;
    adapter_.health_check->interval_ms = 3'600'000;
    ASSERT_TRUE(until(ready_count(1)));
    const pid_t pid = ask_pid(one().port);
    answer_with(503);
    deployer_.reset();
    ASSERT_TRUE(until(none_ready));
    EXPECT_EQ(ask_pid(one().port), pid);
}

}  // namespace
}  // namespace mcpgw::deploy
