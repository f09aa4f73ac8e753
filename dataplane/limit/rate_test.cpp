// The rate in simulated time.
#include "dataplane/limit/rate.h"

#include <gtest/gtest.h>

namespace mcpgw::limit {
namespace {

contract::Limits limits_of(std::uint32_t per_second, std::uint32_t burst) {
    contract::Limits limits;
    limits.requests_per_second = per_second;
    limits.burst = burst;
    return limits;
}

// How many of the requests that come every `step` get through in `seconds`.
std::uint64_t passed(const Rate& rate, Nanos step, std::uint64_t seconds) {
    Nanos word = 0;
    std::uint64_t count = 0;
    for (Nanos now = kSecond; now < kSecond + seconds * kSecond; now += step) {
        const auto next = rate.add(word, now);
        if (!next) continue;
        word = *next;
        ++count;
    }
    return count;
}

TEST(Rate, a_burst_passes_at_once_and_no_more) {
    const Rate rate(limits_of(10, 25));
    Nanos word = 0;
    for (std::uint64_t i = 0; i < 25; ++i) {
        EXPECT_EQ(rate.left(word, kSecond), 25 - i);
        ASSERT_EQ(rate.wait(word, kSecond), 0U);
        word = *rate.add(word, kSecond);
    }
    EXPECT_FALSE(rate.add(word, kSecond));
    EXPECT_EQ(rate.left(word, kSecond), 0U);
    EXPECT_EQ(rate.wait(word, kSecond), kSecond / 10);
    EXPECT_TRUE(rate.add(word, kSecond + kSecond / 10));
    EXPECT_EQ(rate.left(word, 10 * kSecond), 25U);
}

TEST(Rate, holds_within_five_percent_over_ten_seconds_at_any_rate_and_tick) {
    for (const std::uint32_t per_second : {1U, 7U, 50U, 333U, 5'000U, 70'000U}) {
        for (const std::uint32_t burst : {1U, 20U}) {
            const Rate rate(limits_of(per_second, burst));
            for (const Nanos tick : {20 * kMicrosecond, 300 * kMicrosecond, 2 * kMillisecond}) {
                // As many in each tick as would pass ten times over.
                const std::uint64_t in_tick =
                    std::max<std::uint64_t>(2, per_second * tick * 10 / kSecond);
                Nanos word = 0;
                std::uint64_t count = 0;
                for (Nanos now = kSecond; now < 11 * kSecond; now += tick)
                    for (std::uint64_t i = 0; i < in_tick; ++i)
                        if (const auto next = rate.add(word, now)) {
                            word = *next;
                            ++count;
                        }
                const double wanted = 10.0 * per_second;
                EXPECT_GE(static_cast<double>(count), 0.95 * wanted - 1) << per_second;
                EXPECT_LE(static_cast<double>(count), 1.05 * wanted + burst) << per_second;
            }
        }
    }
}

TEST(Rate, slower_requests_all_pass) {
    EXPECT_EQ(passed(Rate(limits_of(10, 1)), kSecond / 10, 10), 100U);
    EXPECT_EQ(passed(Rate(limits_of(1'000'000, 1)), kMillisecond, 1), 1000U);
}

TEST(Rate, what_is_given_back_can_be_taken_again) {
    const Rate rate(limits_of(10, 1));
    const Nanos word = *rate.add(0, kSecond);
    ASSERT_FALSE(rate.add(word, kSecond));
    EXPECT_TRUE(rate.add(rate.without(word), kSecond));
}

TEST(Rate, a_word_from_a_higher_debt_is_a_full_debt) {
    const Rate rate(limits_of(10, 2));
    const Nanos far = 1000 * kSecond;
    EXPECT_EQ(rate.debt_at(far, kSecond), kSecond / 5);
    EXPECT_EQ(rate.wait(far, kSecond), kSecond / 10);
    EXPECT_TRUE(rate.add(far, kSecond + 0) == std::nullopt);
}

}  // namespace
}  // namespace mcpgw::limit
