// Bodies get in and grow, wait, or are turned away.
#include "tools/server/input_room.h"

#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace mcpgw::server {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kAtOnce(0);
constexpr std::chrono::seconds kLong(10);

TEST(InputRoom, bytes_are_bounded) {
    InputRoom room(100, 10);
    InputRoom::Place first(room, kAtOnce);
    EXPECT_TRUE(first.grow(40, kAtOnce));
    EXPECT_TRUE(first.grow(20, kAtOnce));
    {
        InputRoom::Place second(room, kAtOnce);
        EXPECT_FALSE(second.grow(41, kAtOnce));
        EXPECT_TRUE(second.grow(40, kAtOnce));
        EXPECT_FALSE(first.grow(1, kAtOnce));
    }
    EXPECT_TRUE(first.grow(40, kAtOnce)) << "the place is given back";
}

TEST(InputRoom, a_place_without_bytes_takes_no_room_of_others) {
    InputRoom room(100, 10);
    const InputRoom::Place idle(room, kAtOnce);
    InputRoom::Place busy(room, kAtOnce);
    EXPECT_TRUE(idle.taken());
    EXPECT_TRUE(busy.grow(100, kAtOnce));
}

TEST(InputRoom, requests_are_bounded) {
    InputRoom room(100, 1);
    {
        const InputRoom::Place first(room, kAtOnce);
        EXPECT_FALSE(InputRoom::Place(room, kAtOnce).taken());
    }
    EXPECT_TRUE(InputRoom::Place(room, kAtOnce).taken());
}

TEST(InputRoom, who_waits_gets_the_place_that_is_given_back) {
    InputRoom room(100, 1);
    std::optional<InputRoom::Place> first(std::in_place, room, kAtOnce);
    std::thread waiting([&] { EXPECT_TRUE(InputRoom::Place(room, kLong).taken()); });
    first.reset();
    waiting.join();
}

TEST(InputRoom, who_waits_gets_the_bytes_that_are_given_back) {
    InputRoom room(100, 2);
    std::optional<InputRoom::Place> first(std::in_place, room, kAtOnce);
    ASSERT_TRUE(first->grow(100, kAtOnce));
    InputRoom::Place second(room, kAtOnce);
    std::thread waiting([&] { EXPECT_TRUE(second.grow(100, kLong)); });
    first.reset();
    waiting.join();
}

TEST(InputRoom, a_refusal_gives_nothing_back) {
    InputRoom room(100, 2);
    InputRoom::Place first(room, kAtOnce);
    ASSERT_TRUE(first.grow(100, kAtOnce));
    for (int i = 0; i < 3; ++i) {
        InputRoom::Place other(room, kAtOnce);
        EXPECT_FALSE(other.grow(1, kAtOnce));
    }
}

}  // namespace
}  // namespace mcpgw::server
