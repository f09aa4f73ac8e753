// Buffers come back exactly when their last slice dies.
#include "dataplane/io/buffer_pool.h"

#include <cstring>

#include <gtest/gtest.h>

#include "dataplane/io/block_pool.h"
#include "dataplane/io/received_for_test.h"

namespace mcpgw::io {
namespace {

TEST(BufferPool, a_buffer_comes_back_with_its_last_slice) {
    BufferPool pool(1, 64);
    Slice whole = received(pool, "hello world");
    EXPECT_EQ(pool.in_use(), 1U);
    Slice word = whole.share(6, 5);
    whole.reset();
    EXPECT_TRUE(pool.none_free());
    EXPECT_EQ(word.text(), "world");
    word.reset();
    EXPECT_FALSE(pool.none_free());
    EXPECT_EQ(pool.in_use(), 0U);
}

TEST(BufferPool, ranges_of_one_buffer_follow_each_other) {
    BufferPool pool(1, 8);
    const std::uint16_t buffer = pool.hand_out();
    std::memcpy(pool.address(buffer), "abcdefgh", 8);
    Slice first = pool.take(buffer, 3, true);
    Slice second = pool.take(buffer, 5, false);
    EXPECT_EQ(first.text(), "abc");
    EXPECT_EQ(second.text(), "defgh");
    EXPECT_EQ(pool.with_kernel(), 0U);
    first.reset();
    EXPECT_TRUE(pool.none_free());
    second.reset();
    EXPECT_FALSE(pool.none_free());
}

TEST(BufferPool, a_buffer_that_the_kernel_keeps_outlives_its_slices) {
    BufferPool pool(1, 8);
    const std::uint16_t buffer = pool.hand_out();
    pool.take(buffer, 3, true).reset();
    EXPECT_TRUE(pool.none_free());
    EXPECT_EQ(pool.in_use(), 0U);
    pool.give_back(buffer, true);
    EXPECT_TRUE(pool.none_free());
    pool.give_back(buffer, false);
    EXPECT_FALSE(pool.none_free());
}

TEST(BufferPool, a_buffer_handed_out_again_is_filled_from_its_front) {
    BufferPool pool(1, 8);
    pool.take(pool.hand_out(), 8, false).reset();
    const std::uint16_t buffer = pool.hand_out();
    const Slice slice = pool.take(buffer, 8, false);
    EXPECT_EQ(slice.data(), pool.address(buffer));
}

TEST(BufferPool, the_buffer_that_became_free_last_is_handed_out_first) {
    BufferPool pool(4, 8);
    const std::uint16_t first = pool.hand_out();
    const std::uint16_t second = pool.hand_out();
    Slice a = pool.take(first, 1, false);
    pool.give_back(second, false);
    a.reset();
    EXPECT_EQ(pool.hand_out(), first);
    EXPECT_EQ(pool.hand_out(), second);
}

TEST(BufferPool, moving_a_slice_does_not_count) {
    BufferPool pool(1, 64);
    Slice first = received(pool, "0123456789");
    Slice second = std::move(first);
    EXPECT_TRUE(first.empty());
    second = Slice();
    EXPECT_FALSE(pool.none_free());
}

TEST(BufferPool, half_free_is_exact) {
    BufferPool pool(4, 64);
    const Slice a = received(pool, "a");
    const Slice b = received(pool, "b");
    EXPECT_TRUE(pool.half_free());
    Slice c = received(pool, "c");
    EXPECT_FALSE(pool.half_free());
    c.reset();
    EXPECT_TRUE(pool.half_free());
}

TEST(BufferPool, dropping_the_front_keeps_the_rest) {
    BufferPool pool(2, 64);
    Slice slice = received(pool, "abcdef");
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
