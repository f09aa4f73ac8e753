// When the janitor says that a draining instance has nothing to do any more, and when it must not.
#include "dataplane/worker/janitor.h"

#include <vector>

#include <gtest/gtest.h>

#include "dataplane/route/snapshot_fixture.h"

namespace mcpgw::worker {
namespace {

using contract::InstanceState;

constexpr Nanos kBegin = 1'000 * kSecond;
constexpr Nanos kRepeat = limits::drained_repeat_ms * kMillisecond;

// One adapter with two instances, of which the first one changes its state.
class JanitorTest : public ::testing::Test {
  protected:
    JanitorTest() { publish_adapters(0); }
    ~JanitorTest() override { publication_.leave(0); }

    void publish_adapters(std::size_t count, InstanceState state = InstanceState::ready) {
        auto snapshot = fixture::make_snapshot(count, 2);
        snapshot.version = ++version_;
        if (count > 0) snapshot.adapters[0].instances[0].state = state;
        auto table = builder_.build(snapshot);
        ASSERT_TRUE(table) << table.error().detail;
        publication_.publish(std::move(*table));
    }
    void publish(InstanceState state) { publish_adapters(1, state); }
    // The load block of the instance, as a worker gets it.
    InstanceLoad& load() {
        const RouteTable* table = publication_.refresh(publication_.admin_reader());
        InstanceLoad* found = table->find("adapter-0")->find(instance_)->load;
        publication_.leave(publication_.admin_reader());
        return *found;
    }
    // What one look finds out: the versions in which an instance is said to be drained.
    std::vector<std::uint64_t> look(Nanos now = kBegin) {
        janitor_.look(now);
        std::vector<std::uint64_t> versions;
        for (InstanceEvent event; events_.pop(event);) {
            EXPECT_EQ(event.kind, InstanceEvent::Kind::drained);
            EXPECT_EQ(event.adapter_name(), "adapter-0");
            EXPECT_EQ(event.instance, instance_);
            versions.push_back(event.version);
        }
        return versions;
    }
    using Versions = std::vector<std::uint64_t>;

    const std::uint64_t instance_ = fixture::make_instance("adapter-0", 0).id;
    std::uint64_t version_ = 0;
    RouteBuilder builder_;
    Publication publication_{1};
    SharedSessions sessions_{{.sessions_max = limits::sessions_max_least}};
    EventQueue events_;
    Janitor janitor_{sessions_, publication_, {.events = &events_}};
};

TEST_F(JanitorTest, an_idle_instance_that_drains_is_told_at_once_and_every_second) {
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{version_});
    EXPECT_EQ(look(kBegin + kRepeat - 1), Versions{});
    EXPECT_EQ(look(kBegin + kRepeat), Versions{version_});
}

TEST_F(JanitorTest, only_what_drains_is_told) {
    publish(InstanceState::ready);
    EXPECT_EQ(look(), Versions{});
    publish(InstanceState::not_ready);
    EXPECT_EQ(look(), Versions{});
}

TEST_F(JanitorTest, sessions_and_requests_keep_it) {
    publish(InstanceState::draining);
    load().sessions = 1;
    EXPECT_EQ(look(), Versions{});
    load().outstanding = 1;
    load().sessions = 0;
    EXPECT_EQ(look(), Versions{});
    load().outstanding = 0;
    EXPECT_EQ(look(), Versions{version_});
    load().sessions = 1;  // one that another gateway has opened
    EXPECT_EQ(look(kBegin + kRepeat), Versions{});
}

TEST_F(JanitorTest, a_worker_that_may_still_choose_it_keeps_it) {
    publish(InstanceState::ready);
    EXPECT_NE(publication_.refresh(0), nullptr);
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{});
    EXPECT_NE(publication_.refresh(0), nullptr);
    EXPECT_EQ(look(), Versions{version_});
}

TEST_F(JanitorTest, a_new_version_is_no_reason_to_tell_it_sooner) {
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{version_});
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{});
    EXPECT_EQ(look(kBegin + kRepeat), Versions{version_});
}

TEST_F(JanitorTest, one_that_was_ready_in_between_is_told_at_once_with_the_new_version) {
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{version_});
    publish(InstanceState::ready);
    EXPECT_EQ(look(), Versions{});
    publish(InstanceState::draining);
    EXPECT_EQ(look(), Versions{version_});
}

// A data plane that was started after an instance learns of its sessions as they are used.
TEST_F(JanitorTest, for_instances_that_may_be_older_it_speaks_once_unknown_sessions_have_expired) {
    auto snapshot = fixture::make_snapshot(1, 1);
    snapshot.adapters[0].instances[0].state = InstanceState::draining;
    snapshot.adapters[0].timeouts.session_idle_seconds = 60;
    version_ = snapshot.version;
    RouteBuilder later;
    publication_.publish(*later.build(snapshot));
    EXPECT_EQ(look(), Versions{});
    EXPECT_EQ(look(kBegin + 60 * kSecond - 1), Versions{});
    EXPECT_EQ(look(kBegin + 60 * kSecond), Versions{version_});
    snapshot.version = ++version_;
    snapshot.adapters[0].timeouts.session_idle_seconds = 0;  // never
    publication_.publish(*later.build(snapshot));
    EXPECT_EQ(look(kBegin + 1'000'000 * kSecond), Versions{});
}

}  // namespace
}  // namespace mcpgw::worker
