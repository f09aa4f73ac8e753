// Nobody's word counts for another, for another drain, or for ever.
#include "controlplane/publish/drains.h"

#include <array>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::publish {
namespace {

constexpr std::uint64_t kInstance = 7;
constexpr std::uint64_t kOther = 8;
constexpr std::array<std::uint64_t, 1> kOne = {1};
constexpr std::array<std::uint64_t, 2> kTwo = {1, 2};

contract::Adapter adapter_with(contract::InstanceState state) {
    contract::Adapter adapter;
    adapter.name = "a";
    for (const std::uint64_t id : {kInstance, kOther}) {
        contract::Instance instance;
        instance.id = id;
        instance.state = id == kInstance ? state : contract::InstanceState::ready;
        adapter.instances.push_back(instance);
    }
    return adapter;
}

class DrainsTest : public ::testing::Test {
  protected:
    void publish(std::uint64_t version, contract::InstanceState state) {
        const contract::Adapter adapter = adapter_with(state);
        drains_.note_version(version, "a", &adapter);
    }
    void say(std::uint64_t data_plane, std::uint64_t version = 5) {
        drains_.note_event({"a", kInstance, version}, data_plane, now_);
    }

    Drains drains_;
    Nanos now_ = 1'000 * kSecond;
};

TEST_F(DrainsTest, all_connected_data_planes_must_have_said_so) {
    publish(5, contract::InstanceState::draining);
    EXPECT_FALSE(drains_.is_drained(kInstance, kTwo, now_));
    say(1);
    EXPECT_FALSE(drains_.is_drained(kInstance, kTwo, now_));
    EXPECT_TRUE(drains_.is_drained(kInstance, kOne, now_));
    say(2);
    EXPECT_TRUE(drains_.is_drained(kInstance, kTwo, now_));
}

TEST_F(DrainsTest, without_any_data_plane_nobody_knows) {
    publish(5, contract::InstanceState::draining);
    say(1);
    EXPECT_FALSE(drains_.is_drained(kInstance, {}, now_));
}

TEST_F(DrainsTest, what_does_not_drain_is_not_drained) {
    publish(5, contract::InstanceState::ready);
    say(1);
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_));
    publish(6, contract::InstanceState::draining);
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_)) << "said before";
    drains_.note_event({"a", kOther, 6}, 1, now_);
    EXPECT_FALSE(drains_.is_drained(kOther, kOne, now_));
    drains_.note_event({"b", kInstance, 6}, 1, now_);
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_)) << "of another adapter";
}

TEST_F(DrainsTest, news_of_an_earlier_drain_do_not_count) {
    publish(5, contract::InstanceState::draining);
    say(1);
    publish(6, contract::InstanceState::ready);
    publish(7, contract::InstanceState::draining);
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_));
    say(1, 5);  // was on its way
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_));
    say(1, 7);
    EXPECT_TRUE(drains_.is_drained(kInstance, kOne, now_));
}

TEST_F(DrainsTest, a_drain_goes_on_through_versions_that_change_something_else) {
    publish(5, contract::InstanceState::draining);
    say(1);
    publish(6, contract::InstanceState::draining);
    EXPECT_TRUE(drains_.is_drained(kInstance, kOne, now_));
}

TEST_F(DrainsTest, what_was_said_long_ago_is_not_news) {
    publish(5, contract::InstanceState::draining);
    say(1);
    now_ += limits::drained_news_ms_max * kMillisecond;
    EXPECT_TRUE(drains_.is_drained(kInstance, kOne, now_));
    now_ += kMillisecond;
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_));
}

TEST_F(DrainsTest, a_removed_adapter_is_forgotten) {
    publish(5, contract::InstanceState::draining);
    say(1);
    drains_.note_version(6, "b", nullptr);
    EXPECT_TRUE(drains_.is_drained(kInstance, kOne, now_));
    drains_.note_version(6, "a", nullptr);
    EXPECT_FALSE(drains_.is_drained(kInstance, kOne, now_));
}

}  // namespace
}  // namespace mcpgw::publish
