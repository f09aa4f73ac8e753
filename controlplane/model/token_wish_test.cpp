// Ages and times of expiry, and that a wish is a body that is taken.
#include "controlplane/model/token_wish.h"

#include <gtest/gtest.h>

#include "controlplane/model/api_token.h"
#include "controlplane/model/json.h"

namespace mcpgw::model {
namespace {

constexpr std::uint64_t kWishedAt = 1'800'000'000'000;

TEST(TokenWish, ages_have_a_unit) {
    EXPECT_EQ(seconds_of_age("90s"), 90U);
    EXPECT_EQ(seconds_of_age("15m"), 900U);
    EXPECT_EQ(seconds_of_age("12h"), 43'200U);
    EXPECT_EQ(seconds_of_age("30d"), 2'592'000U);
    EXPECT_EQ(seconds_of_age("36500d"), 3'153'600'000U);
    for (const char* wrong :
         {"", "d", "0d", "-1d", "1", "1w", "1.5h", "36501d", " 1d", "1d ", "99999999999999999999d"})
        EXPECT_FALSE(seconds_of_age(wrong).has_value()) << wrong;
}

TEST(TokenWish, a_wish_becomes_a_body_that_is_taken) {
    const auto body = body_of({"ci", {"a", "b"}, "t", {"s"}, {"x"}, "30d"}, kWishedAt);
    ASSERT_TRUE(body) << body.error().detail;
    const auto reading = read_api_token(*parse_json(*body), kWishedAt);
    ASSERT_TRUE(reading.errors.empty()) << reading.errors.begin()->first;
    EXPECT_EQ(reading.token.what.user, "ci");
    EXPECT_EQ(reading.token.what.roles.size(), 2U);
    EXPECT_EQ(reading.token.what.tenant, "t");
    EXPECT_EQ(reading.token.what.expires_unix_s, kWishedAt / 1000 + 2'592'000);
    const auto never = body_of({.user = "ci"}, kWishedAt);
    EXPECT_EQ(read_api_token(*parse_json(*never), kWishedAt).token.what.expires_unix_s, 0U);
    const auto timed = body_of({.user = "ci", .expires = "2027-02-01T00:00:00Z"}, kWishedAt);
    EXPECT_EQ(read_api_token(*parse_json(*timed), kWishedAt).token.what.expires_unix_s,
              1'801'440'000U);
    EXPECT_EQ(body_of({.user = "ci", .expires = "soon"}, kWishedAt).error().code,
              Code::invalid_argument);
}

}  // namespace
}  // namespace mcpgw::model
