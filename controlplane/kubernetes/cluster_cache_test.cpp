// News by adapter, from objects that come, change and go in any order.
#include "controlplane/kubernetes/cluster_cache.h"

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

picojson::value object(const std::string& json) {
    auto value = model::parse_json(json);
    EXPECT_TRUE(value.has_value()) << json;
    return value ? *value : picojson::value();
}

picojson::value set(const std::string& name, const std::string& uid, int generation = 1) {
    return object(R"({"metadata":{"name":")" + name + R"(","uid":")" + uid + R"(","generation":)" +
                  std::to_string(generation) +
                  R"(,"labels":{"app.kubernetes.io/managed-by":"mcp-gateway"},
                  "annotations":{"mcp-gateway/resource":")" +
                  name + R"("}}})");
}
picojson::value pod(const std::string& adapter, const std::string& name, const std::string& uid) {
    return object(R"({"metadata":{"name":")" + name + R"(","uid":")" + uid +
                  R"(","labels":{"adapter/name":")" + adapter + R"("}}})");
}
picojson::value event(const std::string& name, const std::string& uid, int second) {
    return object(R"({"metadata":{"name":")" + name + R"("},"involvedObject":{"uid":")" + uid +
                  R"("},"reason":"Failed","lastTimestamp":"2026-11-21T09:58:)" +
                  (second < 10 ? "0" : "") + std::to_string(second) + R"(Z"})");
}

class ClusterCacheTest : public ::testing::Test {
  protected:
    std::set<std::string> news() { return cache_.take_news().adapters; }

    int calls_ = 0;
    ClusterCache cache_{[this] { ++calls_; }};
};

using Names = std::set<std::string>;

TEST_F(ClusterCacheTest, what_comes_changes_and_goes_is_news_once) {
    cache_.put(Watched::stateful_sets, set("x", "s1"));
    EXPECT_EQ(news(), Names{"x"});
    cache_.put(Watched::stateful_sets, set("x", "s1"));
    EXPECT_EQ(news(), Names{});
    EXPECT_EQ(calls_, 1);
    cache_.put(Watched::stateful_sets, set("x", "s1", 2));
    EXPECT_EQ(news(), Names{"x"});
    EXPECT_EQ(cache_.of("x").stateful_set->generation, 2U);
    cache_.drop(Watched::stateful_sets, "x", "s1");
    EXPECT_EQ(news(), Names{"x"});
    EXPECT_TRUE(cache_.adapters().empty());
}

TEST_F(ClusterCacheTest, a_stateful_set_with_our_label_alone_is_not_ours) {
    cache_.put(Watched::stateful_sets, object(R"({"metadata":{"name":"x","uid":"s",
                      "labels":{"app.kubernetes.io/managed-by":"mcp-gateway"}}})"));
    EXPECT_TRUE(cache_.adapters().empty());
}

TEST_F(ClusterCacheTest, the_end_of_the_former_incarnation_does_not_take_the_new_one) {
    cache_.put(Watched::pods, pod("x", "x-0", "old"));
    cache_.put(Watched::pods, pod("x", "x-0", "new"));
    cache_.drop(Watched::pods, "x-0", "old");
    EXPECT_EQ(cache_.of("x").pods.at("x-0").uid, "new");
    cache_.put(Watched::stateful_sets, set("x", "new"));
    cache_.drop(Watched::stateful_sets, "x", "old");
    EXPECT_TRUE(cache_.of("x").stateful_set.has_value());
}

TEST_F(ClusterCacheTest, events_belong_to_their_object_whichever_comes_first) {
    cache_.put(Watched::events, event("e1", "p1", 1));
    EXPECT_EQ(news(), Names{});
    cache_.put(Watched::pods, pod("x", "x-0", "p1"));
    EXPECT_EQ(cache_.of("x").events.size(), 1U);
    EXPECT_EQ(news(), Names{"x"});
    cache_.put(Watched::events, event("e2", "p1", 2));
    EXPECT_EQ(news(), Names{"x"});
    cache_.drop(Watched::events, "e1", "");
    EXPECT_EQ(cache_.of("x").events.size(), 1U);
}

TEST_F(ClusterCacheTest, the_oldest_events_are_forgotten_first) {
    cache_.put(Watched::pods, pod("x", "x-0", "oldest"));
    cache_.put(Watched::pods, pod("x", "x-1", "p3"));
    cache_.put(Watched::events, event("old", "oldest", 0));
    for (std::size_t i = 0; i < limits::kubernetes_events_max; ++i)
        cache_.put(Watched::events, event("e" + std::to_string(i), "p" + std::to_string(i),
                                          1 + static_cast<int>(i % 50)));
    const auto events = cache_.of("x").events;
    EXPECT_FALSE(events.contains("old"));
    EXPECT_TRUE(events.contains("e3"));
}

TEST_F(ClusterCacheTest, it_is_complete_when_all_that_matters_was_listed) {
    for (const Watched kind : {Watched::events, Watched::pods, Watched::slices}) {
        cache_.note_listed(kind);
        EXPECT_FALSE(cache_.is_complete());
        EXPECT_TRUE(cache_.take_news().is_everything);
    }
    cache_.note_listed(Watched::stateful_sets);
    EXPECT_TRUE(cache_.is_complete());
    static_cast<void>(cache_.take_news());
    cache_.note_listed(Watched::pods);  // listed again: nothing new
    EXPECT_FALSE(cache_.take_news().is_everything);
}

TEST_F(ClusterCacheTest, lost_contact_says_since_when_and_forgets_nothing) {
    cache_.put(Watched::pods, pod("x", "x-0", "p1"));
    cache_.note_contact(Watched::pods, 1'000, "connection refused");
    cache_.note_contact(Watched::pods, 9'000, "timed out");
    EXPECT_EQ(cache_.contact_trouble(),
              "no news of pods from the Kubernetes API server since 1970-01-01T00:00:01.000Z: "
              "timed out");
    EXPECT_TRUE(cache_.take_news().is_everything);
    EXPECT_EQ(cache_.of("x").pods.size(), 1U);
    cache_.note_contact(Watched::pods, 0, "");
    EXPECT_EQ(cache_.contact_trouble(), "");
    cache_.note_contact(Watched::events, 5, "forbidden");  // reasons only: not worth a word
    EXPECT_EQ(cache_.contact_trouble(), "");
}

}  // namespace
}  // namespace mcpgw::kubernetes
