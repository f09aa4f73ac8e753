// What data planes are told of access: from a real store, through a real publisher, to a data plane
// that is played by the test.
#include "controlplane/publish/access_feed.h"

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/contract/events.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/publish/fake_data_plane.h"
#include "controlplane/publish/publisher.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::publish {
namespace {

using deploy::testing::eventually;
using deploy::testing::TemporaryDirectory;

constexpr std::uint64_t kDay = 24ULL * 60 * 60 * 1000;
constexpr std::uint64_t kNow = 1'800'000'000'000;

class AccessFeedTest : public ::testing::Test {
  protected:
    AccessFeedTest() : store_(open_store()) {
        options_.store = store_.get();
        options_.fixed.audiences = {"api"};
        options_.fixed.clock_skew_seconds = 30;
        options_.issuers = [] {
            return std::vector<contract::Issuer>{{"https://b", {}, ""}, {"https://a", {}, ""}};
        };
        options_.publish = [this](contract::Access access) {
            const std::scoped_lock lock(mutex_);
            published_.push_back(std::move(access));
        };
        options_.unix_millis = [this] { return now_.load(); };
    }
    std::unique_ptr<store::SqliteStore> open_store() const {
        auto opened = store::SqliteStore::open(directory_.path() + "/store.db");
        EXPECT_TRUE(opened) << opened.error().detail;
        return std::move(*opened);
    }
    static model::ApiToken token(const std::string& user, std::uint64_t expires_unix_s = 0) {
        model::ApiToken made;
        EXPECT_TRUE(model::mint(made));
        made.what.user = user;
        made.what.expires_unix_s = expires_unix_s;
        return made;
    }
    static void add_token(store::AccessStore& store, const model::ApiToken& made) {
        ASSERT_TRUE(store.add_token(made, {0, kNow, "root", "token.create", made.what.id, ""}));
    }
    void put_tenant(const std::string& id) {
        model::Tenant tenant;
        tenant.id = id;
        tenant.limits.all.sessions_max = 4;
        ASSERT_TRUE(store_->put_tenant(tenant, {}, {0, kNow, "root", "tenant.create", id, ""}));
    }
    std::vector<contract::Access> published() {
        const std::scoped_lock lock(mutex_);
        return published_;
    }

    TemporaryDirectory directory_;
    std::unique_ptr<store::SqliteStore> store_;
    AccessFeedOptions options_;
    std::atomic<std::uint64_t> now_ = kNow;
    std::mutex mutex_;
    std::vector<contract::Access> published_;
};

TEST_F(AccessFeedTest, access_is_what_flags_issuers_and_store_say_in_the_order_of_the_contract) {
    for (int i = 0; i < 8; ++i)
        add_token(*store_, token("u" + std::to_string(i)));
    for (const char* id : {"b", "a", "Z"})
        put_tenant(id);
    AccessFeed feed(options_);
    const auto access = feed.build(kNow);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->audiences, std::vector<std::string>{"api"});
    EXPECT_EQ(access->clock_skew_seconds, 30U);
    ASSERT_EQ(access->issuers.size(), 2U);
    EXPECT_EQ(access->issuers[0].issuer, "https://b") << "the order of the flags counts";
    EXPECT_EQ(access->tenants.front().id, "Z");
    EXPECT_EQ(access->tenants.front().limits.all.sessions_max, 4U);
    EXPECT_TRUE(access->assertion_keys.empty()) << "nobody needs one";
    contract::Snapshot snapshot{"e", 1, {{"k", std::string(32, 'k'), true}}, {}, *access};
    const auto decoded = contract::decode_snapshot(contract::encode(snapshot));
    ASSERT_TRUE(decoded) << decoded.error().detail;
    EXPECT_EQ(decoded->access, *access);
}

