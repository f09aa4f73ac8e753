// Choosing among instances: only ready ones, the less loaded of two, never the excepted one.
#include "dataplane/route/pick.h"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw {
namespace {

using contract::InstanceState;

struct Fleet {
    explicit Fleet(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            Instance& instance = adapter.instances.emplace_back();
            instance.id = i + 1;
            instance.state = InstanceState::ready;
            instance.load = loads.emplace_back(std::make_unique<InstanceLoad>()).get();
            adapter.ready.push_back(static_cast<std::uint32_t>(i));
        }
    }
    void set_ready(std::vector<std::uint32_t> ready) { adapter.ready = std::move(ready); }

    Adapter adapter;
    std::vector<std::unique_ptr<InstanceLoad>> loads;
};

constexpr int kRounds = 4000;

TEST(PickTest, nothing_ready_gives_nothing) {
    const Fleet empty(0);
    EXPECT_EQ(pick_for_session(empty.adapter, {1}), nullptr);
    EXPECT_EQ(pick_for_request(empty.adapter, {1}), nullptr);
    Fleet sleeping(3);
    sleeping.set_ready({});
    EXPECT_EQ(pick_for_session(sleeping.adapter, {1}), nullptr);
}

TEST(PickTest, only_ready_instances_are_chosen) {
    Fleet fleet(5);
    fleet.set_ready({1, 3});
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i) {
        for (const Instance* chosen : {pick_for_session(fleet.adapter, {random()}),
                                       pick_for_request(fleet.adapter, {random()})}) {
            ASSERT_NE(chosen, nullptr);
            EXPECT_TRUE(chosen->id == 2 || chosen->id == 4) << chosen->id;
        }
    }
}

TEST(PickTest, of_two_the_one_with_fewer_sessions_always_wins) {
    Fleet fleet(2);
    fleet.loads[0]->sessions = 5;
    fleet.loads[0]->outstanding = 0;
    fleet.loads[1]->sessions = 4;
    fleet.loads[1]->outstanding = 90;
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i) {
        EXPECT_EQ(pick_for_session(fleet.adapter, {random()})->id, 2U);
        EXPECT_EQ(pick_for_request(fleet.adapter, {random()})->id, 1U);
    }
}

TEST(PickTest, equal_sessions_are_decided_by_outstanding_requests) {
    Fleet fleet(2);
    fleet.loads[0]->outstanding = 2;
    fleet.loads[1]->outstanding = 1;
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i)
        EXPECT_EQ(pick_for_session(fleet.adapter, {random()})->id, 2U);
}

TEST(PickTest, equal_load_spreads_over_all) {
    Fleet fleet(4);
    std::vector<int> chosen(4);
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i)
        ++chosen[pick_for_session(fleet.adapter, {random()})->id - 1];
    for (const int count : chosen)
        EXPECT_NEAR(count, kRounds / 4, kRounds / 16);
}

TEST(PickTest, the_fullest_of_many_is_never_chosen) {
    Fleet fleet(8);
    fleet.loads[3]->sessions = 1;
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i)
        EXPECT_NE(pick_for_session(fleet.adapter, {random()})->id, 4U);
}

TEST(PickTest, sessions_end_up_evenly_spread) {
    Fleet fleet(10);
    std::mt19937_64 random(42);
    for (int i = 0; i < 1000; ++i)
        ++pick_for_session(fleet.adapter, {random()})->load->sessions;
    for (const auto& load : fleet.loads)
        EXPECT_NEAR(load->sessions, 100, 5);
}

TEST(PickTest, the_excepted_instance_is_not_chosen) {
    Fleet fleet(3);
    fleet.loads[0]->sessions = 9;
    std::mt19937_64 random(42);
    std::vector<int> chosen(3);
    for (int i = 0; i < kRounds; ++i) {
        const Instance* except = &fleet.adapter.instances[1];
        ++chosen[pick_for_session(fleet.adapter, {random(), 0, except})->id - 1];
        EXPECT_NE(pick_for_request(fleet.adapter, {random(), 0, except}), except);
    }
    EXPECT_EQ(chosen[1], 0);
    EXPECT_EQ(chosen[2], kRounds);
    Fleet single(1);
    EXPECT_EQ(pick_for_session(single.adapter, {7, 0, single.adapter.instances.data()}), nullptr);
}

TEST(PickTest, an_excepted_instance_that_is_not_ready_changes_nothing) {
    Fleet fleet(3);
    fleet.set_ready({2});
    EXPECT_EQ(pick_for_session(fleet.adapter, {7, 0, fleet.adapter.instances.data()})->id, 3U);
}

void fail(Fleet& fleet, std::size_t which, std::uint32_t now) {
    for (std::uint32_t i = 0; i < limits::ejection_failures; ++i)
        fleet.loads[which]->health.note_failure(now);
}

TEST(PickTest, an_instance_that_fails_gets_no_new_work) {
    Fleet fleet(3);
    fleet.loads[0]->sessions = 9;
    fleet.loads[2]->sessions = 9;
    fail(fleet, 1, 100);
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i) {
        EXPECT_NE(pick_for_session(fleet.adapter, {random(), 100})->id, 2U);
        EXPECT_NE(pick_for_request(fleet.adapter, {random(), 100})->id, 2U);
    }
    const std::uint32_t later = 100 + limits::ejection_seconds;
    int tried = 0;
    for (int i = 0; i < kRounds; ++i)
        tried += pick_for_session(fleet.adapter, {random(), later})->id == 2 ? 1 : 0;
    EXPECT_EQ(tried, 1) << "on trial, one a second";
    fleet.loads[1]->health.note_success();
    EXPECT_EQ(pick_for_session(fleet.adapter, {0, later})->id, 2U) << "and back at once";
}

TEST(PickTest, the_only_healthy_one_of_many_is_found) {
    Fleet fleet(20);
    for (std::size_t i = 0; i < 20; ++i)
        if (i != 13) fail(fleet, i, 100);
    std::mt19937_64 random(42);
    for (int i = 0; i < kRounds; ++i)
        ASSERT_EQ(pick_for_session(fleet.adapter, {random(), 100})->id, 14U);
}

TEST(PickTest, when_all_fail_one_is_still_chosen) {
    Fleet fleet(3);
    for (std::size_t i = 0; i < 3; ++i)
        fail(fleet, i, 100);
    EXPECT_NE(pick_for_session(fleet.adapter, {7, 100}), nullptr);
    Fleet single(1);
    fail(single, 0, 100);
    EXPECT_NE(pick_for_request(single.adapter, {7, 100}), nullptr);
}

TEST(PickTest, extreme_random_numbers_stay_in_range) {
    const Fleet fleet(7);
    for (const std::uint64_t random :
         {std::uint64_t{0}, UINT64_MAX, std::uint64_t{UINT32_MAX}, std::uint64_t{UINT32_MAX} << 32})
        EXPECT_NE(pick_for_session(fleet.adapter, {random}), nullptr);
}

}  // namespace
}  // namespace mcpgw
