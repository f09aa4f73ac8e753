// When an issuer is asked, and what becomes of its answers. Time is told, the provider is real.
#include "controlplane/identity/issuer_feed.h"

#include <atomic>

#include "common/limits.h"
#include "controlplane/identity/fake_provider.h"

namespace mcpgw::identity {
namespace {

constexpr Nanos kMinute = 60 * kSecond;
constexpr Nanos kStart = 1'000 * kMinute;

TEST(RefreshPlan, keys_are_fetched_again_when_they_are_old_within_bounds) {
    RefreshPlan plan;
    EXPECT_EQ(plan.next(), 0U) << "at once";
    plan.succeeded(kStart, std::nullopt);
    EXPECT_EQ(plan.next(), kStart + 15 * kMinute);
    plan.succeeded(kStart, 3600);
    EXPECT_EQ(plan.next(), kStart + 60 * kMinute);
    plan.succeeded(kStart, 0);
    EXPECT_EQ(plan.next(), kStart + 5 * kMinute);
    plan.succeeded(kStart, UINT32_MAX);
    EXPECT_EQ(plan.next(), kStart + 24 * 60 * kMinute);
}

TEST(RefreshPlan, failures_are_followed_by_longer_and_longer_waits) {
    RefreshPlan plan;
    for (const std::uint64_t seconds : {1U, 2U, 4U, 8U, 16U, 32U, 60U, 60U}) {
        plan.failed(kStart);
        EXPECT_EQ(plan.next(), kStart + seconds * kSecond);
    }
    for (int i = 0; i < 100; ++i)
        plan.failed(kStart);
    EXPECT_EQ(plan.next(), kStart + kMinute);
    plan.succeeded(kStart, std::nullopt);
    plan.failed(kStart);
    EXPECT_EQ(plan.next(), kStart + kSecond) << "a success forgets them";
}

TEST(RefreshPlan, a_missed_key_is_asked_for_at_once_but_not_twice_in_a_minute) {
    RefreshPlan plan;
    plan.succeeded(kStart, std::nullopt);
    EXPECT_TRUE(plan.missed_a_key(kStart + 1));
    EXPECT_EQ(plan.next(), kStart + 1);
    EXPECT_FALSE(plan.missed_a_key(kStart + 2)) << "it is due already";
    plan.succeeded(kStart + 2, std::nullopt);
    EXPECT_TRUE(plan.missed_a_key(kStart + 3));
    EXPECT_EQ(plan.next(), kStart + 1 + kMinute);
    for (Nanos at = kStart + 4; at < kStart + 1 + kMinute; at += kSecond)
        EXPECT_FALSE(plan.missed_a_key(at)) << "the time never moves back";
    EXPECT_EQ(plan.next(), kStart + 1 + kMinute);
    plan.succeeded(kStart + 1 + kMinute, std::nullopt);
    EXPECT_TRUE(plan.missed_a_key(kStart + 10 * kMinute));
    EXPECT_EQ(plan.next(), kStart + 10 * kMinute);
}

class IssuerFeedTest : public ::testing::Test {
  protected:
    IssuerFeedOptions options() {
        IssuerFeedOptions options;
        options.issuer = provider_.url();
        options.keeps_metadata = true;
        options.save = [this](const store::IssuerDocuments& documents) -> Result<> {
            saved_ = documents;
            ++saves_;
            return {};
        };
        options.on_change = [this] { ++changes_; };
        options.now = [this] { return now_ == 0 ? monotonic_now() : now_.load(); };
        return options;
    }
    std::string key_set(const std::string& id) const {
        return key_set_of({key_.edwards_members() + R"(,"kid":")" + id + "\""});
    }
    // One look at this time, and as long as it takes to be answered.
    Nanos look(IssuerFeed& feed, Nanos now) {
        now_ = now;
        return feed.look({});
    }
    static std::string id_of(const IssuerFeed& feed) {
        const contract::Issuer issuer = feed.issuer();
        return issuer.keys.empty() ? "" : issuer.keys.front().id;
    }

