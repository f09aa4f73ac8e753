// The endpoint over real connections, with the example server behind it.
#include "tools/server/streamable_server.h"

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/server/example_session.h"
#include "tools/server/test_client.h"

namespace mcpgw::server {
namespace {

using test::Answer;
using test::eventually;
using test::OpenStream;
using test::SilentClient;
using test::TestClient;

struct StreamableServerTest : testing::Test {
    void start(ServerOptions options = {}) {
        auto shared = std::make_shared<ExampleServer>();
        shared->instance = "here";
        server = std::make_unique<StreamableServer>(
            std::move(options), [shared](const std::shared_ptr<Session>& session) {
                return Result<std::shared_ptr<SessionHandler>>(
                    std::make_shared<ExampleSession>(shared, session));
            });
        const auto bound = server->listen();
        ASSERT_TRUE(bound) << bound.error().detail;
        port = *bound;
        server->serve();
    }

    std::unique_ptr<StreamableServer> server;
    std::uint16_t port = 0;
};

std::string tool(int id, std::string_view name, std::string_view arguments = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
           R"(,"method":"tools/call","params":{"name":")" + std::string(name) +
           R"(","arguments":)" + std::string(arguments) + "}}";
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST_F(StreamableServerTest, initialize_opens_a_session_on_an_event_stream) {
    start();
    const Answer answer = TestClient(port).post(test::kInitialize, {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
    EXPECT_EQ(answer.header("Cache-Control"), "no-cache, no-transform");
    EXPECT_EQ(answer.header("Content-Encoding"), "");
    const std::string id = answer.header("Mcp-Session-Id");
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(contains(answer.last(), R"("id":0,"result":{"protocolVersion":"2025-11-25")"));
}

TEST_F(StreamableServerTest, known_revisions_are_echoed_and_others_get_the_newest) {
    start();
    const auto negotiated = [this](std::string_view version) {
        std::string body(test::kInitialize);
        body.replace(body.find("2025-11-25"), 10, version);
        return TestClient(port).post(body).last();
    };
    EXPECT_TRUE(contains(negotiated("2025-03-26"), R"("protocolVersion":"2025-03-26")"));
    EXPECT_TRUE(contains(negotiated("1999-01-01"), R"("protocolVersion":"2025-11-25")"));
}

TEST_F(StreamableServerTest, the_tools_do_what_they_say) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(
        client.post(tool(1, "whoami")).last(),
        R"("structuredContent":{"instance":"here","pid":)" + std::to_string(getpid()) + "}"));
    EXPECT_TRUE(contains(client.post(tool(2, "count")).last(), R"({"count":1})"));
    EXPECT_TRUE(contains(client.post(tool(3, "count")).last(), R"({"count":2})"));
    TestClient other(port);
    ASSERT_TRUE(other.open());
    EXPECT_TRUE(contains(other.post(tool(3, "count")).last(), R"({"count":1})"));
    EXPECT_TRUE(
        contains(client.post(tool(4, "echo", R"({"message":"a\nb"})")).last(), R"("text":"a\nb")"));
    EXPECT_TRUE(contains(client.post(tool(5, "sleep", R"({"ms":1})")).last(), R"("sleptMs":1)"));
    EXPECT_TRUE(contains(client.call(6, "ping").last(), R"("id":6,"result":{})"));
    const std::string list = client.call(7, "tools/list").last();
    for (const char* name : {"whoami", "count", "sleep", "progress", "echo"})
        EXPECT_TRUE(contains(list, "\"name\":\"" + std::string(name) + "\"")) << name;
}

TEST_F(StreamableServerTest, wrong_calls_get_the_code_for_it) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.post(tool(1, "nope")).last(), "-32602"));
    EXPECT_TRUE(contains(client.post(tool(2, "sleep")).last(), "-32602"));
    EXPECT_TRUE(contains(client.post(tool(2, "sleep", R"({"ms":-1})")).last(), "-32602"));
    EXPECT_TRUE(contains(client.post(tool(2, "sleep", R"({"ms":600001})")).last(), "-32602"));
    EXPECT_TRUE(contains(client.post(tool(2, "progress", R"({"steps":"2"})")).last(), "-32602"));
    EXPECT_TRUE(contains(client.post(tool(2, "echo", "[]")).last(), "-32602"));
    EXPECT_TRUE(contains(client.call(3, "tools/call", "[]").last(), "-32602"));
    EXPECT_TRUE(contains(client.call(4, "logging/setLevel").last(), "-32601"));
    EXPECT_TRUE(contains(client.call(5, "no/such").last(), R"("id":5,"error":{"code":-32601)"));
}

