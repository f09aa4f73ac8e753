// The bounds on what a child may log.
#include "tools/server/child_log.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::server {
namespace {

struct ChildLogTest : testing::Test {
    ChildLogTest() { log.set_process(7); }

    std::vector<std::string> lines;
    ChildLog log{[this](std::string_view line) { lines.emplace_back(line); }};
    Nanos now = 5 * kSecond;
};

TEST_F(ChildLogTest, lines_get_the_process_id_in_front) {
    log.append("one\r\ntw", now);
    log.append("o\n\nthree", now);
    EXPECT_EQ(lines, (std::vector<std::string>{"[7] one\n", "[7] two\n", "[7] \n"}));
    log.finish(now);
    EXPECT_EQ(lines.back(), "[7] three\n");
}

TEST_F(ChildLogTest, long_lines_are_cut_and_counted) {
    log.append(std::string(10'000, 'x'), now);
    log.append(std::string(10'000, 'x') + "\nshort\n", now);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_LE(lines[0].size(), limits::bridge_log_line_bytes_max);
    const std::string rest = " (" + std::to_string(20'000 - lines[0].find(' ', 4) + 4);
    EXPECT_NE(lines[0].find(rest + " more bytes)\n"), std::string::npos) << lines[0].substr(4000);
    EXPECT_EQ(lines[1], "[7] short\n");
}

TEST_F(ChildLogTest, lines_beyond_those_of_a_second_are_dropped_and_told) {
    EXPECT_EQ(log.tick_due(), kNever);
    for (std::size_t i = 0; i < limits::bridge_log_lines_per_second_max + 3; ++i)
        log.append("x\n", now);
    log.note("a remark counts, too", now);
    EXPECT_EQ(lines.size(), limits::bridge_log_lines_per_second_max);
    ASSERT_EQ(log.tick_due(), now + kSecond);
    log.tick(now + kSecond - 1);
    EXPECT_EQ(lines.size(), limits::bridge_log_lines_per_second_max);
    log.tick(now + kSecond);
    EXPECT_EQ(lines.back(), "[7] (4 lines were dropped: more than 200 in a second)\n");
    EXPECT_EQ(log.tick_due(), kNever);
    log.append("y\n", now + kSecond);
    EXPECT_EQ(lines.back(), "[7] y\n");
}

TEST_F(ChildLogTest, the_end_tells_what_was_dropped) {
    for (std::size_t i = 0; i < limits::bridge_log_lines_per_second_max + 1; ++i)
        log.append("x\n", now);
    log.append("last", now);
    log.finish(now);
    EXPECT_EQ(lines.back(), "[7] (2 lines were dropped: more than 200 in a second)\n");
}

}  // namespace
}  // namespace mcpgw::server
