// What the bridge does not let grow: processes, lines, bodies and logs. What this means for its
// memory is measured in bridge_memory_test. Also children that are started ahead, since their
// number is one of the bounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tools/server/bridge_fixture.h"

namespace mcpgw::server {
namespace {

using test::Answer;
using test::BridgeProcess;
using test::BridgeTest;
using test::children_of;
using test::contains;
using test::eventually;
using test::OpenStream;
using test::pids_of;
using test::SilentClient;
using test::TestClient;

BridgeOptions large_bodies() {
    BridgeOptions options;
    options.server.body_bytes_max = limits::stdio_line_bytes_max;
    return options;
}

TEST_F(BridgeTest, bodies_of_a_session_are_bounded) {
    start(large_bodies());
    TestClient client(port);
    TestClient other(port);
    ASSERT_TRUE(client.open());
    ASSERT_TRUE(other.open());
    {
        // Each sends as much as there may be of one, but for the last byte.
        const std::string most(limits::stdio_line_bytes_max - 1, '{');
        const SilentClient one(client, "POST", most, limits::stdio_line_bytes_max);
        const SilentClient two(client, "POST", most, limits::stdio_line_bytes_max);
        Answer refused;
        EXPECT_TRUE(eventually([&] {
            refused = client.call(1, "ping");
            return refused.status == 503;
        }));
        EXPECT_EQ(refused.header("Retry-After"), "1");
        EXPECT_TRUE(contains(refused.body, R"("error":{"code":-32000)")) << refused.body;
        EXPECT_EQ(other.call(1, "ping").status, 200) << "it is the session's own bound";
    }
    EXPECT_TRUE(eventually([&] { return client.call(1, "ping").status == 200; }));
}

TEST_F(BridgeTest, what_is_announced_takes_no_room) {
    start(large_bodies());
    TestClient client(port);
    ASSERT_TRUE(client.open());
    // All the room of the session, and all that there is for those without one.
    std::vector<std::unique_ptr<SilentClient>> silent;
    for (int n = 0; n < 2; ++n)
        silent.push_back(
            std::make_unique<SilentClient>(client, "POST", "{", limits::stdio_line_bytes_max));
    const TestClient nobody(port);
    for (std::size_t left = limits::server_openings_bytes_max; left > 0;) {
        const std::size_t announced = std::min(left, limits::stdio_line_bytes_max);
        silent.push_back(std::make_unique<SilentClient>(nobody, "POST", "{", announced));
        left -= announced;
    }
    for (int n = 0; n < 20; ++n) {
        ASSERT_EQ(client.call(n, "ping").status, 200);
        TestClient next(port);
        ASSERT_TRUE(next.open());
        EXPECT_EQ(next.close().status, 200);
    }
}

TEST_F(BridgeTest, a_body_may_be_as_long_as_a_line_and_no_longer) {
    start(large_bodies());
    TestClient client(port);
    ASSERT_TRUE(client.open());
    std::string body = R"({"jsonrpc":"2.0","id":1,"method":"ping","params":")";
    body += std::string(limits::stdio_line_bytes_max - body.size() - 2, 'x') + "\"}";
    EXPECT_TRUE(contains(client.post(body).last(), R"("id":1,"result":{})"));
    const Answer longer = client.post(body + " ");
    EXPECT_EQ(longer.status, 413);
    EXPECT_TRUE(contains(longer.body, "10485760 bytes")) << longer.body;
}

TEST_F(BridgeTest, an_answer_that_is_too_long_fails_its_request_only) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string failed = client.call(8, "test/long-answer").last();
    EXPECT_TRUE(contains(failed, R"("id":8,"error":{"code":-32603)")) << failed;
    EXPECT_TRUE(contains(failed, "longer than 10485760 bytes")) << failed;
    EXPECT_TRUE(contains(client.call(9, "ping").last(), R"("id":9,"result")"));
}

TEST_F(BridgeTest, notifications_that_are_too_long_are_dropped) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.call(8, "test/long-notification").events().size(), 1U);
}

TEST_F(BridgeTest, a_request_of_the_server_that_is_too_long_is_refused) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string answer = client.call(8, "test/long-request").last();
    EXPECT_TRUE(contains(answer, R"("id":"q1","error":{"code":-32603)")) << answer;
}

// Lines of test/shout-much in a log, and those that it says were dropped.
struct Shouted {
    std::size_t logged = 0;
    std::size_t dropped = 0;
};

Shouted shouted_by(const std::string& server, const std::string& log) {
    Shouted found;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(server)) continue;
        line.erase(0, server.size());
        std::size_t dropped = 0;
        if (line.starts_with("shout ")) ++found.logged;
        if (std::sscanf(line.c_str(), "(%zu lines were dropped: more than 200 in a second)",
                        &dropped) == 1)
            found.dropped += dropped;
    }
    return found;
}

TEST(BridgeBounds, what_servers_log_is_bounded_and_told) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const std::string server = "[" + std::to_string(pids_of(client).child) + "] ";
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(client.call(1, "test/shout-much").status, 200);
    Shouted shouted;
    EXPECT_TRUE(eventually([&] {
        shouted = shouted_by(server, bridge.log());
        return shouted.logged + shouted.dropped == 1000;
    })) << bridge.log();
    // All within one second, unless this machine is slow.
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
    EXPECT_LE(shouted.logged, 200 * (1 + static_cast<std::size_t>(seconds.count())));
    EXPECT_GE(shouted.logged, 200U);
}