TEST_F(StreamableServerTest, progress_arrives_before_the_answer_with_its_token) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const auto events =
        client
            .call(1, "tools/call",
                  R"({"name":"progress","arguments":{"steps":3},"_meta":{"progressToken":"p\"1"}})")
            .events();
    ASSERT_EQ(events.size(), 4U);
    for (int step = 1; step <= 3; ++step)
        EXPECT_TRUE(contains(events[static_cast<std::size_t>(step - 1)],
                             R"("progressToken":"p\"1","progress":)" + std::to_string(step)));
    EXPECT_TRUE(contains(events[3], R"("steps":3)"));
    EXPECT_EQ(client.post(tool(2, "progress", R"({"steps":2})")).events().size(), 1U);
}

TEST_F(StreamableServerTest, requests_of_one_session_run_side_by_side) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    // The slow one is still asleep when the quick one is answered.
    OpenStream slow(client, "POST", tool(1, "sleep", R"({"ms":600000})"));
    ASSERT_EQ(slow.status(), 200);
    EXPECT_TRUE(contains(client.post(tool(2, "echo", R"({"message":"quick"})")).last(), "quick"));
    EXPECT_EQ(client.close().status, 200);
    EXPECT_TRUE(slow.wait_for_end());
    EXPECT_TRUE(contains(slow.received(), R"("id":1,"error":{"code":-32000)"));
}

TEST_F(StreamableServerTest, many_sessions_at_once_do_not_mix) {
    start();
    std::vector<std::future<bool>> clients;
    for (int c = 0; c < 40; ++c)
        clients.push_back(std::async(std::launch::async, [this] {
            TestClient client(port);
            if (!client.open()) return false;
            for (int i = 1; i <= 20; ++i)
                if (!contains(client.post(tool(i, "count")).last(),
                              R"("structuredContent":{"count":)" + std::to_string(i) + "}"))
                    return false;
            return client.close().status == 200;
        }));
    for (auto& client : clients)
        EXPECT_TRUE(client.get());
    EXPECT_EQ(server->sessions(), 0U);
}

TEST_F(StreamableServerTest, notifications_and_responses_are_accepted_without_a_body) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    for (const char* text : {R"({"jsonrpc":"2.0","method":"notifications/x"})",
                             R"({"jsonrpc":"2.0","id":"s1","result":{}})"}) {
        const Answer answer = client.post(text);
        EXPECT_EQ(answer.status, 202);
        EXPECT_EQ(answer.body, "");
    }
}

TEST_F(StreamableServerTest, a_batch_is_answered_on_one_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Answer answer = client.post("[" + tool(1, "count") + ",\n" + tool(2, "count") +
                                      R"(,{"jsonrpc":"2.0","method":"notifications/x"}])");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.events().size(), 2U);
}

struct Case {
    const char* what;
    std::string body;
    httplib::Headers headers;
    int status;
    const char* code;
};

