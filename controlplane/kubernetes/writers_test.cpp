// Wishes of many adapters against a cluster in memory that fails, by several threads.
#include "controlplane/kubernetes/writers.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "controlplane/deploy/testing.h"
#include "controlplane/kubernetes/fake_cluster.h"

namespace mcpgw::kubernetes {
namespace {

using deploy::testing::eventually;
using testing::refusal;

std::string set_path(const std::string& name) {
    return "/apis/apps/v1/namespaces/adapter/statefulsets/" + name;
}

class WritersTest : public ::testing::Test {
  protected:
    void open() {
        WriterOptions options;
        options.send = [this](const Call& call, const std::stop_token&) {
            return cluster_.send(call);
        };
        options.is_leader = [this] { return is_leader_.load(); };
        options.on_progress = [this](const std::string&) { ++progresses_; };
        options.retry_first_ms = 1;
        options.retry_last_ms = 5;
        options.refused_ms = refused_ms_;
        options.repair_ms = 1;
        writers_ = std::make_unique<Writers>(std::move(options));
    }
    static model::Adapter adapter(const std::string& name, std::uint32_t replicas = 1) {
        model::Adapter adapter;
        adapter.name = name;
        adapter.image_name = "server";
        adapter.image_version = "1";
        adapter.replica_count = replicas;
        return adapter;
    }
    bool done(const std::string& name) {
        return eventually([&] { return writers_->progress(name).is_done; });
    }
    std::int64_t replicas(const std::string& name) {
        return number_at(cluster_.object(set_path(name)), {"spec", "replicas"}, -1);
    }

    testing::FakeCluster cluster_;
    std::atomic<bool> is_leader_ = true;
    std::atomic<int> progresses_ = 0;
    std::uint32_t refused_ms_ = 60'000;
    std::unique_ptr<Writers> writers_;  // last: its threads use everything above
};

TEST_F(WritersTest, the_newest_wish_counts) {
    open();
    for (std::uint32_t replicas = 1; replicas <= 50; ++replicas)
        writers_->want("x", adapter("x", replicas));
    ASSERT_TRUE(done("x"));
    EXPECT_EQ(replicas("x"), 50);
    EXPECT_NE(writers_->progress("x").uid, "");
    EXPECT_GT(progresses_, 0);
    writers_->want("x", {});
    ASSERT_TRUE(done("x"));
    EXPECT_EQ(cluster_.text(set_path("x")), "");
}

TEST_F(WritersTest, many_adapters_get_there_while_every_seventh_call_fails) {
    std::atomic<int> count = 0;
    cluster_.interrupt = [&count](const Call&) -> std::optional<Outcome> {
        switch (++count % 21) {
            case 0:
                return refusal(409, "Conflict");
            case 7:
                return refusal(429, "TooManyRequests");
            case 14:
                return std::unexpected(transport_failure("cut"));
            default:
                return {};
        }
    };
    open();
    for (int i = 0; i < 40; ++i) {
        const std::string name = "a" + std::to_string(i);
        writers_->want(name, adapter(name, 1));
        writers_->want(name, adapter(name, 7));
    }
    for (int i = 0; i < 40; ++i) {
        const std::string name = "a" + std::to_string(i);
        ASSERT_TRUE(done(name)) << writers_->progress(name).trouble;
        EXPECT_EQ(replicas(name), 7);
    }
}

TEST_F(WritersTest, one_adapter_has_one_thread_at_a_time) {
    std::atomic<int> at_work = 0;
    std::atomic<int> most = 0;
    WriterOptions options;
    options.send = [&](const Call& call, const std::stop_token&) {
        const int now = ++at_work;
        most = std::max(most.load(), now);
        Outcome outcome = cluster_.send(call);
        --at_work;
        return outcome;
    };
    options.is_leader = [] { return true; };
    writers_ = std::make_unique<Writers>(std::move(options));
    for (std::uint32_t i = 1; i <= 200; ++i)
        writers_->want("x", adapter("x", i));
    ASSERT_TRUE(done("x"));
    EXPECT_EQ(most, 1);
    writers_.reset();
}

TEST_F(WritersTest, only_a_leader_writes) {
    is_leader_ = false;
    open();
    writers_->want("x", adapter("x"));
    writers_->want("y", adapter("y"));
    EXPECT_TRUE(cluster_.take_calls().empty());
    is_leader_ = true;
    writers_->recheck_all();
    EXPECT_TRUE(done("x") && done("y"));
}

TEST_F(WritersTest, leadership_that_is_lost_ends_an_attempt_before_its_next_call) {
    cluster_.interrupt = [this](const Call& call) -> std::optional<Outcome> {
        if (call.method == "POST") is_leader_ = false;
        return {};
    };
    open();
    writers_->want("x", adapter("x"));
    ASSERT_TRUE(eventually([this] { return !is_leader_; }));
    writers_.reset();
    const auto calls = cluster_.take_calls();
    ASSERT_FALSE(calls.empty());
    EXPECT_TRUE(calls.back().starts_with("POST")) << calls.back();
}

TEST_F(WritersTest, what_is_refused_is_told_and_waits_for_another_wish) {
    cluster_.interrupt = [](const Call& call) -> std::optional<Outcome> {
        if (call.body.find("\"replicas\":13") == std::string::npos) return {};
        return refusal(403, "Forbidden");
    };
    open();
    writers_->want("x", adapter("x", 13));
    ASSERT_TRUE(eventually([this] { return !writers_->progress("x").trouble.empty(); }));
    EXPECT_FALSE(writers_->progress("x").is_done);
    writers_->want("x", adapter("x", 12));
    ASSERT_TRUE(done("x"));
    EXPECT_EQ(writers_->progress("x").trouble, "");
}

TEST_F(WritersTest, a_refusal_is_looked_at_again_after_a_while) {
    refused_ms_ = 2;
    cluster_.put(set_path("x"), R"({"metadata":{"name":"x"}})");
    open();
    writers_->want("x", adapter("x"));
    ASSERT_TRUE(eventually([this] { return !writers_->progress("x").trouble.empty(); }));
    static_cast<void>(cluster_.take_calls());
    ASSERT_TRUE(eventually([this] { return !cluster_.take_calls().empty(); }));
}

TEST_F(WritersTest, a_recheck_repairs_what_somebody_has_changed) {
    open();
    writers_->want("x", adapter("x", 2));
    ASSERT_TRUE(done("x"));
    const std::uint64_t generation = writers_->progress("x").generation;
    picojson::value object = cluster_.object(set_path("x"));
    object.get<picojson::object>()["spec"].get<picojson::object>()["replicas"] =
        picojson::value(9.0);
    cluster_.put(set_path("x"), object.serialize());
    writers_->recheck("x");
    ASSERT_TRUE(eventually([&] { return writers_->progress("x").generation > generation; }));
    EXPECT_EQ(replicas("x"), 2);
}

TEST_F(WritersTest, the_end_waits_for_nobody_who_pauses) {
    cluster_.interrupt = [](const Call&) -> std::optional<Outcome> {
        return refusal(503, "ServiceUnavailable");
    };
    open();
    for (int i = 0; i < 20; ++i)
        writers_->want("a" + std::to_string(i), adapter("a" + std::to_string(i)));
    ASSERT_TRUE(eventually([this] { return !writers_->progress("a7").trouble.empty(); }));
    const Nanos begun = monotonic_now();
    writers_.reset();
    EXPECT_LT(monotonic_now() - begun, 2 * kSecond);
}

}  // namespace
}  // namespace mcpgw::kubernetes
