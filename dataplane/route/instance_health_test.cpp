// When an instance gets no new work, and when it is tried again.
#include "dataplane/route/instance_health.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw {
namespace {

void fail(InstanceHealth& health, std::uint32_t times, std::uint32_t now) {
    for (std::uint32_t i = 0; i < times; ++i)
        health.note_failure(now);
}

TEST(InstanceHealth, failures_in_a_row_close_it_and_a_success_between_does_not) {
    InstanceHealth health;
    fail(health, limits::ejection_failures - 1, 100);
    EXPECT_TRUE(health.admit(100));
    health.note_success();
    fail(health, limits::ejection_failures - 1, 100);
    EXPECT_TRUE(health.admit(100));
    EXPECT_TRUE(health.note_failure(100));
    EXPECT_FALSE(health.admit(100));
    EXPECT_TRUE(health.is_closed(100 + limits::ejection_seconds - 1));
}

TEST(InstanceHealth, after_its_time_one_request_a_second_is_let_through) {
    InstanceHealth health;
    fail(health, limits::ejection_failures, 100);
    const std::uint32_t over = 100 + limits::ejection_seconds;
    EXPECT_FALSE(health.is_closed(over));
    EXPECT_TRUE(health.admit(over));
    EXPECT_FALSE(health.admit(over));
    EXPECT_TRUE(health.admit(over + 1));
    health.note_success();
    EXPECT_TRUE(health.admit(over + 1));
    EXPECT_TRUE(health.admit(over + 1));
}

TEST(InstanceHealth, a_failed_trial_closes_it_for_longer_up_to_a_limit) {
    InstanceHealth health;
    std::uint32_t now = 100;
    fail(health, limits::ejection_failures, now);
    for (std::uint32_t n = 1; n < 10; ++n) {
        const std::uint32_t last = limits::ejection_seconds
                                   << std::min(n - 1, limits::ejection_doublings_max);
        EXPECT_TRUE(health.is_closed(now + last - 1)) << n;
        EXPECT_FALSE(health.is_closed(now + last)) << n;
        now += last + 1;
        ASSERT_TRUE(health.admit(now));
        // A connection is refused within the second, a time-out comes later.
        now += n % 2;
        EXPECT_TRUE(health.note_failure(now));
    }
}

TEST(InstanceHealth, what_fails_while_it_is_closed_is_no_news) {
    InstanceHealth health;
    fail(health, 100 * limits::ejection_failures, 100);
    EXPECT_FALSE(health.is_closed(100 + limits::ejection_seconds));
}

}  // namespace
}  // namespace mcpgw
