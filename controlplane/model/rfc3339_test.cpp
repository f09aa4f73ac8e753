// Times of RFC 3339, and what only looks like one.
#include "controlplane/model/rfc3339.h"

#include <gtest/gtest.h>

namespace mcpgw::model {
namespace {

TEST(Rfc3339, times_with_fractions_and_offsets_are_understood) {
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01T00:00:01.5Z"), 1500U);
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01t00:00:00.123456z"), 123U);
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01T01:00:00+01:00"), 0U);
    EXPECT_EQ(unix_ms_of_rfc3339("1969-12-31T23:30:00-00:30"), 0U);
    EXPECT_EQ(unix_ms_of_rfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000U);
    EXPECT_EQ(unix_ms_of_rfc3339("2016-12-31T23:59:60Z"), 1'483'228'800'000U);
}

TEST(Rfc3339, what_is_no_time_is_refused) {
    for (const char* text :
         {"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
          "2023-02-29T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
          "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z",
          "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+24:00", "2024-01-01 00:00:00Z",
          "1969-12-31T23:59:59Z", "2024-01-01T00:00:00Zx", "-024-01-01T00:00:00Z"})
        EXPECT_FALSE(unix_ms_of_rfc3339(text)) << text;
}

}  // namespace
}  // namespace mcpgw::model
