// Timers never fire early, at most one slot late, and never twice.
#include "dataplane/io/timer_wheel.h"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::io {
namespace {

struct Alarm {
    explicit Alarm(TimerWheel& the_wheel) : wheel(the_wheel) {}
    void ring() { ++count; }
    TimerWheel& wheel;
    int count = 0;
    TimerOf<Alarm, &Alarm::ring> timer{*this};
};

constexpr Nanos kStart = 1000 * kSecond;

TEST(TimerWheel, fires_within_one_slot_and_not_early) {
    TimerWheel wheel(kStart);
    Alarm alarm(wheel);
    const Nanos deadline = kStart + 100 * kMillisecond;
    wheel.set(alarm.timer, deadline);
    wheel.advance(deadline - 1);
    EXPECT_EQ(alarm.count, 0);
    wheel.advance(deadline + TimerWheel::kSlotNanos);
    EXPECT_EQ(alarm.count, 1);
    wheel.advance(deadline + kSecond);
    EXPECT_EQ(alarm.count, 1);
}

TEST(TimerWheel, next_visit_is_never_later_than_one_slot_after_a_deadline) {
    TimerWheel wheel(kStart);
    Alarm alarm(wheel);
    EXPECT_EQ(wheel.next_visit(), kNever);
    wheel.set(alarm.timer, kStart + 3 * kSecond);
    EXPECT_LE(wheel.next_visit(), kStart + 3 * kSecond + TimerWheel::kSlotNanos);
    EXPECT_GT(wheel.next_visit(), kStart);
    wheel.clear(alarm.timer);
}

TEST(TimerWheel, a_deadline_moved_later_fires_later_and_one_moved_earlier_earlier) {
    TimerWheel wheel(kStart);
    Alarm later(wheel);
    Alarm earlier(wheel);
    wheel.set(later.timer, kStart + kSecond);
    wheel.set(later.timer, kStart + 2 * kSecond);
    wheel.set(earlier.timer, kStart + 20 * kSecond);
    wheel.set(earlier.timer, kStart + kSecond);
    wheel.advance(kStart + kSecond + TimerWheel::kSlotNanos);
    EXPECT_EQ(later.count, 0);
    EXPECT_EQ(earlier.count, 1);
    wheel.advance(kStart + 2 * kSecond + TimerWheel::kSlotNanos);
    EXPECT_EQ(later.count, 1);
}

TEST(TimerWheel, deadlines_beyond_one_turn_wait_for_their_turn) {
    TimerWheel wheel(kStart);
    Alarm alarm(wheel);
    const Nanos far = kStart + 10 * TimerWheel::kSlots * TimerWheel::kSlotNanos;
    wheel.set(alarm.timer, far);
    for (Nanos now = kStart; now < far; now = wheel.next_visit()) {
        wheel.advance(now);
        ASSERT_EQ(alarm.count, 0) << now;
        ASSERT_GT(wheel.next_visit(), now);
    }
    wheel.advance(far + TimerWheel::kSlotNanos);
    EXPECT_EQ(alarm.count, 1);
}

TEST(TimerWheel, a_cleared_timer_is_silent_and_can_be_set_again) {
    TimerWheel wheel(kStart);
    Alarm alarm(wheel);
    wheel.set(alarm.timer, kStart + kSecond);
    wheel.clear(alarm.timer);
    wheel.advance(kStart + 2 * kSecond);
    EXPECT_EQ(alarm.count, 0);
    EXPECT_EQ(wheel.next_visit(), kNever);
    wheel.set(alarm.timer, kStart + 9 * kSecond);
    wheel.clear(alarm.timer);
    wheel.set(alarm.timer, kStart + 4 * kSecond);
    wheel.advance(kStart + 4 * kSecond + TimerWheel::kSlotNanos);
    EXPECT_EQ(alarm.count, 1);
}

TEST(TimerWheel, a_long_sleep_misses_nothing) {
    TimerWheel wheel(kStart);
    Alarm alarm(wheel);
    wheel.set(alarm.timer, kStart + 5 * kSecond);
    wheel.advance(kStart + 3600 * kSecond);
    EXPECT_EQ(alarm.count, 1);
}

TEST(TimerWheel, random_deadlines_all_fire_in_time) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    TimerWheel wheel(kStart);
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::vector<Nanos> deadlines;
    for (int i = 0; i < 500; ++i) {
        alarms.push_back(std::make_unique<Alarm>(wheel));
        deadlines.push_back(kStart + random() % (120 * kSecond));
        wheel.set(alarms.back()->timer, deadlines.back());
        if (random() % 3 == 0) {
            deadlines.back() = kStart + random() % (120 * kSecond);
            wheel.set(alarms.back()->timer, deadlines.back());
        }
    }
    for (Nanos now = kStart; now < kStart + 130 * kSecond; now += random() % kSecond) {
        wheel.advance(now);
        for (std::size_t i = 0; i < alarms.size(); ++i) {
            const bool must = deadlines[i] + TimerWheel::kSlotNanos <= now;
            const bool may = deadlines[i] <= now;
            ASSERT_GE(alarms[i]->count, must ? 1 : 0) << i;
            ASSERT_LE(alarms[i]->count, may ? 1 : 0) << i;
        }
    }
}

}  // namespace
}  // namespace mcpgw::io
