// Lines in any pieces, and what becomes of those that are too long.
#include "tools/server/line_reader.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::server {
namespace {

constexpr std::size_t kMax = limits::stdio_line_bytes_max;

struct LineReaderTest : testing::Test {
    bool feed_in_pieces(std::string_view text, std::size_t piece) {
        for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
            if (!reader.feed(text.substr(0, piece))) return false;
        return true;
    }

    std::vector<std::string> lines;
    std::vector<std::string> long_ids;
    LineReader reader{
        {[this](std::string_view line) { lines.emplace_back(line); },
         [this](const jsonrpc::Peek& message) { long_ids.emplace_back(message.id()); }}};
};

TEST_F(LineReaderTest, lines_come_whole_whatever_the_pieces) {
    for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
        lines.clear();
        EXPECT_TRUE(feed_in_pieces("one\n\r\n\ntwo\r\nthree\nfo", piece));
        EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
        EXPECT_TRUE(reader.feed("ur\n"));
        EXPECT_EQ(lines.back(), "four");
    }
}

TEST_F(LineReaderTest, a_line_may_have_the_limit) {
    EXPECT_TRUE(feed_in_pieces(std::string(kMax, 'x') + "\n", 65536));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].size(), kMax);
}

TEST_F(LineReaderTest, a_longer_message_is_told_by_its_id_and_the_next_line_is_read) {
    const std::string message =
        R"({"result":")" + std::string(kMax, 'x') + R"(","id":"a7"})" + "\nnext\n";
    EXPECT_TRUE(feed_in_pieces(message, 65536));
    EXPECT_TRUE(feed_in_pieces(message, kMax + 5));
    EXPECT_EQ(long_ids, (std::vector<std::string>{R"("a7")", R"("a7")"}));
    EXPECT_EQ(lines, (std::vector<std::string>{"next", "next"}));
}

TEST_F(LineReaderTest, a_longer_line_that_is_no_message_is_hopeless) {
    EXPECT_FALSE(feed_in_pieces(std::string(kMax + 1, 'x'), 65536)) << "at once";
}

TEST_F(LineReaderTest, a_longer_line_that_says_nothing_is_hopeless) {
    EXPECT_FALSE(feed_in_pieces("{\"x\":\"" + std::string(kMax, 'x') + "\"}\n", 65536));
}

TEST_F(LineReaderTest, a_longer_batch_is_hopeless) {
    EXPECT_FALSE(feed_in_pieces("[\"" + std::string(kMax, 'x') + "\"]\n", 65536));
}

TEST_F(LineReaderTest, a_line_without_end_is_hopeless) {
    EXPECT_TRUE(reader.feed("{\"jsonrpc\":\""));
    const std::string more(1024 * 1024, 'x');
    std::size_t fed = 0;
    while (reader.feed(more))
        fed += more.size();
    EXPECT_GE(fed, limits::stdio_line_skip_bytes_max - more.size());
    EXPECT_LE(fed, limits::stdio_line_skip_bytes_max);
}

}  // namespace
}  // namespace mcpgw::server
