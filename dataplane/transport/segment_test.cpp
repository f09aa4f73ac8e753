// A queue of segments gives out exactly the bytes that were put in.
#include "dataplane/transport/segment.h"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/io/received_for_test.h"

namespace mcpgw::transport {
namespace {

std::string content(const SegmentQueue& queue) {
    std::string all;
    for (const Segment* s = queue.first(); s != nullptr; s = s->next)
        all.append(s->data, s->size);
    return all;
}

class SegmentQueueTest : public testing::Test {
  protected:
    io::Slice slice(std::string_view text) { return io::received(buffers, text); }
    io::BufferPool buffers{8, 64};
    io::BlockPool blocks{2, 64};
    SegmentPool pool{8};
    OwnSegmentQueue own_queue{pool};
    SegmentQueue& queue = *own_queue;
};

TEST_F(SegmentQueueTest, mixed_segments_keep_their_order_through_partial_drops) {
    io::Block block = blocks.take();
    std::memcpy(block.room().data(), "HEAD", 4);
    ASSERT_TRUE(queue.push(std::move(block), 4));
    ASSERT_TRUE(queue.push(slice("slice")));
    ASSERT_TRUE(queue.push_text("tx"));
    auto memory = std::make_unique<char[]>(3);
    std::memcpy(memory.get(), "own", 3);
    ASSERT_TRUE(queue.push_owned(std::move(memory), 3));
    EXPECT_EQ(content(queue), "HEADslicetxown");
    EXPECT_EQ(queue.bytes(), 14U);
    queue.drop_front(6);
    EXPECT_EQ(content(queue), "icetxown");
    EXPECT_EQ(blocks.in_use(), 0U);
    queue.drop_front(3);
    EXPECT_EQ(buffers.in_use(), 0U);
    queue.drop_front(5);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(pool.used(), 0U);
}

TEST_F(SegmentQueueTest, a_full_pool_refuses_and_queues_nothing) {
    for (int i = 0; i < 8; ++i)
        ASSERT_TRUE(queue.push_text("x"));
    EXPECT_FALSE(queue.push_text("y"));
    EXPECT_FALSE(queue.push(slice("z")));
    EXPECT_EQ(content(queue), "xxxxxxxx");
    EXPECT_EQ(buffers.in_use(), 0U);
}

TEST_F(SegmentQueueTest, queues_join_without_copying) {
    OwnSegmentQueue own_other(pool);
    SegmentQueue& other = *own_other;
    ASSERT_TRUE(queue.push_text("a"));
    ASSERT_TRUE(other.push(slice("bc")));
    queue.take_all(other);
    EXPECT_TRUE(other.empty());
    EXPECT_EQ(content(queue), "abc");
    queue.drop_front(1);
    EXPECT_EQ(queue.pop_slice().text(), "bc");
    EXPECT_TRUE(queue.empty());
}

TEST_F(SegmentQueueTest, a_slice_popped_after_a_partial_drop_is_the_rest) {
    ASSERT_TRUE(queue.push(slice("abcdef")));
    queue.drop_front(2);
    EXPECT_EQ(queue.pop_slice().text(), "cdef");
}

}  // namespace
}  // namespace mcpgw::transport
