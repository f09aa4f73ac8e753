// The text of a log without its stamps, in any pieces and over restarts.
#include "controlplane/kubernetes/stamped_log.h"

#include <gtest/gtest.h>

namespace mcpgw::kubernetes {
namespace {

constexpr std::string_view kLog =
    "2026-11-21T09:58:01.518744000Z one\n"
    "2026-11-21T09:58:02.000000001Z \n"
    "2026-11-21T09:58:03.000000000Z 2026 is a year: 12:30\n";
constexpr std::string_view kText = "one\n\n2026 is a year: 12:30\n";

TEST(StampedLog, stamps_are_taken_away_in_pieces_of_any_size) {
    for (std::size_t size = 1; size <= kLog.size(); ++size) {
        StampedLog log;
        std::string text;
        for (std::size_t at = 0; at < kLog.size(); at += size)
            text += log.feed(kLog.substr(at, size));
        EXPECT_EQ(text, kText) << size;
        EXPECT_EQ(log.last_stamp(), "2026-11-21T09:58:03.000000000Z");
    }
}

TEST(StampedLog, lines_without_a_stamp_pass_as_they_are) {
    StampedLog log;
    EXPECT_EQ(log.feed("12 monkeys\nfailed to open the log\n"),
              "12 monkeys\nfailed to open the log\n");
    EXPECT_EQ(log.last_stamp(), "");
    const std::string digits(300, '7');
    EXPECT_EQ(log.feed(digits + "\n"), digits + "\n");
}

TEST(StampedLog, what_was_given_is_not_given_again) {
    StampedLog log;
    EXPECT_EQ(log.feed(kLog.substr(0, 35)), "one\n");
    EXPECT_EQ(log.restart(), "");
    EXPECT_EQ(log.feed(kLog), "\n2026 is a year: 12:30\n");
    EXPECT_EQ(log.restart(), "");
    EXPECT_EQ(log.feed(kLog), "");
    EXPECT_EQ(log.feed("2026-11-21T09:58:04.000000000Z new\n"), "new\n");
}

TEST(StampedLog, a_line_that_was_cut_is_ended_and_given_again) {
    StampedLog log;
    EXPECT_EQ(log.feed("2026-11-21T09:58:01.518744000Z on"), "on");
    EXPECT_EQ(log.restart(), "\n");
    EXPECT_EQ(log.feed(kLog), kText);
}

}  // namespace
}  // namespace mcpgw::kubernetes
