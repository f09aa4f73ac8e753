// The small parts under the HTTP side: header checks, addresses, the pool of threads, the
// scheduler.
#include <atomic>
#include <future>
#include <latch>

#include <gtest/gtest.h>

#include "tools/server/growing_pool.h"
#include "tools/server/http_checks.h"
#include "tools/server/listen_address.h"
#include "tools/server/scheduler.h"
#include "tools/server/test_client.h"

namespace mcpgw::server {
namespace {

TEST(HttpChecks, only_this_machine_is_loopback) {
    for (const char* text : {"localhost", "LocalHost:80", "127.0.0.1", "127.9.9.9:1", "[::1]",
                             "[::1]:65535", "::1", "localhost:"})
        EXPECT_TRUE(is_loopback_authority(text)) << text;
    for (const char* text :
         {"", "localhost.evil.org", "127.0.0.1.evil.org", "evil.org:80", "10.0.0.1", "[::2]",
          "localhost:80@evil.org", "[::1", "127.0.0.1:x", "user@localhost", "[::1]evil"})
        EXPECT_FALSE(is_loopback_authority(text)) << text;
}

TEST(HttpChecks, origins_have_an_authority_or_none) {
    EXPECT_EQ(authority_of_origin("https://localhost:3000"), "localhost:3000");
    EXPECT_EQ(authority_of_origin("null"), "");
    EXPECT_EQ(authority_of_origin(""), "");
}

TEST(HttpChecks, media_types_compare_without_case_and_parameters) {
    EXPECT_TRUE(is_media_type("Application/JSON ; charset=utf-8", "application/json"));
    EXPECT_FALSE(is_media_type("application/json-patch+json", "application/json"));
    EXPECT_FALSE(is_media_type("", "application/json"));
}

TEST(HttpChecks, accept_is_a_list_in_any_order) {
    httplib::Request request;
    EXPECT_FALSE(accepts(request, "text/event-stream"));
    request.headers.emplace("Accept", "text/event-stream;q=0.5 , application/json");
    EXPECT_TRUE(accepts(request, "text/event-stream"));
    EXPECT_TRUE(accepts(request, "application/json"));
    EXPECT_FALSE(accepts(request, "text/html"));
    httplib::Request wild;
    wild.headers.emplace("Accept", "*/*");
    EXPECT_FALSE(accepts(wild, "application/json"));
}

TEST(ListenAddress, the_usual_forms_are_read) {
    const auto v4 = parse_listen_address("127.0.0.1:8000");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->host, "127.0.0.1");
    EXPECT_EQ(v4->port, 8000);
    const auto v6 = parse_listen_address("[::1]:0");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(authority(v6->host, 9), "[::1]:9");
}

TEST(ListenAddress, broken_ones_are_refused) {
    for (const char* text : {"", "8000", ":8000", "localhost", "a:", "a:65536", "a:-1", "a:1x",
                             "::1:8000", "a:99999999999999999999"})
        EXPECT_FALSE(parse_listen_address(text)) << text;
}

TEST(GrowingPool, blocked_threads_do_not_stop_others) {
    constexpr int blocked = 50;
    GrowingPool pool(blocked + 1);
    std::latch started(blocked);
    std::promise<void> release;
    std::shared_future<void> released(release.get_future());
    for (int i = 0; i < blocked; ++i)
        pool.enqueue([&started, released] {
            started.count_down();
            released.wait();
        });
    started.wait();
    std::promise<void> done;
    pool.enqueue([&done] { done.set_value(); });
    EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    release.set_value();
    pool.shutdown();
    EXPECT_EQ(pool.threads(), 0U);
}

TEST(GrowingPool, beyond_the_cap_tasks_are_refused_on_the_callers_thread) {
    GrowingPool pool(1);
    std::promise<void> release;
    std::shared_future<void> released(release.get_future());
    pool.enqueue([released] {
        EXPECT_FALSE(GrowingPool::refusing());
        released.wait();
    });
    bool refused = false;
    pool.enqueue([&refused] { refused = GrowingPool::refusing(); });
    EXPECT_TRUE(refused);
    EXPECT_FALSE(GrowingPool::refusing());
    release.set_value();
}

TEST(GrowingPool, idle_threads_end) {
    GrowingPool pool(4, 1);
    std::promise<void> ran;
    pool.enqueue([&ran] { ran.set_value(); });
    ran.get_future().wait();
    EXPECT_TRUE(test::eventually([&pool] { return pool.threads() == 0; }));
    std::promise<void> again;
    pool.enqueue([&again] { again.set_value(); });
    EXPECT_EQ(again.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Scheduler, functions_run_in_the_order_of_their_time) {
    std::string order;
    std::promise<void> done;
    Scheduler scheduler;
    scheduler.after(std::chrono::milliseconds(30), [&] {
        order += "b";
        done.set_value();
    });
    scheduler.after(std::chrono::milliseconds(1), [&order] { order += "a"; });
    ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    EXPECT_EQ(order, "ab");
}

TEST(Scheduler, destruction_does_not_wait_for_what_is_far_away) {
    bool ran = false;
    {
        Scheduler scheduler;
        scheduler.after(std::chrono::hours(1), [&ran] { ran = true; });
    }
    EXPECT_FALSE(ran);
}

TEST(Scheduler, the_last_reference_may_go_on_its_own_thread) {
    struct Owner {
        explicit Owner(std::promise<void>& the_end) : end(the_end) {}
        ~Owner() { end.set_value(); }
        std::promise<void>& end;
        Scheduler scheduler;
    };
    std::promise<void> ended;
    std::promise<void> released;
    auto owner = std::make_shared<Owner>(ended);
    Scheduler& scheduler = owner->scheduler;
    scheduler.after(std::chrono::milliseconds(0),
                    [owner, let_go = released.get_future().share()] { let_go.wait(); });
    owner.reset();  // the function holds the last one
    released.set_value();
    EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace mcpgw::server
