// Servers of HTTP+SSE (MCP 2024-11-05) through a worker on real sockets: what becomes of the
// endpoint event, where messages go, and how a session ends.
#include <optional>

#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kPing = R"({"jsonrpc":"2.0","id":7,"method":"ping"})";
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Server: kept\r\n\r\n";
constexpr std::string_view kEndpointEvent = "event: endpoint\ndata: /message?sessionId=5\n\n";

Harness::Special sse(std::string path = "/sse") {
    Harness::Special special;
    special.transport = contract::Transport::sse;
    special.path = std::move(path);
    return special;
}

// Keeps the stream that was asked for last, and answers messages with 202.
class SseServer {
  public:
    explicit SseServer(std::string beginning = std::string(kStreamHead) +
                                               std::string(kEndpointEvent))
        : beginning_(std::move(beginning)), server_([this](Line& line) { serve(line); }) {}

    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    Line& stream() {
        EXPECT_TRUE(Harness::until([this] { return has_stream_.load(); }));
        return *stream_;
    }
    std::string last_message() {
        EXPECT_TRUE(Harness::until([this] { return has_message_.load(); }));
        return message_;
    }

  private:
    void serve(Line& line) {
        std::string request = read_request(line);
        if (request.starts_with("GET")) {
            line.send(beginning_);
            stream_.emplace(std::move(line));
            has_stream_ = true;
            return;
        }
        message_ = std::move(request);
        has_message_ = true;
        line.send(
            "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 8\r\n\r\nAccepted");
    }
    std::string beginning_;
    std::optional<Line> stream_;
    std::string message_;
    std::atomic<bool> has_stream_ = false;
    std::atomic<bool> has_message_ = false;
    ScriptedServer server_;
};

std::string get(std::string_view path) {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
}

std::string post_to(std::string_view target, std::string_view lines = "") {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(lines) +
           "Content-Length: " + std::to_string(kPing.size()) + "\r\n\r\n" + std::string(kPing);
}

// What comes of a chunked answer up to `mark`, without the framing of its chunks.
std::string unchunked(std::string text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t digits = 0;
        const std::size_t size = std::stoul(text.substr(at, 8), &digits, 16);
        plain += text.substr(at + digits + 2, size);
        at += digits + 2 + size + 2;
    }
    return plain;
}

std::string endpoint_in(std::string_view text) {
    const std::size_t at = text.find("/adapters/");
    if (at == std::string_view::npos) return "";
    return std::string(text.substr(at, text.find_first_of("\r\n", at) - at));
}

// Opens a stream on the line; returns its head and what came up to the end of the first event.
std::string open_stream(Line& client, std::string_view path = "/adapters/a/sse") {
    client.send(get(path));
    std::string head = client.read_until("\r\n\r\n");
    return head + client.read_until("\n\n");
}

TEST(SseTransport, the_endpoint_leads_to_the_gateway_and_messages_to_the_servers_own) {
    SseServer server;
    Harness gateway({server.port()}, sse());
    Line stream = gateway.connect();
    const std::string begun = open_stream(stream);
    EXPECT_NE(begun.find("X-Server: kept\r\n"), std::string::npos) << begun;
    const std::string endpoint = endpoint_in(begun);
    EXPECT_TRUE(endpoint.starts_with("/adapters/a/messages?sessionId=v1.k1.")) << begun;

    Line poster = gateway.connect();
    poster.send(post_to(endpoint));
    EXPECT_NE(poster.read_until("Accepted").find("HTTP/1.1 202"), std::string::npos);
    const std::string message = server.last_message();
    EXPECT_TRUE(message.starts_with("POST /message?sessionId=5 HTTP/1.1\r\n")) << message;
    EXPECT_TRUE(message.ends_with(kPing));
    EXPECT_EQ(message.find("sessionId=v1"), std::string::npos);

    server.stream().send("event: message\ndata: {\"id\":7}\n\n");
    EXPECT_NE(stream.read_until("\n\n").find("data: {\"id\":7}"), std::string::npos);
}

TEST(SseTransport, everything_but_the_value_goes_on_as_it_came) {
    const std::string before = ": hello\r\n\r\nevent: note\r\ndata: x\r\n\r\nid: 3\r\ndata:";
    const std::string after = "\r\nevent: endpoint\r\n\r\nevent: message\r\ndata: 1\r\n\r\n";
    SseServer server(std::string(kStreamHead) + before + "/m" + after);
    Harness gateway({server.port()}, sse());
    Line client = gateway.connect();
    client.send(get("/adapters/a/sse"));
    client.read_until("\r\n\r\n");
    server.stream().end();
    std::string text = client.read_until("\r\n0\r\n\r\n");
    text = unchunked(text.substr(0, text.size() - 5));
    EXPECT_EQ(text, before + endpoint_in(text) + after);
    EXPECT_NE(endpoint_in(text), "");
}

