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

TEST(Time, times_with_fractions_and_offsets_are_understood) {
    EXPECT_EQ(unix_millis_of_rfc3339("1970-01-01T00:00:01.5Z"), 1500U);
    EXPECT_EQ(unix_millis_of_rfc3339("1970-01-01t00:00:00.123456z"), 123U);
    EXPECT_EQ(unix_millis_of_rfc3339("1970-01-01T01:00:00+01:00"), 0U);
    EXPECT_EQ(unix_millis_of_rfc3339("1969-12-31T23:30:00-00:30"), 0U);
    EXPECT_EQ(unix_millis_of_rfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000U);
    EXPECT_EQ(unix_millis_of_rfc3339("2016-12-31T23:59:60Z"), 1'483'228'800'000U);
}

TEST(Time, what_is_written_is_read) {
    for (const std::uint64_t time : {0ULL, 999ULL, 951'782'400'000ULL, 4'102'444'799'999ULL})
        EXPECT_EQ(unix_millis_of_rfc3339(rfc3339(time)), time);
}

TEST(Time, what_is_no_time_is_refused) {
    for (const char* text :
         {"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
          "2023-02-29T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
          "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z",
          "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+24:00", "2024-01-01 00:00:00Z",
          "1969-12-31T23:59:59Z", "2024-01-01T00:00:00Zx", "-024-01-01T00:00:00Z"})
        EXPECT_FALSE(unix_millis_of_rfc3339(text)) << text;
}

}  // namespace
}  // namespace mcpgw
