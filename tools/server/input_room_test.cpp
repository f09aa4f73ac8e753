// Bodies get in, wait, or are turned away.
#include "tools/server/input_room.h"

#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace mcpgw::server {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kAtOnce(0);

TEST(InputRoom, bytes_are_bounded) {
    InputRoom room(100, 10);
    const InputRoom::Place first(room, 60, kAtOnce);
    EXPECT_TRUE(first.taken());
    EXPECT_FALSE(InputRoom::Place(room, 41, kAtOnce).taken());
    EXPECT_TRUE(InputRoom::Place(room, 40, kAtOnce).taken());
    EXPECT_TRUE(InputRoom::Place(room, 40, kAtOnce).taken()) << "the place is given back";
}

TEST(InputRoom, requests_are_bounded) {
    InputRoom room(100, 1);
    const InputRoom::Place first(room, 0, kAtOnce);
    EXPECT_FALSE(InputRoom::Place(room, 0, kAtOnce).taken());
}

TEST(InputRoom, who_waits_gets_the_place_that_is_given_back) {
    InputRoom room(100, 2);
    std::optional<InputRoom::Place> first(std::in_place, room, 100, kAtOnce);
    std::thread waiting(
        [&] { EXPECT_TRUE(InputRoom::Place(room, 100, std::chrono::seconds(10)).taken()); });
    first.reset();
    waiting.join();
}

TEST(InputRoom, a_refusal_gives_nothing_back) {
    InputRoom room(100, 2);
    const InputRoom::Place first(room, 100, kAtOnce);
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(InputRoom::Place(room, 1, kAtOnce).taken());
}

}  // namespace
}  // namespace mcpgw::server