    const TestKey key_ = new_edwards_key();
    FakeProvider provider_;
    store::IssuerDocuments saved_;
    std::atomic<Nanos> now_ = 0;  // 0: that of the machine
    std::atomic<int> saves_ = 0;
    std::atomic<int> changes_ = 0;
};

TEST_F(IssuerFeedTest, keys_follow_the_provider_and_only_news_is_told) {
    provider_.serve(key_set("one"), "max-age=600");
    IssuerFeed feed(options());
    EXPECT_EQ(feed.issuer().issuer, provider_.url());
    EXPECT_EQ(look(feed, kStart), kStart + 10 * kMinute);
    EXPECT_EQ(id_of(feed), "one");
    EXPECT_NE(feed.issuer().metadata.find("jwks_uri"), std::string::npos);
    EXPECT_EQ(changes_, 1);
    look(feed, kStart + kMinute);
    EXPECT_EQ(provider_.asked("/keys"), 1) << "it is not time yet";
    look(feed, kStart + 10 * kMinute);
    EXPECT_EQ(provider_.asked("/keys"), 2);
    EXPECT_EQ(changes_, 1);
    EXPECT_EQ(saves_, 1);
    provider_.serve(key_set("two"));
    look(feed, kStart + 20 * kMinute);
    EXPECT_EQ(id_of(feed), "two") << "and one is gone";
    EXPECT_EQ(feed.issuer().keys.size(), 1U);
    EXPECT_EQ(changes_, 2);
    EXPECT_EQ(saved_.key_set, key_set("two"));
}

TEST_F(IssuerFeedTest, what_fails_leaves_the_keys_in_force) {
    provider_.serve(key_set("one"));
    IssuerFeed feed(options());
    Nanos now = look(feed, kStart);
    const FakeProvider::Page failures[] = {{500, "no"},
                                           {200, "no JSON"},
                                           {200, R"({"keys":[]})"},
                                           {200, key_set_of({R"("kty":"x")"})}};
    for (const FakeProvider::Page& failure : failures) {
        provider_.put("/keys", failure);
        const Nanos next = look(feed, now);
        EXPECT_LE(next, now + 8 * kSecond) << "tried again soon";
        EXPECT_EQ(id_of(feed), "one");
        now = next;
    }
    EXPECT_EQ(changes_, 1);
    provider_.serve(key_set("two"));
    EXPECT_EQ(look(feed, now), now + 15 * kMinute);
    EXPECT_EQ(id_of(feed), "two");
}

TEST_F(IssuerFeedTest, the_rest_after_a_failure_begins_when_it_has_failed) {
    IssuerFeedOptions slow = options();
    slow.fetch = [this](const std::string& url, const std::stop_token&) -> Result<Fetched> {
        now_ += 10 * kSecond;
        return failure(Code::unavailable, url + " does not answer");
    };
    IssuerFeed feed(std::move(slow));
    EXPECT_EQ(look(feed, kStart), kStart + 2 * 10 * kSecond + kSecond) << "two URLs were tried";
}

TEST_F(IssuerFeedTest, metadata_of_another_issuer_gives_no_keys) {
    provider_.serve(key_set("one"));
    provider_.put("/.well-known/openid-configuration",
                  {200, R"({"issuer":")" + provider_.url("/") + R"(","jwks_uri":")" +
                            provider_.url("/keys") + R"("})"});
    IssuerFeed feed(options());
    EXPECT_EQ(look(feed, kStart), kStart + kSecond);
    EXPECT_EQ(id_of(feed), "");
    EXPECT_EQ(provider_.asked("/keys"), 0);
    EXPECT_EQ(provider_.asked("/.well-known/oauth-authorization-server"), 0);
}

TEST_F(IssuerFeedTest, metadata_of_oauth_alone_is_enough) {
    provider_.put("/.well-known/oauth-authorization-server",
                  {200, R"({"issuer":")" + provider_.url() + R"(","jwks_uri":")" +
                            provider_.url("/keys") + R"("})"});
    provider_.put("/keys", {200, key_set("one")});
    IssuerFeed feed(options());
    look(feed, kStart);
    EXPECT_EQ(id_of(feed), "one");
}

TEST_F(IssuerFeedTest, saved_keys_are_in_force_before_the_provider_answers) {
    IssuerFeed feed(options());
    feed.load({provider_.url(), key_set("saved"), R"({"a":1})"});
    EXPECT_EQ(id_of(feed), "saved");
    EXPECT_EQ(feed.issuer().metadata, R"({"a":1})");
    look(feed, kStart);
    EXPECT_EQ(id_of(feed), "saved") << "the provider answers 404";
    EXPECT_EQ(changes_, 0);
}

TEST_F(IssuerFeedTest, metadata_is_kept_only_where_it_is_served) {
    provider_.serve(key_set("one"));
    IssuerFeedOptions without = options();
    without.keeps_metadata = false;
    IssuerFeed feed(std::move(without));
    feed.load({provider_.url(), key_set("saved"), R"({"a":1})"});
    EXPECT_EQ(feed.issuer().metadata, "");
    look(feed, kStart);
    EXPECT_EQ(feed.issuer().metadata, "");
    EXPECT_EQ(saved_.metadata, "");
}

TEST_F(IssuerFeedTest, a_missed_key_wakes_the_thread) {
    provider_.serve(key_set("one"));
    IssuerFeed feed(options());
    feed.start();
    ASSERT_TRUE(becomes_true([&] { return id_of(feed) == "one"; }));
    provider_.serve(key_set("two"));
    feed.missed_a_key();
    EXPECT_TRUE(becomes_true([&] { return id_of(feed) == "two"; }));
    const int asked = provider_.asked("/keys");
    for (int i = 0; i < 100; ++i)
        feed.missed_a_key();
    feed.stop();
    EXPECT_EQ(provider_.asked("/keys"), asked) << "not twice in a minute";
}

}  // namespace
}  // namespace mcpgw::identity
