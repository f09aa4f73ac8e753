// Windows under clocks that run, jump and go back.
#include "dataplane/limit/quota_window.h"

#include <gtest/gtest.h>

namespace mcpgw::limit {
namespace {

constexpr std::uint32_t kOneHour = 3600;
constexpr std::uint32_t kTen = 10 * kOneHour;  // of the first day of 1970

TEST(QuotaWindow, is_one_word) {
    const QuotaWindow window{0xFFFF'FFFF, 1'000'000'000};
    EXPECT_EQ(QuotaWindow::of(window.word()), window);
}

TEST(QuotaWindow, begins_at_a_multiple_of_its_length) {
    EXPECT_EQ(QuotaWindow().at(kTen + 59, kOneHour), (QuotaWindow{kTen, 0}));
    EXPECT_EQ((QuotaWindow{kTen, 7}.at(kTen + kOneHour - 1, kOneHour)), (QuotaWindow{kTen, 7}));
    EXPECT_EQ((QuotaWindow{kTen, 7}.at(kTen + kOneHour, kOneHour)),
              (QuotaWindow{kTen + kOneHour, 0}));
    EXPECT_EQ((QuotaWindow{kTen, 7}.end(kOneHour)), kTen + kOneHour);
}

TEST(QuotaWindow, a_clock_that_goes_back_a_little_stays_in_the_window) {
    const QuotaWindow window{kTen, 7};
    EXPECT_EQ(window.at(kTen - 1, kOneHour), window);
    EXPECT_EQ(window.at(kTen - kOneHour, kOneHour), window);
    EXPECT_EQ(window.end(kOneHour), kTen + kOneHour) << "it lasts until its own end";
}

TEST(QuotaWindow, a_clock_that_goes_back_far_takes_the_count_with_it) {
    const QuotaWindow from_the_future{kTen + 1000 * kOneHour, 7};
    EXPECT_EQ(from_the_future.at(kTen + 5, kOneHour), (QuotaWindow{kTen, 7}));
    EXPECT_EQ(from_the_future.at(kTen + 5, kOneHour).at(kTen + kOneHour, kOneHour),
              (QuotaWindow{kTen + kOneHour, 0}));
}

TEST(QuotaWindow, another_length_keeps_the_count_until_a_window_of_it_begins) {
    const QuotaWindow minute{kTen + 41 * 60, 50};
    EXPECT_EQ(minute.at(kTen + 42 * 60, kOneHour), minute);
    EXPECT_EQ(minute.end(kOneHour), kTen + kOneHour);
    EXPECT_EQ(minute.at(kTen + kOneHour, kOneHour), (QuotaWindow{kTen + kOneHour, 0}));
    const QuotaWindow hour{kTen, 50};
    EXPECT_EQ(hour.at(kTen + 61, 60), (QuotaWindow{kTen + 60, 0}));
}

}  // namespace
}  // namespace mcpgw::limit