TEST(SseTransport, an_endpoint_event_byte_by_byte_is_the_same_event) {
    SseServer server{std::string(kStreamHead)};
    Harness gateway({server.port()}, sse());
    Line client = gateway.connect();
    client.send(get("/adapters/a/sse"));
    Line& line = server.stream();
    for (const char c : std::string("event: endpoint\r\ndata: message?s=1\r\n\r\n"))
        line.send({&c, 1});
    client.read_until("\r\n\r\n");
    EXPECT_NE(endpoint_in(client.read_until("\r\n\r\n")), "");
}

TEST(SseTransport, an_endpoint_that_leads_elsewhere_is_refused_before_the_head) {
    for (const char* event :
         {"event: endpoint\ndata: http://evil.example/m\n\n",
          "event: endpoint\ndata: //evil.example/m\n\n",
          "event: endpoint\ndata: https://127.0.0.1/m\n\n", "event: endpoint\n\n"}) {
        SseServer server(std::string(kStreamHead) + event);
        Harness gateway({server.port()}, sse());
        Line client = gateway.connect();
        client.send(get("/adapters/a/sse"));
        const std::string text = client.read_until("}}");
        EXPECT_TRUE(text.starts_with("HTTP/1.1 502 ")) << text;
        EXPECT_NE(text.find("-32603"), std::string::npos) << text;
        EXPECT_TRUE(server.stream().peer_ends()) << event;
    }
}

TEST(SseTransport, a_stream_that_does_not_come_to_the_point_is_refused) {
    SseServer chatty(std::string(kStreamHead) + std::string(limits::endpoint_wait_bytes_max, ':') +
                     "\n");
    Harness gateway({chatty.port()}, sse());
    Line client = gateway.connect();
    client.send(get("/adapters/a/sse"));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));

    SseServer brief(std::string(kStreamHead) + "event: endpoint\ndata: /m\n");
    gateway.publish({brief.port()});
    client.send(get("/adapters/a/sse"));
    brief.stream().end();
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));

    SseServer silent{std::string(kStreamHead)};
    gateway.publish({silent.port()}, 50);
    client.send(get("/adapters/a/sse"));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 504 "));
}

