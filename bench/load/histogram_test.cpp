// Percentiles are right within the width of a bucket.
#include "bench/load/histogram.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::bench {
namespace {

TEST(Histogram, an_empty_one_has_no_latencies) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.percentile(0.5), 0U);
    EXPECT_EQ(histogram.max(), 0U);
}

TEST(Histogram, small_values_are_exact) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value)
        histogram.record(value);
    EXPECT_EQ(histogram.percentile(0.5), 50U);
    EXPECT_EQ(histogram.percentile(0.99), 99U);
    EXPECT_EQ(histogram.percentile(0), 1U);
    EXPECT_EQ(histogram.percentile(1), 100U);
}

TEST(Histogram, percentiles_are_never_too_low_and_at_most_a_bucket_too_high) {
    std::mt19937_64 random(7);
    Histogram histogram;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 20000; ++i) {
        values.push_back(random() >> (random() % 34 + 30));
        histogram.record(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999}) {
        const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()));
        const std::uint64_t exact = values[rank - 1];
        EXPECT_GE(histogram.percentile(share), exact) << share;
        EXPECT_LE(histogram.percentile(share), exact + exact / 128 + 1) << share;
    }
}

TEST(Histogram, what_is_beyond_the_last_bucket_is_bounded_by_the_maximum) {
    Histogram histogram;
    histogram.record(10);
    histogram.record(~std::uint64_t{0} / 2);
    EXPECT_EQ(histogram.percentile(0.5), 10U);
    EXPECT_EQ(histogram.percentile(1), ~std::uint64_t{0} / 2);
}

TEST(Histogram, clearing_forgets_everything) {
    Histogram histogram;
    histogram.record(10);
    histogram.clear();
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.max(), 0U);
}

}  // namespace
}  // namespace mcpgw::bench
