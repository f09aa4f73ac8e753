// Threads that add one key at the same time, with nothing around it: the part of the session table
// in which three can get into each other's way.
#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "dataplane/session/slot_directory.h"
#include "tests/schedule/explored_for_test.h"

namespace mcpgw {
namespace {

using Outcome = SlotDirectory::Outcome;

constexpr SlotKey kKey{1, 2, 3};
// With it the key has two buckets, so that three candidates have room.
constexpr std::uint64_t kSeed = 5;

std::optional<SlotDirectory> directory;
std::array<SlotDirectory::Added, 3> added;

void add(std::uint32_t slot) {
    SlotDirectory::Added& mine = added[slot - 1];
    mine = directory->add(slot, kKey, 0);
    schedule::report(static_cast<std::uint64_t>(mine.outcome) << 32 | mine.handle.slot);
}

void expect_one() {
    int made = 0;
    const SlotHandle winner = directory->find(kKey);
    EXPECT_TRUE(winner);
    for (const SlotDirectory::Added& one : added) {
        EXPECT_TRUE(one.outcome == Outcome::made || one.outcome == Outcome::found);
        EXPECT_EQ(one.handle, winner);
        made += one.outcome == Outcome::made ? 1 : 0;
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(directory->size(), 1U);
}

TEST(SlotDirectorySchedule, of_three_who_add_a_key_one_makes_it_and_nobody_waits_for_another) {
    const schedule::Explored explored =
        schedule::explore({[] {
                               directory.emplace(SlotDirectory::Options{.slots = 3, .seed = kSeed});
                               for (std::uint32_t slot = 1; slot <= 3; ++slot)
                                   EXPECT_EQ(directory->reserve(), slot);
                           },
                           {[] { add(1); }, [] { add(2); }, [] { add(3); }},
                           expect_one,
                           [] { directory.reset(); },
                           3});
    schedule::expect_all(explored, 200'000);
}

}  // namespace
}  // namespace mcpgw
