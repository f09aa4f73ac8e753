// A head is found wherever its bytes lie, and the rest stays in the queue.
#include "dataplane/flow/head_reader.h"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/io/received_for_test.h"

namespace mcpgw::flow {
namespace {

constexpr std::string_view kHead = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

class HeadReaderTest : public testing::Test {
  protected:
    void receive(std::string_view text) { ASSERT_TRUE(input.push(io::received(buffers, text))); }
    io::BufferPool buffers{64, 256};
    io::BlockPool blocks{1, 1024};
    transport::SegmentPool pool{64};
    transport::OwnSegmentQueue own_input{pool};
    transport::SegmentQueue& input = *own_input;
    HeadReader reader;
};

TEST_F(HeadReaderTest, a_whole_head_is_read_in_place) {
    receive(std::string(kHead) + "body");
    ASSERT_EQ(reader.read(input, blocks), HeadReader::Outcome::complete);
    EXPECT_EQ(reader.text(), kHead);
    EXPECT_EQ(reader.text().data(), reinterpret_cast<const char*>(buffers.address(0)));
    EXPECT_EQ(input.pop_slice().text(), "body");
    EXPECT_EQ(blocks.in_use(), 0U);
    reader.reset();
}

TEST_F(HeadReaderTest, a_head_in_pieces_is_put_together_and_holds_no_buffer) {
    for (std::size_t i = 0; i + 1 < kHead.size(); ++i) {
        receive(kHead.substr(i, 1));
        ASSERT_EQ(reader.read(input, blocks), HeadReader::Outcome::needs_more);
        EXPECT_EQ(buffers.in_use(), 0U);
    }
    receive("\nnext");
    ASSERT_EQ(reader.read(input, blocks), HeadReader::Outcome::complete);
    EXPECT_EQ(reader.text(), kHead);
    EXPECT_EQ(input.pop_slice().text(), "next");
    reader.reset();
    EXPECT_EQ(blocks.in_use(), 0U);
}

TEST_F(HeadReaderTest, empty_lines_before_the_head_are_not_part_of_it) {
    receive("\r\n" + std::string(kHead));
    ASSERT_EQ(reader.read(input, blocks), HeadReader::Outcome::complete);
    EXPECT_EQ(reader.text(), kHead);
    reader.reset();
}

TEST_F(HeadReaderTest, without_a_block_a_head_in_pieces_is_refused) {
    const io::Block taken = blocks.take();
    receive("GET ");
    EXPECT_EQ(reader.read(input, blocks), HeadReader::Outcome::no_memory);
    input.clear();
    reader.reset();
}

TEST_F(HeadReaderTest, a_bad_line_ending_fails_at_once) {
    receive("GET / HTTP/1.1\n");
    EXPECT_EQ(reader.read(input, blocks), HeadReader::Outcome::failed);
    EXPECT_EQ(reader.error(), http::HeadError::bad_line_ending);
    input.clear();
    reader.reset();
}

}  // namespace
}  // namespace mcpgw::flow
