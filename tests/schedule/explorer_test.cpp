// The explorer finds what only one order of accesses in thousands brings about, and misses no
// outcome.
#include "tests/schedule/explorer.h"

#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/session/shared_word.h"

namespace mcpgw {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::optional<SharedWord<std::uint32_t>> first_word;
std::optional<SharedWord<std::uint32_t>> second_word;

void make_words() {
    first_word.emplace(0U);
    second_word.emplace(0U);
}

void nothing() {}

TEST(Explorer, every_outcome_of_two_counters_that_race_is_seen) {
    std::set<std::uint32_t> outcomes;
    const auto count = [] {
        for (int i = 0; i < 3; ++i)
            first_word->store(first_word->load(kRelaxed) + 1, kRelaxed);
    };
    const auto explored = schedule::explore({make_words,
                                             {count, count},
                                             [&] { outcomes.insert(first_word->load(kRelaxed)); },
                                             nothing});
    EXPECT_EQ(outcomes, (std::set<std::uint32_t>{2, 3, 4, 5, 6}));
    EXPECT_FALSE(explored.broken);
}

TEST(Explorer, steps_that_touch_nothing_in_common_cost_their_product_and_no_more) {
    const auto steps = [](auto& word) {
        return [&word] {
            for (int i = 0; i < 20; ++i)
                word->store(1, kRelaxed);
        };
    };
    const auto explored =
        schedule::explore({make_words, {steps(first_word), steps(second_word)}, nothing, nothing});
    EXPECT_EQ(explored.nodes, 21U * 21U);
    EXPECT_EQ(explored.ends, 1U);
}

TEST(Explorer, the_one_order_that_breaks_something_is_found_and_told) {
    // Only when the second thread stores between the 10th load of the first one and its 11th.
    std::uint32_t tenth = 9;
    std::uint32_t eleventh = 9;
    const schedule::Scenario scenario{make_words,
                                      {[&] {
                                           for (int i = 0; i < 9; ++i)
                                               schedule::report(first_word->load(kRelaxed));
                                           schedule::report(tenth = first_word->load(kRelaxed));
                                           schedule::report(eleventh = first_word->load(kRelaxed));
                                       },
                                       [] { first_word->store(1, kRelaxed); }},
                                      nothing,
                                      nothing,
                                      SIZE_MAX,
                                      [&] { return tenth != eleventh; }};
    const schedule::Explored explored = schedule::explore(scenario);
    EXPECT_TRUE(explored.broken);
    EXPECT_EQ(explored.schedule, "111111111121");
}

TEST(Explorer, no_outcome_needs_more_changes_than_are_allowed) {
    std::set<std::uint32_t> outcomes;
    const auto count = [] {
        for (int i = 0; i < 3; ++i)
            first_word->store(first_word->load(kRelaxed) + 1, kRelaxed);
    };
    const auto look = [&] { outcomes.insert(first_word->load(kRelaxed)); };
    EXPECT_FALSE(schedule::explore({make_words, {count, count}, look, nothing, 0}).broken);
    EXPECT_EQ(outcomes, (std::set<std::uint32_t>{6}));
    EXPECT_FALSE(schedule::explore({make_words, {count, count}, look, nothing, 1}).broken);
    EXPECT_EQ(outcomes, (std::set<std::uint32_t>{3, 6}));
}

TEST(Explorer, a_thread_that_waits_for_another_one_is_a_failure) {
    const schedule::Scenario scenario{make_words,
                                      {[] {
                                           while (first_word->load(kRelaxed) == 0) {
                                           }
                                       },
                                       [] { first_word->store(1, kRelaxed); }},
                                      nothing,
                                      nothing};
    const schedule::Explored explored = schedule::explore(scenario);
    EXPECT_TRUE(explored.broken);
}

}  // namespace
}  // namespace mcpgw
