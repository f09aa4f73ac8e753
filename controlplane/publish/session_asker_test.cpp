// Questions and answers without a socket, and through the real publisher to data planes that this
// test plays.
#include "controlplane/publish/session_asker.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/deploy/testing.h"
#include "controlplane/publish/fake_data_plane.h"
#include "controlplane/publish/publisher.h"

namespace mcpgw::publish {
namespace {

using deploy::testing::eventually;

constexpr std::uint32_t kForEverMs = 60'000;
constexpr std::uint32_t kSoonMs = 30;

contract::SessionItem item_of(const std::string& id) {
    return {id, "a", "a-0", "alice", "", 1, 2, 0, 1};
}

// --- By itself ----------------------------------------------------------------------------------

TEST(SessionAsker, a_question_is_answered_by_whom_it_was_put_to) {
    SessionAsker* asker = nullptr;
    SessionAsker alone(
        [&asker](const std::string& process, const std::string& json) {
            const auto query = contract::decode_sessions_query(json).value();
            EXPECT_EQ(query.adapter, "a");
            const std::uint64_t request = query.request;
            // Others' answers, and answers to other questions, do not count.
            asker->take_answer("other", encode(contract::SessionsPage{request, {}, 9}));
            asker->take_answer(process, encode(contract::SessionsPage{request + 1, {}, 9}));
            asker->take_answer(process, R"({"type":"sessions_page"})");
            asker->take_answer(process, R"({"type":"sessions_page","request":1,"items":7})");
            asker->take_loss("other");
            asker->take_answer(process,
                               encode(contract::SessionsPage{request, {item_of("s1")}, 5}));
            return true;
        },
        kForEverMs);
    asker = &alone;
    const auto page = alone.page("one", {.limit = 10, .adapter = "a"});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next, 5U);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].id, "s1");
}

TEST(SessionAsker, the_end_of_a_session_is_a_question_too) {
    SessionAsker* asker = nullptr;
    SessionAsker alone(
        [&asker](const std::string& process, const std::string& json) {
            const auto wish = contract::decode_session_end(json).value();
            EXPECT_EQ(wish.user, "alice");
            asker->take_answer(
                process, encode(contract::SessionEnded{wish.request, wish.id == "known", "weather",
                                                       "weather-0", "alice"}));
            return true;
        },
        kForEverMs);
    asker = &alone;
    const auto ended = alone.end("one", {.id = "known", .user = "alice"});
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->found);
    EXPECT_EQ(ended->adapter + " " + ended->instance + " " + ended->user,
              "weather weather-0 alice");
    EXPECT_FALSE(alone.end("one", {.id = "unknown", .user = "alice"})->found);
}

TEST(SessionAsker, usage_is_a_question_too) {
    SessionAsker* asker = nullptr;
    SessionAsker alone(
        [&asker](const std::string& process, const std::string& json) {
            const auto query = contract::decode_usage_query(json).value();
            asker->take_answer(process, R"({"type":"usage_page"})");
            asker->take_answer(process, encode(contract::UsagePage{
                                            query.request, {{query.tenants[0], 7, 8, 9, 10}}}));
            return true;
        },
        kForEverMs);
    asker = &alone;
    const auto page = alone.usage("one", {.tenants = {"acme"}});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items, (std::vector<contract::TenantUsage>{{"acme", 7, 8, 9, 10}}));
}

TEST(SessionAsker, what_is_not_answered_in_time_is_unavailable) {
    std::string asked;
    SessionAsker alone(
        [&asked](const std::string&, std::string json) {
            asked = std::move(json);
            return true;
        },
        kSoonMs);
    const auto page = alone.page("one", {.limit = 1});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, Code::unavailable);
    // Too late, and nobody is harmed.
    const std::uint64_t request = contract::decode_sessions_query(asked)->request;
    alone.take_answer("one", encode(contract::SessionsPage{request, {}, 0}));
    EXPECT_FALSE(alone.end("one", {.id = "x"}));
}

TEST(SessionAsker, nobody_waits_beyond_the_end_of_his_call) {
    SessionAsker alone([](const std::string&, const std::string&) { return true; }, kForEverMs);
    const Nanos begin = monotonic_now();
    for (const Nanos until : {Nanos{0}, begin, begin + kSoonMs * kMillisecond})
        EXPECT_FALSE(alone.page("one", {.limit = 1}, until));
    EXPECT_GE(monotonic_now(), begin + kSoonMs * kMillisecond);
}

TEST(SessionAsker, what_cannot_be_sent_is_unavailable_at_once) {
    SessionAsker alone([](const std::string&, const std::string&) { return false; }, kForEverMs);
    EXPECT_EQ(alone.page("one", {.limit = 1}).error().code, Code::unavailable);
    EXPECT_EQ(alone.end("one", {.id = "x"}).error().code, Code::unavailable);
}

TEST(SessionAsker, a_page_that_is_larger_than_was_asked_for_is_no_answer) {
    SessionAsker* asker = nullptr;
    SessionAsker alone(
        [&asker](const std::string& process, const std::string& json) {
            const auto query = contract::decode_sessions_query(json);
            asker->take_answer(process, encode(contract::SessionsPage{
                                            query->request, {item_of("s1"), item_of("s2")}, 0}));
            return true;
        },
        kForEverMs);
    asker = &alone;
    EXPECT_FALSE(alone.page("one", {.limit = 1}));
    EXPECT_TRUE(alone.page("one", {.limit = 2}));
}

TEST(SessionAsker, a_loss_ends_all_waiting_at_once) {
    std::atomic<int> asked = 0;
    SessionAsker alone([&asked](const std::string&, const std::string&) { return ++asked > 0; },
                       kForEverMs);
    std::vector<std::thread> threads;
    std::atomic<int> failed = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            if (!alone.page("one", {.limit = 1})) ++failed;
        });
    EXPECT_TRUE(eventually([&] { return asked == 4; }));
    alone.take_loss("one");
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(failed, 4);
}

