// The leader's thread against a server whose every answer the test gives.
#include "controlplane/kubernetes/lease.h"

#include <atomic>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "controlplane/deploy/testing.h"
#include "controlplane/kubernetes/api_fixture.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

using deploy::testing::eventually;

std::string with_version(const std::string& lease, const std::string& version) {
    auto tree = model::parse_json(lease);
    if (!tree) return lease;
    tree->get<picojson::object>()["metadata"].get<picojson::object>()["resourceVersion"] =
        picojson::value(version);
    return tree->serialize();
}
std::string holder_in(const std::string& lease) {
    const auto tree = model::parse_json(lease);
    return tree ? text_at(*tree, {"spec", "holderIdentity"}) : "";
}

class Leading : public testing::Test {
  protected:
    Leading() {
        client_ = std::move(*ApiClient::open(server_.access()));
        options_.lease = {"adapter", "mcp-gateway"};
        options_.identity = "me";
        options_.times.retry_ms = 10;
        options_.clock = [this] { return clock_.load(); };
        options_.on_change = [this](bool leads) {
            leads_ = leads;
            ++changes_;
        };
        options_.on_trouble = [this](const std::string&) { ++troubles_; };
    }
    void start() { leader_.emplace(*client_, options_); }
    void answer_missing(const std::shared_ptr<Asked>& asked) {
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->method, "GET");
        EXPECT_EQ(asked->path,
                  "/apis/coordination.k8s.io/v1/namespaces/adapter/leases/mcp-gateway");
        asked->answer(
            {.status = 404, .body = R"({"kind":"Status","details":{"name":"mcp-gateway"}})"});
    }
    void become_leader() {
        start();
        answer_missing(server_.next());
        const auto asked = server_.next();
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->method, "POST");
        EXPECT_EQ(asked->path, "/apis/coordination.k8s.io/v1/namespaces/adapter/leases");
        EXPECT_EQ(asked->content_type, "application/json");
        lease_ = with_version(asked->body, "7");
        asked->answer({.status = 201, .body = lease_});
        ASSERT_TRUE(eventually([&] { return leads_.load(); }));
    }
    // Ends the leader; what it asks for meanwhile is answered. The last body that it has put.
    std::string end() {
        std::string last;
        std::jthread destroyer([&] { leader_.reset(); });
        while (const auto asked =
                   server_.next(std::chrono::milliseconds(last.empty() ? 5000 : 0))) {
            if (asked->method == "PUT") last = asked->body;
            asked->answer({.body = with_version(lease_, "9")});
            if (holder_in(last).empty()) break;
        }
        return last;
    }

    ApiFixture server_;
    std::unique_ptr<ApiClient> client_;
    LeaderOptions options_;
    std::atomic<Nanos> clock_{1000 * kSecond};
    std::atomic<bool> leads_{false};
    std::atomic<int> changes_{0};
    std::atomic<int> troubles_{0};
    std::string lease_;
    std::optional<Leader> leader_;
};

TEST_F(Leading, begins_with_a_free_lease_and_gives_it_back) {
    become_leader();
    EXPECT_TRUE(leader_->is_leader());
    EXPECT_EQ(leader_->holder(), "me");
    EXPECT_EQ(leader_->identity(), "me");
    const auto renewal = server_.next();
    ASSERT_TRUE(renewal);
    EXPECT_EQ(renewal->method, "PUT");
    EXPECT_EQ(holder_in(renewal->body), "me");
    renewal->answer({.body = with_version(renewal->body, "8")});
    EXPECT_EQ(holder_in(end()), "");
    EXPECT_EQ(changes_, 2);
    EXPECT_FALSE(leads_);
}

TEST_F(Leading, ends_by_the_clock_before_anybody_says_so) {
    become_leader();
    const auto renewal = server_.next();  // stays without an answer
    ASSERT_TRUE(renewal);
    clock_ += 10 * kSecond - 1;
    EXPECT_TRUE(leader_->is_leader());
    clock_ += 1;
    EXPECT_FALSE(leader_->is_leader());
    renewal->answer({.status = 500});
    EXPECT_TRUE(eventually([&] { return !leads_.load(); }));
    EXPECT_EQ(troubles_, 1);
}

TEST_F(Leading, an_answer_that_comes_after_the_end_makes_no_leader_again) {
    become_leader();
    const auto renewal = server_.next();
    ASSERT_TRUE(renewal);
    clock_ += 60 * kSecond;  // the machine slept
    renewal->answer({.body = with_version(renewal->body, "8")});
    EXPECT_TRUE(eventually([&] { return !leads_.load(); }));
    EXPECT_FALSE(leader_->is_leader());
}

TEST_F(Leading, another_holder_is_named_and_left_alone) {
    start();
    const std::string lease = R"({"metadata":{"name":"mcp-gateway","resourceVersion":"5"},)"
                              R"("spec":{"holderIdentity":"other","leaseDurationSeconds":15}})";
    for (int round = 0; round < 3; ++round) {
        const auto asked = server_.next();
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->method, "GET");
        asked->answer({.body = lease});
    }
    EXPECT_TRUE(eventually([&] { return leader_->holder() == "other"; }));
    EXPECT_FALSE(leader_->is_leader());
    EXPECT_EQ(changes_, 0);
    EXPECT_EQ(troubles_, 0);
}

TEST_F(Leading, that_is_not_allowed_says_so_once) {
    start();
    for (int round = 0; round < 3; ++round) {
        const auto asked = server_.next();
        ASSERT_TRUE(asked);
        asked->answer({.status = 403, .body = R"({"kind":"Status","message":"no"})"});
    }
    ASSERT_TRUE(server_.next());
    EXPECT_EQ(troubles_, 1);
    EXPECT_FALSE(leader_->is_leader());
}

TEST_F(Leading, ends_at_once_when_nobody_answers) {
    start();
    ASSERT_TRUE(server_.next());
    const Nanos before = monotonic_now();
    leader_.reset();
    EXPECT_LT(monotonic_now() - before, 2 * kSecond);
}

TEST_F(Leading, names_are_different_for_every_start) {
    options_.identity.clear();
    const Leader one(*client_, options_);
    const Leader two(*client_, options_);
    EXPECT_NE(one.identity(), two.identity());
    EXPECT_GT(one.identity().size(), 17U);
}

}  // namespace
}  // namespace mcpgw::kubernetes