TEST_F(StreamableServerTest, broken_posts_are_refused_as_the_sdk_servers_do) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
    const Case cases[] = {
        {"no SSE in Accept", ping, {{"Accept", "application/json"}}, 406, "-32000"},
        {"no Accept", ping, {{"Accept", ""}}, 406, "-32000"},
        {"Accept before Content-Type",
         ping,
         {{"Accept", "*/*"}, {"Content-Type", "a/b"}},
         406,
         "-32000"},
        {"text", ping, {{"Content-Type", "text/plain"}}, 415, "-32000"},
        {"form", ping, {{"Content-Type", "multipart/form-data; boundary=x"}}, 415, "-32000"},
        {"no JSON", "{", {}, 400, "-32700"},
        {"empty", "", {}, 400, "-32700"},
        {"no JSON-RPC", "{}", {}, 400, "-32700"},
        {"JSON before session", "{", {{"Mcp-Session-Id", ""}}, 400, "-32700"},
        {"no session", ping, {{"Mcp-Session-Id", ""}}, 400, "-32000"},
        {"unknown session", ping, {{"Mcp-Session-Id", std::string(32, '0')}}, 404, "-32001"},
        {"bad version", ping, {{"MCP-Protocol-Version", "2026-07-28"}}, 400, "-32000"},
        {"session before version",
         ping,
         {{"Mcp-Session-Id", "x"}, {"MCP-Protocol-Version", "x"}},
         404,
         "-32001"},
        {"second initialize", std::string(test::kInitialize), {}, 400, "-32600"},
        {"initialize in a batch",
         "[" + std::string(test::kInitialize) + "," + ping + "]",
         {{"Mcp-Session-Id", ""}},
         400,
         "-32600"},
        {"the same id twice", "[" + ping + "," + ping + "]", {}, 400, "-32600"},
        {"foreign Host", ping, {{"Host", "evil.org"}}, 403, "-32000"},
        {"foreign Origin",
         ping,
         {{"Origin",
           "https"
           "://evil.org"}},
         403,
         "-32000"},
        {"opaque Origin", ping, {{"Origin", "null"}}, 403, "-32000"},
    };
    for (const Case& c : cases) {
        const Answer answer = client.post(c.body, c.headers);
        EXPECT_EQ(answer.status, c.status) << c.what;
        EXPECT_TRUE(contains(answer.body, c.code)) << c.what << ": " << answer.body;
        EXPECT_EQ(answer.header("Content-Type"), "application/json") << c.what;
    }
    EXPECT_EQ(client.call(9, "ping", "{}").status, 200) << "the session is unharmed";
    EXPECT_EQ(client
                  .post(ping, {{"Origin",
                                "http"
                                "://localhost:3000"}})
                  .status,
              200);
    EXPECT_EQ(client.post(ping, {{"MCP-Protocol-Version", ""}}).status, 200);
}

TEST_F(StreamableServerTest, large_bodies_pass_up_to_the_limit) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string frame = tool(1, "echo", R"({"message":""})");
    const std::string fill(limits::body_bytes_max - frame.size(), 'x');
    std::string body = tool(1, "echo", R"({"message":")" + fill + "\"}");
    ASSERT_EQ(body.size(), limits::body_bytes_max);
    const Answer answer = client.post(body);
    EXPECT_EQ(answer.status, 200);
    EXPECT_GT(answer.body.size(), fill.size());
    body += ' ';
    const Answer refused = client.post(body);
    EXPECT_EQ(refused.status, 413);
    EXPECT_TRUE(contains(refused.body, "-32000"));
}

TEST_F(StreamableServerTest, without_a_session_bodies_are_small) {
    start();
    TestClient client(port);
    std::string opening(test::kInitialize);
    opening.resize(limits::server_opening_body_bytes_max, ' ');
    EXPECT_EQ(client.post(opening).status, 200);
    EXPECT_EQ(client.post(opening + " ").status, 413);
    // A session that has ended is told so, whatever its client sends: it opens another one then.
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.close().status, 200);
    for (const std::string& body : {opening, opening + " "}) {
        const Answer ended = client.post(body);
        EXPECT_EQ(ended.status, 404);
        EXPECT_TRUE(contains(ended.body, "-32001")) << ended.body;
    }
}

