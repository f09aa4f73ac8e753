// The bridge with real child processes: routing, the ways a session and its process can end, and
// what is refused.
#include "tools/server/bridge.h"

#include <climits>
#include <csignal>
#include <future>

#include <gtest/gtest.h>

#include "tools/server/bridge_fixture.h"

namespace mcpgw::server {
namespace {

using test::Answer;
using test::BridgeTest;
using test::contains;
using test::eventually;
using test::has_children;
using test::is_gone;
using test::notification;
using test::OpenStream;
using test::Pids;
using test::pids_of;
using test::request;
using test::TestClient;

TEST_F(BridgeTest, a_session_is_a_process) {
    start();
    TestClient one(port);
    TestClient two(port, "/");
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    EXPECT_EQ(bridge->children(), 2U);
    EXPECT_NE(pids_of(one).child, pids_of(two).child);
    EXPECT_EQ(one.close().status, 200);
    EXPECT_EQ(one.call(1, "ping").status, 404);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 1; }));
    EXPECT_TRUE(contains(two.call(1, "ping").last(), R"("id":1,"result":{})"));
}

TEST_F(BridgeTest, messages_pass_as_they_were_written) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Answer answer = client.post(
        "{\"params\" : {\"x\":1.50e+00,\n\"y\":\"\\u00e4\"},\"method\":\"test/text\",\n"
        "\"id\":\"a\\\"b\",\"jsonrpc\":\"2.0\"}");
    EXPECT_TRUE(contains(answer.last(), "{\"params\" : {\"x\":1.50e+00, \"y\":\"\\u00e4\"},"))
        << answer.last();
    EXPECT_TRUE(contains(answer.last(), R"("id":"a\"b")"));
}

TEST_F(BridgeTest, answers_find_their_request_in_any_order) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    auto first = std::async(std::launch::async, [&] { return client.call(1, "test/pair").last(); });
    const std::string second = client.call(2, "test/pair").last();
    const std::string one = first.get();
    EXPECT_TRUE(contains(one, R"("id":1,"result":{"order":)")) << one;
    EXPECT_TRUE(contains(second, R"("id":2,"result":{"order":)")) << second;
    EXPECT_NE(contains(one, "order\":1"), contains(second, "order\":1"));
}

TEST_F(BridgeTest, progress_precedes_the_answer_on_its_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    const auto events =
        client.call(1, "test/progress", R"({"_meta":{"progressToken":5}})").events();
    ASSERT_EQ(events.size(), 4U);
    EXPECT_TRUE(contains(events[2], R"("progressToken":5,"progress":3)"));
}

TEST_F(BridgeTest, the_server_can_ask_the_client_within_a_request) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream call(client, "POST", R"({"jsonrpc":"2.0","id":1,"method":"test/ask"})");
    ASSERT_TRUE(call.wait_for("roots/list"));
    EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":"s1","result":{"roots":[]}})").status, 202);
    ASSERT_TRUE(call.wait_for_end());
    EXPECT_TRUE(contains(call.received(), R"("result":{"jsonrpc":"2.0","id":"s1")"));
}

TEST_F(BridgeTest, what_the_server_says_by_itself_reaches_the_standalone_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.post(notification("test/notify-later")).status, 202);
    // Whether it is said before or after the stream is open.
    OpenStream standalone(client, "GET", "");
    EXPECT_TRUE(standalone.wait_for("\"n\":2"));
    EXPECT_EQ(client.call(2, "test/notify").events().size(), 2U) << "within a request";
}

TEST_F(BridgeTest, a_process_that_exits_fails_its_requests_with_the_reason) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string last = client.call(3, "test/exit").last();
    EXPECT_TRUE(contains(last, R"("id":3,"error":{"code":-32603)")) << last;
    EXPECT_TRUE(contains(last, "exit status 7")) << last;
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(contains(client.call(4, "ping").body, "-32001"));
}

TEST_F(BridgeTest, a_process_that_is_killed_ends_its_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.child, 0);
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    ASSERT_EQ(kill(pids.child, SIGKILL), 0);
    EXPECT_TRUE(standalone.wait_for_end());
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(eventually([&] { return is_gone(pids.grandchild); }));
}

TEST_F(BridgeTest, a_closed_output_ends_the_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.call(3, "test/close").last(), "closed its output"));
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 0; }));
}

