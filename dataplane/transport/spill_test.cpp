// Waiting bytes stay the same bytes in the same order, and let go of the receive buffers.
#include "dataplane/transport/spill.h"

#include <string>

#include <gtest/gtest.h>

#include "dataplane/io/received_for_test.h"

namespace mcpgw::transport {
namespace {

std::string content_of(const SegmentQueue& queue) {
    std::string text;
    for (const Segment* s = queue.first(); s != nullptr; s = s->next)
        text.append(s->data, s->size);
    return text;
}

class SpillTest : public testing::Test {
  protected:
    void receive(std::string_view text) { ASSERT_TRUE(queue.push(io::received(buffers, text))); }
    io::BufferPool buffers{8, 64};
    Spill spill{2, 64};
    SegmentPool pool{16};
    OwnSegmentQueue own_queue{pool};
    SegmentQueue& queue = *own_queue;
};

TEST_F(SpillTest, small_slices_let_go_of_their_buffers) {
    receive("one ");
    ASSERT_TRUE(queue.push_text("two "));
    receive("three ");
    receive("four");
    EXPECT_EQ(buffers.in_use(), 3U);
    EXPECT_EQ(spill.take_over(queue, 0, 16), 14U);
    EXPECT_EQ(buffers.in_use(), 0U);
    EXPECT_EQ(content_of(queue), "one two three four");
    EXPECT_EQ(queue.bytes(), 18U);
}

TEST_F(SpillTest, what_the_kernel_reads_and_what_is_large_stays) {
    receive("kernel");
    receive(std::string(40, 'L'));
    receive("small");
    EXPECT_EQ(spill.take_over(queue, 1, 16), 5U);
    EXPECT_EQ(buffers.in_use(), 2U);
    EXPECT_EQ(content_of(queue), "kernel" + std::string(40, 'L') + "small");
}

TEST_F(SpillTest, nothing_is_copied_twice) {
    receive("once");
    EXPECT_EQ(spill.take_over(queue, 0, 16), 4U);
    EXPECT_EQ(spill.take_over(queue, 0, 16), 0U);
}

TEST_F(SpillTest, a_full_spill_leaves_things_as_they_are_and_has_room_again_later) {
    for (int i = 0; i < 5; ++i)
        receive(std::string(30, static_cast<char>('a' + i)));
    EXPECT_EQ(spill.take_over(queue, 0, 64), 120U);  // two in each of two buffers
    EXPECT_EQ(buffers.in_use(), 1U);
    EXPECT_EQ(content_of(queue), std::string(30, 'a') + std::string(30, 'b') +
                                     std::string(30, 'c') + std::string(30, 'd') +
                                     std::string(30, 'e'));
    EXPECT_TRUE(spill.is_full());
    queue.drop_front(60);
    EXPECT_EQ(spill.take_over(queue, 0, 64), 30U);
    EXPECT_EQ(buffers.in_use(), 0U);
    EXPECT_FALSE(spill.is_full());
}

TEST_F(SpillTest, a_part_of_a_spilled_slice_keeps_it_alive) {
    receive("head body");
    spill.take_over(queue, 0, 16);
    io::Slice whole = queue.pop_slice();
    const io::Slice body = whole.share(5, 4);
    whole.reset();
    EXPECT_EQ(body.text(), "body");
    EXPECT_EQ(spill.buffers_in_use(), 0U);  // it is still being filled
}

}  // namespace
}  // namespace mcpgw::transport