TEST_F(StreamableServerTest, a_body_that_trickles_has_one_deadline) {
    ServerOptions options;
    options.body_timeout_ms = 300;
    start(std::move(options));
    SilentClient slow(TestClient(port), "POST", "{", 10'000);
    std::atomic<bool> answered = false;
    std::thread trickle([&] {
        while (!answered && slow.send_more(" "))
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
    EXPECT_TRUE(contains(slow.read_until("did not arrive in time"), "HTTP/1.1 408"));
    answered = true;
    trickle.join();
}

TEST_F(StreamableServerTest, a_chunked_body_has_the_same_limit) {
    start();
    TestClient client(port);
    httplib::Client raw("127.0.0.1", port);
    const std::string piece(64 * 1024, ' ');
    httplib::Request request = client.request("POST", "", {});
    std::size_t sent = 0;
    const auto answer = raw.Post(
        "/mcp", request.headers,
        [&](std::size_t, httplib::DataSink& sink) {
            if (sent > 2 * limits::body_bytes_max) {
                sink.done();
                return true;
            }
            sent += piece.size();
            return sink.write(piece.data(), piece.size());
        },
        "application/json");
    // The server stops reading at the limit: the client sees the refusal, or a broken connection
    // if it was still writing.
    if (answer) {
        EXPECT_EQ(answer->status, 413);
    }
    EXPECT_TRUE(TestClient(port).open());
}

TEST_F(StreamableServerTest, probes_for_the_modern_era_are_told_to_fall_back) {
    start();
    const Answer answer = TestClient(port).post(
        R"({"jsonrpc":"2.0","id":"p","method":"server/discover","params":{}})",
        {{"MCP-Protocol-Version", "2026-07-28"}});
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(contains(answer.body, R"("id":"p","error":{"code":-32000)"));
}

TEST_F(StreamableServerTest, other_paths_and_methods_are_refused) {
    start();
    EXPECT_EQ(TestClient(port, "/other").post(test::kInitialize).status, 404);
    EXPECT_EQ(TestClient(port, "/mcp/x").send("GET", "").status, 404);
    for (const char* method : {"PUT", "PATCH", "OPTIONS", "HEAD"}) {
        const Answer answer = TestClient(port).send(method, "");
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_EQ(answer.header("Allow"), "GET, POST, DELETE") << method;
    }
    EXPECT_EQ(TestClient(port, "/healthz").send("GET", "").body, "ok\n");
    EXPECT_EQ(TestClient(port, "/healthz").post("x").status, 405);
}

TEST_F(StreamableServerTest, a_session_has_one_standalone_stream_at_a_time) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.send("GET", "", {{"Accept", "application/json"}}).status, 406);
    EXPECT_EQ(client.send("GET", "", {{"Mcp-Session-Id", ""}}).status, 400);
    OpenStream first(client, "GET", "");
    ASSERT_EQ(first.status(), 200);
    const Answer second = client.send("GET", "");
    EXPECT_EQ(second.status, 409);
    EXPECT_TRUE(contains(second.body, "-32000"));
    first.disconnect();
    EXPECT_TRUE(eventually([&client] {
        OpenStream again(client, "GET", "");
        return again.status() == 200;
    })) << "the place of a client that left becomes free";
}

TEST_F(StreamableServerTest, delete_ends_streams_and_later_requests_get_404) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    EXPECT_EQ(client.close().status, 200);
    EXPECT_TRUE(standalone.wait_for_end());
    EXPECT_EQ(client.close().status, 404);
    EXPECT_EQ(client.send("GET", "").status, 404);
    EXPECT_EQ(client.post(tool(1, "count")).status, 404);
    EXPECT_EQ(server->sessions(), 0U);
}

TEST_F(StreamableServerTest, quiet_streams_get_comments) {
    ServerOptions options;
    options.keepalive_ms = 20;
    start(options);
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream standalone(client, "GET", "");
    EXPECT_TRUE(standalone.wait_for(": keepalive\n\n: keepalive\n\n"));
    OpenStream slow(client, "POST", tool(1, "sleep", R"({"ms":600000})"));
    EXPECT_TRUE(slow.wait_for(": keepalive\n\n"));
}

