// The properties of the clocks and of RFC 3339 texts.
#include "common/time.h"

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

TEST(Time, units_are_multiples_of_nanoseconds) {
    EXPECT_EQ(kSecond, 1'000'000'000U);
    EXPECT_EQ(kMillisecond * 1000, kSecond);
    EXPECT_EQ(kMicrosecond * 1000, kMillisecond);
    EXPECT_GT(kNever, monotonic_now());
}

TEST(Time, the_monotonic_clock_never_goes_back) {
    Nanos before = monotonic_now();
    EXPECT_GT(before, 0U);
    for (int i = 0; i < 10'000; ++i) {
        const Nanos now = monotonic_now();
        ASSERT_GE(now, before);
        before = now;
    }
}

TEST(Time, seconds_and_milliseconds_are_of_the_same_clock) {
    const std::uint64_t before = unix_seconds_now();
    const std::uint64_t millis = unix_millis_now();
    const std::uint64_t after = unix_seconds_now();
    EXPECT_LE(before, millis / 1000);
    EXPECT_LE(millis / 1000, after);
    EXPECT_GT(before, 1'700'000'000U) << "after November 2023";
}

TEST(Time, rfc3339_has_milliseconds_and_z) {
    EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(rfc3339(1), "1970-01-01T00:00:00.001Z");
    EXPECT_EQ(rfc3339(951'782'400'000), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(rfc3339(1'795'266'242'123), "2026-11-21T13:04:02.123Z");
    EXPECT_EQ(rfc3339(4'102'444'799'999), "2099-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace mcpgw
