// Counters that come and go while two threads count, and the pool of numbers that slots and blocks
// are taken from, in every order of accesses.
#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "dataplane/session/number_pool.h"
#include "dataplane/session/session_counts.h"
#include "tests/schedule/explored_for_test.h"

namespace mcpgw {
namespace {

using schedule::Explored;
using schedule::report;

constexpr auto kKind = SessionCounts::Kind::principal;
constexpr std::uint64_t kName = 77;

std::optional<SessionCounts> counts;

void make_counts() {
    counts.emplace(2, 1);
}

TEST(SessionCountsSchedule, of_two_who_want_the_last_place_one_gets_it) {
    std::array<SlotHandle, 2> entered;
    const auto enter = [&](std::size_t thread) {
        entered[thread] = counts->enter(kKind, kName, 1);
        report(entered[thread] ? 1 : 0);
    };
    const Explored explored = schedule::explore(
        {make_counts,
         {[&] { enter(0); }, [&] { enter(1); }},
         [&] {
             EXPECT_NE(static_cast<bool>(entered[0]), static_cast<bool>(entered[1]));
             EXPECT_EQ(counts->of(kKind, kName), 1U);
             counts->leave(entered[0] ? entered[0] : entered[1]);
             EXPECT_EQ(counts->counters(), 0U);
         },
         [] { counts.reset(); }});
    schedule::expect_all(explored, 15'000);
}

TEST(SessionCountsSchedule, a_counter_that_goes_while_another_comes_counts_neither_twice) {
    SlotHandle first;
    SlotHandle second;
    const Explored explored = schedule::explore({[&] {
                                                     make_counts();
                                                     first = counts->enter(kKind, kName, 0);
                                                 },
                                                 {[&] { counts->leave(first); },
                                                  [&] {
                                                      second = counts->enter(kKind, kName, 0);
                                                      report(second.generation);
                                                  }},
                                                 [&] {
                                                     ASSERT_TRUE(second);
                                                     EXPECT_EQ(counts->of(kKind, kName), 1U);
                                                     EXPECT_EQ(counts->counters(), 1U);
                                                     counts->leave(second);
                                                     EXPECT_EQ(counts->counters(), 0U);
                                                 },
                                                 [] { counts.reset(); }});
    schedule::expect_all(explored, 1'200);
}

TEST(NumberPoolSchedule, no_number_is_given_to_two_and_none_is_lost) {
    std::optional<NumberPool> pool;
    std::array<int, 4> held{};
    const auto take = [&] {
        const std::uint32_t number = pool->take();
        report(number);
        EXPECT_TRUE(number == 0 || ++held[number] == 1);
        return number;
    };
    const auto give = [&](std::uint32_t number) {
        if (number == 0) return;
        --held[number];
        pool->give(number);
    };
    const Explored explored = schedule::explore({[&] {
                                                     pool.emplace(3U);
                                                     held = {};
                                                     const std::uint32_t first = take();
                                                     const std::uint32_t second = take();
                                                     give(first);
                                                     give(second);
                                                 },
                                                 {[&] { give(take()); },
                                                  [&] {
                                                      // What a CAS without a count of changes would
                                                      // not notice: the same number on top of
                                                      // another one.
                                                      const std::uint32_t first = take();
                                                      const std::uint32_t second = take();
                                                      give(first);
                                                      report(take());
                                                      give(second);
                                                  }},
                                                 [&] {
                                                     std::uint32_t left = 0;
                                                     while (take() != 0)
                                                         ++left;
                                                     EXPECT_EQ(left, 2U);
                                                 },
                                                 [&] { pool.reset(); }});
    schedule::expect_all(explored, 300);
}

}  // namespace
}  // namespace mcpgw
