// Buffers come back exactly when their last slice dies.
#include "dataplane/io/buffer_pool.h"

#include <cstring>

#include <gtest/gtest.h>

#include "dataplane/io/block_pool.h"

namespace mcpgw::io {
namespace {

TEST(BufferPool, a_buffer_comes_back_with_its_last_slice) {
    BufferPool pool(4, 64);
    std::memcpy(pool.address(2), "hello world", 11);
    Slice whole = pool.take(2, 11);
    EXPECT_EQ(pool.in_use(), 1U);
    Slice word = whole.share(6, 5);
    whole.reset();
    EXPECT_TRUE(pool.recycled().empty());
    EXPECT_EQ(word.text(), "world");
    word.reset();
    ASSERT_EQ(pool.recycled().size(), 1U);
    EXPECT_EQ(pool.recycled().front(), 2);
    EXPECT_EQ(pool.in_use(), 0U);
}

TEST(BufferPool, moving_a_slice_does_not_count) {
    BufferPool pool(2, 64);
    Slice first = pool.take(0, 10);
    Slice second = std::move(first);
    EXPECT_TRUE(first.empty());
    second = Slice();
    EXPECT_EQ(pool.recycled().size(), 1U);
}

TEST(BufferPool, half_free_is_exact) {
    BufferPool pool(4, 64);
    const Slice a = pool.take(0, 1);
    const Slice b = pool.take(1, 1);
    EXPECT_TRUE(pool.half_free());
    Slice c = pool.take(2, 1);
    EXPECT_FALSE(pool.half_free());
    c.reset();
    EXPECT_TRUE(pool.half_free());
}

TEST(BufferPool, dropping_the_front_keeps_the_rest) {
    BufferPool pool(2, 64);
    std::memcpy(pool.address(1), "abcdef", 6);
    Slice slice = pool.take(1, 6);
    slice.drop_front(4);
    EXPECT_EQ(slice.text(), "ef");
}

TEST(BlockPool, blocks_run_out_and_come_back_last_first) {
    BlockPool pool(2, 128);
    Block a = pool.take();
    Block b = pool.take();
    ASSERT_TRUE(a && b);
    EXPECT_FALSE(pool.take());
    char* const memory = b.room().data();
    b.reset();
    Block again = pool.take();
    ASSERT_TRUE(again);
    EXPECT_EQ(again.room().data(), memory);
    EXPECT_EQ(again.room().size(), 128U);
    EXPECT_EQ(pool.in_use(), 2U);
}

}  // namespace
}  // namespace mcpgw::io