// --- Through the publisher ----------------------------------------------------------------------

class AskingTest : public ::testing::Test {
  protected:
    AskingTest() {
        options_.socket_path = directory_.path() + "/contract.sock";
        options_.epoch = "epoch-1";
        options_.keys = {{"k1", std::string(32, 'k'), true}};
        options_.next_version = [this]() -> Result<std::uint64_t> { return ++last_version_; };
        options_.on_answer = [this](const std::string& process, const std::string& json) {
            asker_.take_answer(process, json);
        };
        options_.on_left = [this](const std::string& process) { asker_.take_loss(process); };
    }
    void start() {
        publisher_ = std::move(*Publisher::open(options_));
        publisher_->start();
        publisher_->open_gate();
    }
    // One that has the snapshot in force.
    FakeDataPlane follower(const std::string& process) {
        FakeDataPlane plane(options_.socket_path);
        plane.hello(0, "", process);
        static_cast<void>(plane.snapshot());
        EXPECT_TRUE(eventually([&] {
            const auto all = publisher_->processes();
            return std::ranges::find(all, process) != all.end();
        }));
        return plane;
    }
    void put(const std::string& name) {
        model::Adapter adapter;
        adapter.name = name;
        adapter.command = {"x"};
        publisher_->change(name, &adapter, {});
    }

    deploy::testing::TemporaryDirectory directory_;
    PublisherOptions options_;
    std::atomic<std::uint64_t> last_version_ = 0;
    SessionAsker asker_{[this](const std::string& process, std::string json) {
                            return publisher_->ask(process, std::move(json));
                        },
                        kForEverMs};
    std::unique_ptr<Publisher> publisher_;
};

TEST_F(AskingTest, each_data_plane_is_asked_by_its_name) {
    start();
    FakeDataPlane two = follower("two");
    FakeDataPlane one = follower("one");
    FakeDataPlane old(options_.socket_path);
    old.hello();  // of a version that knows no questions
    static_cast<void>(old.snapshot());
    EXPECT_TRUE(eventually([&] { return publisher_->followers() == 3; }));
    EXPECT_EQ(publisher_->processes(), (std::vector<std::string>{"one", "two"}));
    std::thread asking([this] {
        const auto page = asker_.page("two", {.limit = 3, .user = "alice"});
        ASSERT_TRUE(page);
        EXPECT_EQ(page->items.at(0).id, "s1");
    });
    const auto query = contract::decode_sessions_query(two.receive());
    ASSERT_TRUE(query);
    EXPECT_EQ(query->user, "alice");
    two.send(encode(contract::SessionsPage{query->request, {item_of("s1")}, 0}));
    asking.join();
    EXPECT_TRUE(one.quiet());
    EXPECT_TRUE(old.quiet());
}

TEST_F(AskingTest, questions_go_while_an_update_is_on_its_way_and_updates_while_one_is_asked) {
    start();
    FakeDataPlane plane = follower("one");
    put("a");
    const auto first = contract::decode_delta(plane.receive());  // and not acknowledged yet
    ASSERT_TRUE(first);
    std::thread asking([this] { EXPECT_TRUE(asker_.page("one", {.limit = 1})); });
    const auto query = contract::decode_sessions_query(plane.receive());
    ASSERT_TRUE(query);
    put("b");
    EXPECT_TRUE(plane.quiet());
    plane.ack(first->to);
    EXPECT_EQ(plane.delta().upserts.at(0).name, "b");
    plane.send(encode(contract::SessionsPage{query->request, {}, 0}));
    asking.join();
    put("c");
    EXPECT_EQ(plane.delta().upserts.at(0).name, "c");
}

TEST_F(AskingTest, one_that_leaves_or_is_unknown_ends_the_waiting) {
    start();
    EXPECT_FALSE(asker_.page("nobody", {.limit = 1}));
    std::thread asking;
    {
        FakeDataPlane plane = follower("one");
        asking = std::thread([this] { EXPECT_FALSE(asker_.page("one", {.limit = 1})); });
        EXPECT_TRUE(contract::decode_sessions_query(plane.receive()));
    }
    asking.join();
    EXPECT_TRUE(eventually([&] { return publisher_->processes().empty(); }));
}

TEST_F(AskingTest, questions_that_wait_to_be_sent_are_bounded) {
    publisher_ = std::move(*Publisher::open(options_));  // and its thread does not run yet
    const std::string question(1000, 'x');
    std::size_t taken = 0;
    while (taken <= limits::question_bytes_max && publisher_->ask("nobody", question))
        ++taken;
    EXPECT_EQ(taken, limits::question_bytes_max / question.size());
    publisher_->start();
    EXPECT_TRUE(eventually([&] { return publisher_->ask("nobody", question); }));
}

TEST_F(AskingTest, one_that_reads_nothing_gets_so_many_questions_and_no_more) {
    options_.patience_ms = 1'000;
    start();
    FakeDataPlane plane = follower("one");
    const std::string question = encode(contract::SessionsQuery{
        .request = 1, .limit = 1, .user = std::string(limits::principal_bytes_max, 'u')});
    std::atomic<bool> asking = true;
    std::thread flood([&] {
        while (asking)
            if (!publisher_->ask("one", question)) std::this_thread::yield();
    });
    EXPECT_TRUE(eventually([&] { return plane.hung_up(); }));
    asking = false;
    flood.join();
    FakeDataPlane next = follower("two");
    put("a");
    EXPECT_EQ(next.delta().upserts.size(), 1U);
}

}  // namespace
}  // namespace mcpgw::publish