TEST(SseTransport, an_answer_that_is_no_stream_goes_on_as_it_is) {
    SseServer server("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    Harness gateway({server.port()}, sse());
    Line client = gateway.connect();
    client.send(get("/adapters/a/sse"));
    EXPECT_TRUE(client.read_until("\r\n\r\nno").starts_with("HTTP/1.1 403 Forbidden"));
}

TEST(SseTransport, a_session_ends_with_its_stream) {
    SseServer server;
    Harness gateway({server.port()}, sse());
    std::string endpoint;
    {
        Line stream = gateway.connect();
        endpoint = endpoint_in(open_stream(stream));
    }
    EXPECT_TRUE(server.stream().peer_ends()) << "the server learns that its client is gone";
    Line poster = gateway.connect();
    poster.send(post_to(endpoint));
    const std::string text = poster.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 404 ")) << text;
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32001"), std::string::npos) << text;
}

TEST(SseTransport, messages_without_a_session_of_this_user_are_404) {
    SseServer server;
    Harness gateway({server.port()}, sse());
    Line stream = gateway.connect();
    const std::string endpoint = endpoint_in(open_stream(stream));
    Line poster = gateway.connect();
    for (const std::string& target :
         {std::string("/adapters/a/messages"), std::string("/adapters/a/messages?sessionId=5"),
          endpoint + "x", endpoint.substr(0, endpoint.size() - 1)}) {
        poster.send(post_to(target));
        EXPECT_TRUE(poster.read_until("}}").starts_with("HTTP/1.1 404 ")) << target;
    }
    poster.send(post_to(endpoint, "X-Dev-UserId: somebody-else\r\nX-Dev-Roles: mcp.admin\r\n"));
    EXPECT_TRUE(poster.read_until("}}").starts_with("HTTP/1.1 404 "));
    poster.send(post_to(endpoint + "&more=1"));
    EXPECT_TRUE(poster.read_until("Accepted").starts_with("HTTP/1.1 202 "));
}

TEST(SseTransport, an_old_client_finds_the_stream_where_it_first_posted) {
    SseServer server;
    Harness gateway({server.port()}, sse());
    Line client = gateway.connect();
    client.send(gateway.post(kPing));
    const std::string refused = client.read_until("}}");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
    EXPECT_NE(refused.find("Allow: GET, OPTIONS\r\n"), std::string::npos) << refused;
    EXPECT_NE(endpoint_in(open_stream(client, "/adapters/a/mcp")), "");
}

TEST(SseTransport, a_server_of_another_transport_has_no_such_paths) {
    ScriptedServer server([](Line&) {});
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(get("/adapters/a/sse"));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
    client.send(post_to("/adapters/a/messages?sessionId=5"));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
    EXPECT_EQ(server.connections(), 0);
}

// Keeps all streams, and gives all of them the same endpoint.
class OneEndpointServer {
  public:
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  private:
    void serve(Line& line) {
        if (read_request(line).starts_with("GET")) {
            line.send(std::string(kStreamHead) + "event: endpoint\ndata: /messages\n\n");
            streams_.push_back(std::move(line));
        } else {
            line.send("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
    }
    std::vector<Line> streams_;
    ScriptedServer server_{[this](Line& line) { serve(line); }};
};

// The header is of later revisions. A stream that took it for its session held two of them, and
// gave back one.
TEST(SseTransport, a_session_header_means_nothing_to_the_stream) {
    OneEndpointServer server;
    Harness gateway({server.port()}, sse());
    {
        Line first = gateway.connect();
        const std::string endpoint = endpoint_in(open_stream(first));
        const std::string sealed = endpoint.substr(endpoint.find('=') + 1);
        Line second = gateway.connect();
        second.send("GET /adapters/a/sse HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: " + sealed +
                    "\r\n\r\n");
        EXPECT_TRUE(second.read_until("\n\n").starts_with("HTTP/1.1 200 "));
        EXPECT_EQ(gateway.sessions.table.size(), 2U);
    }
    EXPECT_TRUE(Harness::until([&] { return gateway.metrics.streams_active.value() == 0; }));
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    const std::uint32_t places = gateway.sessions.table.sessions_max();
    for (std::uint32_t i = 1; i <= places; ++i)
        ASSERT_TRUE(gateway.sessions.table.open({.key = {1, 1, i}, .texts = {"s", "", ""}}, 1))
            << i << ": every place can be had again";
}

TEST(SseTransport, sessions_of_a_server_with_one_endpoint_for_all_are_told_apart) {
    OneEndpointServer server;
    Harness gateway({server.port()}, sse());
    std::string first;
    std::string second;
    Line second_stream = gateway.connect();
    {
        Line first_stream = gateway.connect();
        first = endpoint_in(open_stream(first_stream));
        second = endpoint_in(open_stream(second_stream));
        EXPECT_EQ(gateway.sessions.table.size(), 2U);
    }
    EXPECT_TRUE(Harness::until([&] { return gateway.sessions.table.size() == 1; }));
    Line client = gateway.connect();
    client.send(post_to(first));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
    client.send(post_to(second));
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 202 "));
}

std::string post_with_id(std::string_view target, std::string_view id) {
    const std::string body = R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"ping"})";
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

TEST(SseTransport, a_stream_that_breaks_says_so_for_each_request_without_a_result) {
    SseServer server;
    Harness gateway({server.port()}, sse());
    Line stream = gateway.connect();
    const std::string endpoint = endpoint_in(open_stream(stream));
    for (const char* id : {"1", "\"two\"", "3"}) {
        Line poster = gateway.connect();
        poster.send(post_with_id(endpoint, id));
        EXPECT_TRUE(poster.read_until("Accepted").starts_with("HTTP/1.1 202 "));
    }
    server.stream().send("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
    stream.read_until("\n\n");
    server.stream().send("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,");
    server.stream().end();
    const std::string rest = unchunked(stream.read_until("\r\n0\r\n\r\n"));
    EXPECT_NE(rest.find("\"id\":\"two\",\"error\":{\"code\":-32603"), std::string::npos) << rest;
    EXPECT_NE(rest.find("\"id\":3,\"error\":{\"code\":-32603"), std::string::npos) << rest;
    EXPECT_EQ(rest.find("\"id\":1,"), std::string::npos) << rest;
}

TEST(SseTransport, what_its_post_was_told_the_stream_does_not_say_again) {
    std::optional<Line> kept;
    ScriptedServer server([&](Line& line) {
        if (read_request(line).starts_with("GET")) {
            line.send(std::string(kStreamHead) + std::string(kEndpointEvent));
            kept.emplace(std::move(line));
        } else {
            line.send("HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        }
    });
    Harness gateway({server.port()}, sse());
    Line stream = gateway.connect();
    const std::string endpoint = endpoint_in(open_stream(stream));
    Line poster = gateway.connect();
    poster.send(post_to(endpoint));
    EXPECT_TRUE(poster.read_until("no").starts_with("HTTP/1.1 500 "));
    kept->end();
    EXPECT_EQ(stream.read_until("0\r\n\r\n").find("error"), std::string::npos);
}

}  // namespace
}  // namespace mcpgw::worker