// --- Children started ahead ----------------------------------------------------------------------

BridgeOptions ahead(std::size_t waiting, std::vector<std::string> arguments = {}) {
    BridgeOptions options;
    options.children.waiting_wanted = waiting;
    options.children.children_max = 3;
    if (!arguments.empty()) options.children.command = {arguments.front(), arguments, {}};
    return options;
}

TEST_F(BridgeTest, sessions_take_the_children_that_wait_and_others_follow) {
    start(ahead(2));
    ASSERT_TRUE(eventually([this] { return bridge->waiting() == 2; }));
    const std::vector<pid_t> waiting = children_of(getpid());
    TestClient one(port);
    ASSERT_TRUE(one.open());
    EXPECT_TRUE(std::ranges::count(waiting, pids_of(one).child) == 1);
    ASSERT_TRUE(eventually([this] { return bridge->waiting() == 2; }));
    EXPECT_EQ(bridge->children(), 3U);
    TestClient two(port);
    TestClient three(port);
    ASSERT_TRUE(two.open());
    ASSERT_TRUE(three.open());
    EXPECT_EQ(bridge->waiting(), 0U) << "there is no place for more";
    EXPECT_EQ(TestClient(port).post(test::kInitialize).status, 503);
    EXPECT_EQ(three.close().status, 200);
    EXPECT_TRUE(eventually([this] { return bridge->waiting() == 1; }));
}

TEST_F(BridgeTest, a_child_that_dies_while_it_waits_is_replaced) {
    start(ahead(1));
    ASSERT_TRUE(eventually([this] { return bridge->waiting() == 1; }));
    const std::vector<pid_t> waiting = children_of(getpid());
    ASSERT_EQ(waiting.size(), 1U);
    ASSERT_EQ(kill(waiting[0], SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return test::is_gone(waiting[0]) && bridge->waiting() == 1; }));
    EXPECT_TRUE(TestClient(port).open());
}

TEST_F(BridgeTest, what_a_waiting_child_says_is_for_its_session) {
    start(ahead(1, {"/bin/sh", "-c",
                    R"(echo '{"jsonrpc":"2.0","method":"early"}'; read -r opening; )"
                    R"(echo '{"jsonrpc":"2.0","id":0,"result":{}}'; cat >&2)"}));
    ASSERT_TRUE(eventually([this] { return bridge->waiting() == 1; }));
    TestClient client(port);
    const Answer opened = client.post(test::kInitialize);
    EXPECT_EQ(opened.status, 200);
    client.set_session(opened.header("Mcp-Session-Id"));
    // Whether it is read before or after the request is known to be pending.
    OpenStream standalone(client, "GET", "");
    EXPECT_TRUE(contains(opened.body, "early") || standalone.wait_for("early"));
}

TEST_F(BridgeTest, children_that_die_at_once_are_started_ever_more_rarely) {
    const std::string counted = testing::TempDir() + "/starts." + std::to_string(getpid());
    start(ahead(2, {"/bin/sh", "-c", "echo x >>" + counted + "; exit 1"}));
    const auto starts = [&] {
        std::ifstream file(counted);
        return std::count(std::istreambuf_iterator<char>(file), {}, 'x');
    };
    const auto from = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] { return starts() >= 6; }));
    // Two at once, after 200 ms two more, after 400 ms two more.
    EXPECT_GE(std::chrono::steady_clock::now() - from, std::chrono::milliseconds(600));
    const Answer answer = TestClient(port).post(test::kInitialize);
    EXPECT_TRUE(contains(answer.last(), "-32603")) << answer.body;
    bridge->stop();
    unlink(counted.c_str());
}

TEST_F(BridgeTest, a_bridge_that_stops_starts_no_more) {
    const std::string counted = testing::TempDir() + "/started." + std::to_string(getpid());
    const std::string script = "echo x >>" + counted + "; exec " + MCPGW_FAKE_STDIO_SERVER;
    BridgeOptions options;
    options.children.children_max = 1;
    options.children.command = {"/bin/sh", {"/bin/sh", "-c", script}, {}};
    start(std::move(options));
    TestClient stubborn(port);
    ASSERT_TRUE(stubborn.open());
    ASSERT_EQ(stubborn.call(1, "test/stubborn").status, 200);
    EXPECT_EQ(stubborn.close().status, 200);
    // It waits for the place of the first, which is ending.
    OpenStream waiting(TestClient(port), "POST", test::kInitialize);
    ASSERT_TRUE(eventually([this] { return bridge->sessions() == 1; }));
    bridge->stop();
    EXPECT_TRUE(waiting.wait_for_end());
    std::ifstream file(counted);
    EXPECT_EQ(std::count(std::istreambuf_iterator<char>(file), {}, 'x'), 1);
    unlink(counted.c_str());
}

TEST_F(BridgeTest, a_session_waits_for_the_place_of_one_that_ends) {
    BridgeOptions options;
    options.children.children_max = 1;
    options.children.place_wait = std::chrono::minutes(1);
    start(std::move(options));
    TestClient stubborn(port);
    ASSERT_TRUE(stubborn.open());
    ASSERT_EQ(stubborn.call(1, "test/stubborn").status, 200);
    EXPECT_EQ(stubborn.close().status, 200);
    EXPECT_TRUE(TestClient(port).open()) << "after SIGKILL, four seconds later";
}

}  // namespace
}  // namespace mcpgw::server
