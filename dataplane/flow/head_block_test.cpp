// Where heads are written: small ones close together, large ones whole, and no block is lost.
#include "dataplane/flow/head_block.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::flow {
namespace {

class HeadBlockTest : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = io::Ring::open({.receive_buffers = 16, .receive_buffer_bytes = 4096});
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        context = std::make_unique<transport::Context>(*ring, *metrics);
    }
    // A head of so many bytes, and eight of framing.
    HeadBlock write(std::size_t bytes) {
        const std::string value(bytes, 'v');
        return write_head(*context, [&value](http::HeadWriter& writer) {
            writer.field("name", value);
            writer.finish();
        });
    }
    static std::string text_of(const HeadBlock& head) {
        return {head.block.room().data(), head.bytes};
    }

    std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
    std::unique_ptr<io::Ring> ring;
    std::unique_ptr<transport::Context> context;
};

TEST_F(HeadBlockTest, a_short_head_takes_a_small_block) {
    const HeadBlock head = write(100);
    EXPECT_EQ(text_of(head), "name: " + std::string(100, 'v') + "\r\n\r\n");
    EXPECT_EQ(context->small_blocks.in_use(), 1U);
    EXPECT_EQ(context->blocks.in_use(), 0U);
}

TEST_F(HeadBlockTest, a_long_head_lies_whole_in_a_large_block) {
    const HeadBlock head = write(limits::small_head_block_bytes);
    EXPECT_EQ(text_of(head),
              "name: " + std::string(limits::small_head_block_bytes, 'v') + "\r\n\r\n");
    EXPECT_EQ(context->small_blocks.in_use(), 0U);
    EXPECT_EQ(context->blocks.in_use(), 1U);
}

TEST_F(HeadBlockTest, without_a_small_block_a_short_head_takes_a_large_one) {
    std::vector<HeadBlock> heads;
    for (std::size_t i = 0; i < limits::small_head_blocks; ++i)
        heads.push_back(write(1));
    const HeadBlock head = write(1);
    EXPECT_EQ(text_of(head), "name: v\r\n\r\n");
    EXPECT_EQ(context->blocks.in_use(), 1U);
    EXPECT_EQ(metrics->exhausted[Resource::blocks].value(), 0U);
}

TEST_F(HeadBlockTest, without_any_block_it_is_counted) {
    std::vector<HeadBlock> heads;
    for (std::size_t i = 0; i < limits::small_head_blocks + limits::head_blocks; ++i)
        heads.push_back(write(1));
    EXPECT_FALSE(write(1).block);
    EXPECT_EQ(metrics->exhausted[Resource::blocks].value(), 1U);
}

TEST_F(HeadBlockTest, a_head_that_fits_nowhere_keeps_no_block) {
    EXPECT_FALSE(write(limits::head_block_bytes).block);
    EXPECT_EQ(context->blocks.in_use(), 0U);
    EXPECT_EQ(metrics->exhausted[Resource::blocks].value(), 0U);
}

}  // namespace
}  // namespace mcpgw::flow
