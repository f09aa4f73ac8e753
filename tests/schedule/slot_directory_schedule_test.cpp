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
using Phase = SlotState::Phase;

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

void make_directory() {
    directory.emplace(SlotDirectory::Options{.slots = 3, .seed = kSeed});
    for (std::uint32_t slot = 1; slot <= 3; ++slot)
        EXPECT_EQ(directory->reserve(), slot);
}

TEST(SlotDirectorySchedule, of_three_who_add_a_key_one_makes_it_and_nobody_waits_for_another) {
    const schedule::Explored explored =
        schedule::explore({make_directory,
                           {[] { add(1); }, [] { add(2); }, [] { add(3); }},
                           expect_one,
                           [] { directory.reset(); },
                           schedule::changes_max(3)});
    schedule::expect_all(explored, 200'000);
}

// The first comes and goes and comes again, so that the second may lose and try again while the
// third is still about to finish its first try.
TEST(SlotDirectorySchedule, what_was_seen_of_a_try_says_nothing_of_the_next_one) {
    const auto come_and_go = [] {
        const SlotDirectory::Added first = directory->add(1, kKey, 0);
        SlotState state = directory->state_of(1);
        const bool gone = first.outcome == Outcome::made && state.is(Phase::live, 0) &&
                          directory->change(1, state, state.in(Phase::left));
        if (gone) {
            directory->remove(1);
            directory->free(1);
            EXPECT_EQ(directory->reserve(), 1U);
        }
        schedule::report(gone ? 1 : 0);
        if (gone) add(1);
    };
    const schedule::Explored explored =
        schedule::explore({make_directory,
                           {come_and_go, [] { add(2); }, [] { add(3); }},
                           [] { EXPECT_EQ(directory->size(), 1U); },
                           [] { directory.reset(); },
                           schedule::changes_max(2)});
    schedule::expect_all(explored, 80'000);
}

}  // namespace
}  // namespace mcpgw