TEST_F(AccessFeedTest, expired_tokens_go_and_only_news_is_published) {
    add_token(*store_, token("short", kNow / 1000 + 60));
    add_token(*store_, token("long"));
    AccessFeed feed(options_);
    feed.look(kNow, true);
    feed.look(kNow + 1, true);
    ASSERT_EQ(published().size(), 1U);
    EXPECT_EQ(published()[0].tokens.size(), 2U);
    feed.look(kNow + 60'001, false);
    ASSERT_EQ(published().size(), 2U);
    ASSERT_EQ(published()[1].tokens.size(), 1U);
    EXPECT_EQ(published()[1].tokens[0].user, "long");
}

TEST_F(AccessFeedTest, a_token_of_another_process_is_seen_without_a_word) {
    AccessFeed feed(options_);
    feed.start();
    ASSERT_TRUE(eventually([this] { return !published().empty(); }));
    const auto other = open_store();
    add_token(*other, token("ci"));
    EXPECT_TRUE(eventually([this] { return published().back().tokens.size() == 1; }));
}

TEST_F(AccessFeedTest, the_key_of_assertions_is_made_when_it_is_wanted_and_follows_the_calendar) {
    AccessFeed feed(options_);
    feed.want_assertions();
    const auto first = *feed.build(kNow);
    ASSERT_EQ(first.assertion_keys.size(), 1U);
    EXPECT_TRUE(first.assertion_keys[0].current);
    EXPECT_EQ(feed.build(kNow + 29 * kDay)->assertion_keys, first.assertion_keys);
    const auto second = *feed.build(kNow + 30 * kDay);
    ASSERT_EQ(second.assertion_keys.size(), 2U);
    EXPECT_EQ(second.assertion_keys[0].id, first.assertion_keys[0].id);
    EXPECT_FALSE(second.assertion_keys[0].current);
    EXPECT_TRUE(second.assertion_keys[1].current);
    const auto third = *feed.build(kNow + 31 * kDay);
    ASSERT_EQ(third.assertion_keys.size(), 1U);
    EXPECT_EQ(third.assertion_keys[0].id, second.assertion_keys[1].id);
    // What another control plane finds is the same, though nobody has told it of a need.
    AccessFeed successor(options_);
    EXPECT_EQ(successor.build(kNow + 31 * kDay)->assertion_keys, third.assertion_keys);
}

// --- To the data plane --------------------------------------------------------------------------

class PublishedAccessTest : public AccessFeedTest {
  protected:
    PublishedAccessTest() {
        PublisherOptions options;
        options.socket_path = directory_.path() + "/contract.sock";
        options.epoch = "e";
        options.keys = {{"k1", std::string(32, 'k'), true}};
        options.access.audiences = {"first"};
        options.next_version = [this]() -> Result<std::uint64_t> { return ++version_; };
        options.on_unknown_key = [this](const contract::UnknownKey& event) {
            const std::scoped_lock lock(mutex_);
            missed_.push_back(event.issuer);
        };
        socket_ = options.socket_path;
        publisher_ = std::move(*Publisher::open(std::move(options)));
        publisher_->start();
        publisher_->open_gate();
    }
    static contract::Access access(const std::string& audience) {
        contract::Access made;
        made.audiences = {audience};
        return made;
    }
    std::vector<std::string> missed() {
        const std::scoped_lock lock(mutex_);
        return missed_;
    }

    std::string socket_;
    std::atomic<std::uint64_t> version_ = 0;
    std::vector<std::string> missed_;
    std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublishedAccessTest, access_is_in_the_first_snapshot_and_in_deltas_only_when_it_changed) {
    FakeDataPlane plane(socket_);
    plane.hello();
    EXPECT_EQ(plane.snapshot().access, access("first"));
    publisher_->change_access(access("second"));
    const auto delta = plane.delta();
    EXPECT_EQ(delta.access, access("second"));
    EXPECT_TRUE(delta.keys.empty());
    publisher_->change_access(access("second"));
    EXPECT_TRUE(plane.quiet()) << "that is no news";
    model::Adapter adapter;
    adapter.name = "x";
    adapter.command = {"s"};
    publisher_->change("x", &adapter, {});
    EXPECT_FALSE(plane.delta().access.has_value());
}

TEST_F(PublishedAccessTest, one_that_comes_back_learns_what_it_has_missed) {
    std::uint64_t seen = 0;
    {
        FakeDataPlane plane(socket_);
        plane.hello();
        seen = plane.snapshot().version;
    }
    publisher_->change_access(access("second"));
    model::Adapter adapter;
    adapter.name = "x";
    adapter.command = {"s"};
    ASSERT_TRUE(eventually([&] { return publisher_->version() > seen; }));
    publisher_->change("x", &adapter, {});
    ASSERT_TRUE(eventually([&] { return publisher_->version() > seen + 1; }));
    FakeDataPlane back(socket_);
    back.hello(seen, "e");
    const auto delta = back.delta();
    EXPECT_EQ(delta.access, access("second"));
    EXPECT_EQ(delta.upserts.size(), 1U);
    FakeDataPlane stranger(socket_);
    stranger.hello();
    EXPECT_EQ(stranger.snapshot().access, access("second"));
}

TEST_F(PublishedAccessTest, missed_keys_are_passed_on) {
    FakeDataPlane plane(socket_);
    plane.hello();
    static_cast<void>(plane.snapshot());
    plane.send(contract::encode(contract::UnknownKey{"https://idp"}));
    EXPECT_TRUE(eventually([this] { return missed() == std::vector<std::string>{"https://idp"}; }));
    plane.send(R"({"type":"unknown_key"})");
    EXPECT_TRUE(plane.closed());
}

}  // namespace
}  // namespace mcpgw::publish
