// How many probes it takes to change what is believed, and when they are made.
#include "controlplane/deploy/health.h"

#include <gtest/gtest.h>

namespace mcpgw::deploy {
namespace {

TEST(HealthCount, what_is_believed_changes_after_so_many_in_a_row) {
    HealthCount count;
    const ProbeRules rules{.unhealthy_after = 3, .healthy_after = 2};
    EXPECT_TRUE(count.after(false, true, rules));
    EXPECT_TRUE(count.after(false, true, rules));
    EXPECT_TRUE(count.is_counting());
    EXPECT_TRUE(count.after(true, true, rules));  // the row is broken
    EXPECT_FALSE(count.is_counting());
    EXPECT_TRUE(count.after(false, true, rules));
    EXPECT_TRUE(count.after(false, true, rules));
    EXPECT_FALSE(count.after(false, true, rules));
    EXPECT_FALSE(count.after(true, false, rules));
    EXPECT_FALSE(count.after(false, false, rules));
    EXPECT_FALSE(count.after(true, false, rules));
    EXPECT_TRUE(count.after(true, false, rules));
}

TEST(HealthCount, one_failed_probe_is_enough_after_a_doubt) {
    HealthCount count;
    const ProbeRules rules{.unhealthy_after = 100};
    count.doubt();
    EXPECT_FALSE(count.after(false, true, rules));
}

TEST(HealthCount, a_good_probe_ends_a_doubt) {
    HealthCount count;
    const ProbeRules rules{.unhealthy_after = 2};
    count.doubt();
    EXPECT_TRUE(count.after(true, true, rules));
    EXPECT_TRUE(count.after(false, true, rules));
    EXPECT_FALSE(count.after(false, true, rules));
}

TEST(HealthCount, a_doubt_makes_nobody_healthy_sooner) {
    HealthCount count;
    const ProbeRules rules{.healthy_after = 2};
    count.doubt();
    EXPECT_FALSE(count.after(true, false, rules));
    EXPECT_TRUE(count.after(true, false, rules));
}

TEST(ProbeRules, an_adapter_that_asks_for_nothing_gets_what_is_usual) {
    const ProbeRules usual{.interval_ms = 7, .doubt_ms = 1};
    EXPECT_EQ(rules_of({}, usual), usual);
}

TEST(ProbeRules, a_health_check_says_it_all) {
    model::Adapter adapter;
    adapter.health_check = {
        .path = "/up", .interval_ms = 1, .timeout_ms = 2, .unhealthy_after = 3, .healthy_after = 4};
    EXPECT_EQ(rules_of(adapter, {}), (ProbeRules{.path = "/up",
                                                 .interval_ms = 1,
                                                 .timeout_ms = 2,
                                                 .unhealthy_after = 3,
                                                 .healthy_after = 4,
                                                 .doubt_ms = 1}));
    adapter.transport = model::Transport::stdio;
    EXPECT_EQ(rules_of(adapter, {}).path, "/healthz");  // the bridge's
}

TEST(ProbeRules, intervals_scatter_by_a_tenth_either_way) {
    EXPECT_EQ(scattered(1'000, 0), 900 * kMillisecond);
    EXPECT_EQ(scattered(1'000, 100 * kMillisecond), 1'000 * kMillisecond);
    EXPECT_EQ(scattered(1'000, 200 * kMillisecond - 1), 1'100 * kMillisecond - 1);
    EXPECT_LT(scattered(1'000, UINT64_MAX), 1'100 * kMillisecond);
    EXPECT_EQ(scattered(0, 5), 0U);
}

}  // namespace
}  // namespace mcpgw::deploy