TEST_F(BridgeTest, a_line_that_is_too_long_ends_the_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.call(3, "test/long-line").last(), "-32603"));
    EXPECT_EQ(client.call(4, "ping").status, 404);
}

TEST_F(BridgeTest, large_answers_pass) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_GT(client.call(3, "test/large").last().size(), 3U * 1024 * 1024);
}

TEST_F(BridgeTest, lines_that_are_no_messages_are_dropped) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.call(3, "test/garbage").events().size(), 1U);
    EXPECT_EQ(client.call(4, "test/shout").events().size(), 1U);
}

TEST_F(BridgeTest, children_are_bounded) {
    start_with_max(2);
    TestClient one(port);
    TestClient two(port);
    TestClient three(port);
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    const Answer refused = three.post(test::kInitialize);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(contains(refused.body, R"("id":0,"error":{"code":-32000)"));
    EXPECT_TRUE(contains(refused.body, "too many sessions"));
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(one.close().status, 200);
    EXPECT_TRUE(eventually([&] { return three.open(); }));
}

TEST_F(BridgeTest, a_program_that_cannot_run_is_told_in_the_answer) {
    BridgeOptions options;
    options.children.command = {"/dev/null", {"/dev/null"}, {}};
    options.children.children_max = 2;
    start(std::move(options));
    for (int i = 0; i < 3; ++i) {
        const Answer answer = TestClient(port).post(test::kInitialize);
        EXPECT_EQ(answer.status, 502);
        EXPECT_TRUE(contains(answer.body, R"("id":0,"error":{"code":-32603)"));
        EXPECT_TRUE(contains(answer.body, "Permission denied")) << answer.body;
        EXPECT_EQ(answer.header("Mcp-Session-Id"), "");
    }
    EXPECT_EQ(bridge->sessions(), 0U);
    EXPECT_EQ(bridge->children(), 0U) << "a failed start frees its place";
}

TEST_F(BridgeTest, a_client_that_leaves_does_not_end_the_request) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream call(client, "POST", R"({"jsonrpc":"2.0","id":1,"method":"test/ask"})");
    ASSERT_TRUE(call.wait_for("roots/list"));
    call.disconnect();
    EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":"s1","result":{}})").status, 202);
    EXPECT_TRUE(contains(client.call(2, "ping").last(), R"("id":2,"result":{})"));
}

TEST_F(BridgeTest, input_that_is_not_taken_fails_the_request_not_the_bridge) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.call(1, "test/stop-reading").status, 200);
    // More than the pipe holds: a part is written, then nothing.
    const std::string large = "\"" + std::string(1024 * 1024, 'x') + "\"";
    const Answer answer = client.call(2, "x", "[" + large + "]");
    EXPECT_EQ(answer.status, 502);
    EXPECT_TRUE(contains(answer.body, R"("id":2,"error":{"code":-32603)"));
    EXPECT_TRUE(eventually([&] { return client.call(3, "ping").status == 404; }))
        << "half a line was written, so the session cannot go on";
    EXPECT_TRUE(TestClient(port).open());
}

TEST_F(BridgeTest, a_batch_that_is_not_taken_waits_once) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.call(1, "test/stop-reading").status, 200);
    // Each is written as a whole or not at all; the pipe holds a few of them.
    const std::string one =
        R"({"jsonrpc":"2.0","method":"x","params":[")" + std::string(PIPE_BUF - 100, 'x') + "\"]}";
    std::string batch = "[" + one;
    for (int n = 1; n < 60; ++n)
        batch += "," + one;
    EXPECT_EQ(client.post(batch + "]").status, 202) << "half a second, not forty times that";
    const Answer refused = client.call(2, "ping", "[\"" + std::string(PIPE_BUF - 100, 'x') + "\"]");
    EXPECT_EQ(refused.status, 503) << "nothing was written, so the session lives";
    EXPECT_TRUE(contains(refused.body, R"("id":2,"error":{"code":-32603)")) << refused.body;
}

TEST_F(BridgeTest, stop_takes_stubborn_processes_and_their_children_along) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.grandchild, 0);
    ASSERT_EQ(client.call(1, "test/stubborn").status, 200);
    const auto from = std::chrono::steady_clock::now();
    bridge->stop();
    const auto took = std::chrono::steady_clock::now() - from;
    EXPECT_GE(took, std::chrono::milliseconds(2 * limits::bridge_child_grace_ms));
    EXPECT_LT(took, std::chrono::milliseconds(3 * limits::bridge_child_grace_ms));
    EXPECT_TRUE(is_gone(pids.child));
    EXPECT_TRUE(eventually([&] { return is_gone(pids.grandchild); }));
    EXPECT_FALSE(has_children());
}