TEST_F(StreamableServerTest, idle_sessions_expire_and_open_ones_do_not) {
    ServerOptions options;
    options.session_idle_seconds = 1;
    start(options);
    TestClient idle(port);
    TestClient listening(port);
    ASSERT_TRUE(idle.open());
    ASSERT_TRUE(listening.open());
    OpenStream standalone(listening, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    EXPECT_TRUE(eventually([this] { return server->sessions() == 1; }));
    EXPECT_EQ(idle.call(1, "ping").status, 404);
    EXPECT_EQ(listening.call(1, "ping").status, 200);
}

TEST_F(StreamableServerTest, sessions_are_bounded_and_ended_ones_make_room) {
    ServerOptions options;
    options.sessions_max = 2;
    start(options);
    TestClient one(port);
    TestClient two(port);
    TestClient three(port);
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    const Answer refused = three.post(test::kInitialize);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(contains(refused.body, R"("id":0,"error":{"code":-32000)"));
    EXPECT_EQ(one.close().status, 200);
    EXPECT_TRUE(three.open());
}

TEST_F(StreamableServerTest, connections_beyond_the_threads_are_refused_at_once) {
    ServerOptions options;
    options.threads_max = 2;
    start(options);
    TestClient client(port);
    ASSERT_TRUE(client.open());
    auto first = std::make_unique<OpenStream>(client, "GET", "");
    ASSERT_EQ(first->status(), 200);
    OpenStream second(client, "POST", tool(1, "sleep", R"({"ms":600000})"));
    ASSERT_EQ(second.status(), 200);
    EXPECT_EQ(client.call(2, "ping").status, 503);
    first.reset();
    EXPECT_TRUE(eventually([&client] { return client.call(2, "ping").status == 200; }));
}

// A connection that is driven byte by byte.
class RawConnection {
  public:
    explicit RawConnection(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to = {};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience = {10, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    }
    ~RawConnection() { close(socket_); }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    void say(std::string_view text) {
        EXPECT_EQ(send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // What comes until the peer closes, or until `text` has been seen.
    std::string read_until(std::string_view text) {
        std::string all;
        char buffer[4096];
        for (;;) {
            const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
            if (got <= 0) return all;
            all.append(buffer, static_cast<std::size_t>(got));
            if (!text.empty() && contains(all, text)) return all;
        }
    }

  private:
    int socket_;
};

TEST_F(StreamableServerTest, a_refused_body_is_not_taken_for_the_next_request) {
    start();
    RawConnection raw(port);
    raw.say(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 37\r\n\r\n"
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string all = raw.read_until("");
    EXPECT_TRUE(contains(all, "HTTP/1.1 200 OK"));
    EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << all;
}

TEST_F(StreamableServerTest, a_connection_serves_request_after_request) {
    start();
    RawConnection raw(port);
    for (int i = 0; i < 3; ++i) {
        raw.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        EXPECT_TRUE(contains(raw.read_until("ok\n"), "ok\n"));
    }
}

TEST_F(StreamableServerTest, garbage_and_half_requests_do_no_harm) {
    start();
    for (const char* text : {"\r\n\r\n", "GARBAGE\r\n\r\n", "POST /mcp HTTP/1.1\r\nHost: lo",
                             "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, "
                             "text/event-stream\r\nContent-Type: application/json\r\n"
                             "Content-Length: 100\r\n\r\n{"})
        RawConnection(port).say(text);
    EXPECT_TRUE(TestClient(port).open());
}

TEST_F(StreamableServerTest, a_cancelled_request_ends_its_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream slow(client, "POST", tool(5, "sleep", R"({"ms":600000})"));
    ASSERT_EQ(slow.status(), 200);
    EXPECT_EQ(client
                  .post(R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                        R"("params":{"requestId":5}})")
                  .status,
              202);
    EXPECT_TRUE(slow.wait_for_end());
    EXPECT_EQ(test::events_in(slow.received()).size(), 0U);
}

TEST_F(StreamableServerTest, stopping_is_quick_and_answers_what_is_pending) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream slow(client, "POST", tool(1, "sleep", R"({"ms":600000})"));
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(slow.status(), 200);
    ASSERT_EQ(standalone.status(), 200);
    RawConnection idle(port);
    const auto from = std::chrono::steady_clock::now();
    server->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - from, std::chrono::seconds(2));
    EXPECT_TRUE(slow.wait_for_end());
    EXPECT_TRUE(contains(slow.received(), R"("id":1,"error":{"code":-32000)"));
    EXPECT_TRUE(standalone.wait_for_end());
}

TEST_F(StreamableServerTest, a_server_that_never_served_can_be_destroyed) {
    StreamableServer unused({}, nullptr);
    ASSERT_TRUE(unused.listen());
}

TEST_F(StreamableServerTest, a_taken_port_is_told_in_words) {
    start();
    ServerOptions options;
    options.port = port;
    StreamableServer second(options, nullptr);
    const auto bound = second.listen();
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().code, Code::address_in_use);
}

}  // namespace
}  // namespace mcpgw::server