TEST_F(BridgeTest, all_that_is_pending_fails_with_the_process_also_in_a_batch) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream standalone(client, "GET", "");
    OpenStream one(client, "POST", request(1, "test/never"));
    OpenStream two(client, "POST", "[" + request(2, "x") + "," + request(3, "y") + "]");
    ASSERT_EQ(standalone.status(), 200);
    ASSERT_EQ(one.status(), 200);
    ASSERT_EQ(two.status(), 200);
    EXPECT_TRUE(contains(client.call(4, "test/exit").last(), R"("id":4,"error":{"code":-32603)"));
    ASSERT_TRUE(one.wait_for_end() && two.wait_for_end() && standalone.wait_for_end());
    EXPECT_TRUE(contains(one.received(), R"("id":1,"error":{"code":-32603)"));
    EXPECT_TRUE(contains(two.received(), R"("id":2,"error":{"code":-32603)"));
    EXPECT_TRUE(contains(two.received(), R"("id":3,"error":{"code":-32603)"));
    EXPECT_EQ(standalone.received(), "");
    for (const Answer& after : {client.call(5, "ping"), client.send("GET", ""), client.close()}) {
        EXPECT_EQ(after.status, 404);
        EXPECT_TRUE(contains(after.body, "-32001"));
    }
}

TEST_F(BridgeTest, a_server_that_ends_at_an_unknown_request_fails_that_request) {
    BridgeOptions options;
    options.children.command = {MCPGW_FAKE_STDIO_SERVER, {"fake", "--strict"}, {}};
    start(std::move(options));
    TestClient client(port);
    const std::string probe = client.call(1, "server/discover").last();
    EXPECT_TRUE(contains(probe, R"("id":1,"error":{"code":-32000)")) << "it never sees a probe";
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.call(9, "resources/list").last(), "exit status 3"));
    EXPECT_EQ(client.call(10, "ping").status, 404);
}

TEST_F(BridgeTest, a_request_that_is_never_answered_stays_open_until_its_session_ends) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream leaving(client, "POST", request(1, "test/never"));
    ASSERT_EQ(leaving.status(), 200);
    leaving.disconnect();
    OpenStream staying(client, "POST", request(2, "test/never"));
    ASSERT_EQ(staying.status(), 200);
    EXPECT_TRUE(contains(client.call(3, "ping").last(), R"("id":3,"result")"));
    EXPECT_EQ(client.close().status, 200);
    ASSERT_TRUE(staying.wait_for_end());
    EXPECT_TRUE(contains(staying.received(), R"("id":2,"error":{"code":-32000)"));
    EXPECT_TRUE(eventually([this] { return bridge->children() == 0; }));
}

TEST_F(BridgeTest, an_abandoned_session_ends_and_takes_its_process_along) {
    BridgeOptions options;
    options.server.session_idle_seconds = 1;
    start(std::move(options));
    TestClient left(port);
    TestClient listening(port);
    ASSERT_TRUE(left.open());
    ASSERT_TRUE(listening.open());
    OpenStream standalone(listening, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 1; }));
    EXPECT_EQ(left.call(1, "ping").status, 404);
    EXPECT_EQ(listening.call(1, "ping").status, 200) << "an open stream keeps it";
}

TEST_F(BridgeTest, the_stateless_revision_is_told_what_is_spoken_here) {
    start();
    TestClient client(port);
    for (const char* method : {"server/discover", "tools/list"}) {
        const Answer answer =
            client.post(request(5, method), {{"MCP-Protocol-Version", "2026-07-28"}});
        EXPECT_EQ(answer.status, 400) << method;
        EXPECT_TRUE(contains(answer.body, R"("id":5,"error":{"code":-32000)")) << answer.body;
        EXPECT_TRUE(contains(answer.body, "supported versions: 2025-11-25")) << answer.body;
    }
    EXPECT_EQ(bridge->children(), 0U) << "nothing was started for it";
}

}  // namespace
}  // namespace mcpgw::server
