// What HTTP/1.1 asks of an intermediary, seen from both ends of a real worker.
// Servers and clients are scripted byte by byte, so that what is on the wire is what is checked.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

std::string request(std::string_view method, std::string_view path, std::string_view lines = "") {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
           std::string(lines) + "\r\n";
}

// Answers one request per connection with `text`, then waits for the end of the connection.
ScriptedServer::Script answering(std::string text) {
    return [text = std::move(text)](Line& line) {
        while (!read_request(line).empty())
            line.send(text);
    };
}

// A server that keeps what it was sent. Read the record after `gone` has been waited for.
struct Recorder {
    std::string requests;
    std::atomic<int> count = 0;
    ScriptedServer server{[this](Line& line) {
        for (std::string text = read_request(line); !text.empty(); text = read_request(line)) {
            requests += text;
            ++count;
            line.send(answer("{}"));
        }
    }};
};

// --- The gateway's own pages

TEST(Http1, head_is_answered_like_get_without_the_body) {
    Harness gateway({});
    for (const std::string path : {"/ping", "/healthz", "/readyz"}) {
        Line client = gateway.connect();
        client.send(request("GET", path));
        const std::string get_head = client.read_until("\r\n\r\n");
        const std::string body = client.read_until("}");
        client.send(request("HEAD", path) + request("HEAD", path, "Connection: close\r\n"));
        const std::string heads = client.read_to_end();
        EXPECT_TRUE(heads.starts_with("HTTP/1.1 200 OK\r\n")) << heads;
        EXPECT_TRUE(has(heads, "Content-Length: " + std::to_string(body.size()))) << heads;
        EXPECT_TRUE(heads.ends_with("Connection: close\r\n\r\n")) << heads;
        EXPECT_FALSE(has(heads, body)) << heads;
    }
}

TEST(Http1, head_on_an_mcp_endpoint_is_405_without_a_body) {
    Harness gateway({});
    Line client = gateway.connect();
    client.send(request("HEAD", "/adapters/a/mcp", "Connection: close\r\n"));
    const std::string text = client.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 405 ")) << text;
    EXPECT_TRUE(has(text, "Allow: GET, POST, DELETE, OPTIONS\r\n")) << text;
    EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
}

TEST(Http1, options_names_the_methods_and_reaches_no_server) {
    Recorder recorder;
    Harness gateway({recorder.server.port()});
    Line client = gateway.connect();
    client.send(request("OPTIONS", "/adapters/a/mcp"));
    std::string text = client.read_until("\r\n\r\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 204 No Content\r\n")) << text;
    EXPECT_TRUE(has(text, "Allow: GET, POST, DELETE, OPTIONS\r\n")) << text;
    EXPECT_FALSE(has(text, "Content-Length")) << text;
    client.send(request("OPTIONS", "*"));
    text = client.read_until("\r\n\r\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 204 ")) << text;
    EXPECT_TRUE(has(text, "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n")) << text;
    client.send(request("OPTIONS", "/nothing", "Connection: close\r\n"));
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 404 "));
    EXPECT_EQ(gateway.metrics.backend_connects.value(), 0U);
}

TEST(Http1, every_answer_has_one_date) {
    ScriptedServer undated(answering(answer("{}")));
    ScriptedServer dated(answering(answer("{}", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")));
    Harness gateway({undated.port()});
    Line client = gateway.connect();
    client.send(request("GET", "/ping"));
    EXPECT_TRUE(has(client.read_until("\r\n\r\n"), " GMT\r\n"));
    client.read_until("}");
    client.send(gateway.post(kCall));
    EXPECT_TRUE(has(client.read_until("\r\n\r\n"), "\r\nDate: "));
    client.read_until("}");
    gateway.publish({dated.port()});
    client.send(gateway.post(kCall));
    const std::string text = client.read_until("\r\n\r\n");
    EXPECT_TRUE(has(text, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) << text;
    EXPECT_EQ(text.find("Date: "), text.rfind("Date: ")) << text;
}

// --- Expect (RFC 9110 section 10.1.1)

constexpr std::string_view kExpect = "Expect: 100-continue\r\nContent-Length: 2\r\n";

TEST(Http1, an_expectation_is_met_by_the_gateway_and_not_sent_on) {
    Recorder recorder;
    {
        Harness gateway({recorder.server.port()});
        Line client = gateway.connect();
        client.send(request("POST", "/adapters/a/mcp", kExpect));
        EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        EXPECT_EQ(gateway.metrics.backend_connects.value(), 0U);
        client.send("{}");
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    }
    recorder.server.stop();
    EXPECT_FALSE(has(recorder.requests, "Expect")) << recorder.requests;
    EXPECT_EQ(recorder.count, 1);
}

TEST(Http1, what_the_head_settles_is_answered_instead_of_100) {
    Harness gateway({});
    const std::string big = "Expect: 100-continue\r\nContent-Length: 5000000\r\n";
    const std::string two(kExpect);
    const std::vector<std::pair<std::string, std::string>> cases{
        {request("POST", "/nothing", kExpect), "404"},
        {request("POST", "/adapters/nobody/mcp", kExpect), "404"},
        {request("PUT", "/adapters/a/mcp", kExpect), "405"},
        {request("POST", "/adapters/a/mcp", "Origin: http://evil.example\r\n" + two), "403"},
        {request("POST", "/adapters/a/mcp", "X-Dev-UserId: a b\x7f\r\n" + two), "400"},
        {request("POST", "/adapters/a/mcp", big), "413"},
        {request("OPTIONS", "/adapters/a/mcp", kExpect), "204"},
    };
    for (const auto& [text, status] : cases) {
        Line client = gateway.connect();
        client.send(text);
        const std::string got = client.read_to_end();
        EXPECT_TRUE(got.starts_with("HTTP/1.1 " + status)) << text << got;
        EXPECT_TRUE(has(got, "Connection: close\r\n")) << got;
    }
}

TEST(Http1, a_body_that_is_already_there_needs_no_100) {
    Recorder recorder;
    Harness gateway({recorder.server.port()});
    Line client = gateway.connect();
    client.send(request("POST", "/adapters/a/mcp", kExpect) + "{}");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST(Http1, a_100_is_given_once) {
    ScriptedServer server(answering("HTTP/1.1 100 Continue\r\n\r\n" + answer("{}")));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(request("POST", "/adapters/a/mcp", kExpect));
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{}");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

// --- 1xx (RFC 9110 section 15.2)

TEST(Http1, interim_answers_reach_an_http11_client_filtered) {
    ScriptedServer server(
        answering("HTTP/1.1 102 Processing\r\n\r\n"
                  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: a=b\r\n"
                  "\r\n" +
                  answer("{}")));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 102 Processing\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST(Http1, an_http10_client_sees_no_interim_answer) {
    ScriptedServer server(answering("HTTP/1.1 103 Early Hints\r\n\r\n" + answer("{}")));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send("POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST(Http1, a_server_that_only_gives_interim_answers_is_502) {
    std::string text;
    for (std::size_t i = 0; i <= limits::interim_answers_max; ++i)
        text += "HTTP/1.1 102 Processing\r\n\r\n";
    ScriptedServer server(answering(text));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall, "Connection: close\r\n"));
    EXPECT_TRUE(has(client.read_to_end(), "HTTP/1.1 502 "));
}

TEST(Http1, switching_protocols_is_502) {
    ScriptedServer server(answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
}

TEST(Http1, an_upgrade_is_ignored_and_the_request_served) {
    Recorder recorder;
    {
        Harness gateway({recorder.server.port()});
        Line client = gateway.connect();
        client.send(
            gateway.post(kCall,
                         "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\n"
                         "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"));
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    }
    recorder.server.stop();
    EXPECT_FALSE(has(recorder.requests, "pgrade")) << recorder.requests;
    EXPECT_FALSE(has(recorder.requests, "HTTP2-Settings")) << recorder.requests;
}

// --- Trailers (RFC 9110 section 6.5.1: discarded, both ways)

TEST(Http1, trailers_end_a_body_and_go_no_further) {
    Recorder recorder;
    {
        Harness gateway({recorder.server.port()});
        Line client = gateway.connect();
        client.send(request("POST", "/adapters/a/mcp",
                            "Trailer: X-Mcp-UserId\r\nTransfer-Encoding: chunked\r\n") +
                    "2\r\n{}\r\n0\r\nX-Mcp-UserId: root\r\nX-Sum: 1\r\n\r\n" + gateway.post("[]"));
        client.read_until("{}");
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    }
    recorder.server.stop();
    EXPECT_TRUE(has(recorder.requests, "{}")) << recorder.requests;
    EXPECT_EQ(recorder.requests.find("root"), std::string::npos) << recorder.requests;
    EXPECT_FALSE(has(recorder.requests, "Trailer")) << recorder.requests;

    ScriptedServer server(
        answering("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n"));
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall) + gateway.post(kCall, "Connection: close\r\n"));
    const std::string text = client.read_to_end();
    EXPECT_TRUE(text.ends_with("3\r\nabc\r\n0\r\n\r\n")) << text;
    EXPECT_FALSE(has(text, "X-Sum")) << text;
    EXPECT_EQ(server.connections(), 1) << "a connection serves again after trailers";
}

// --- Persistence (RFC 9112 section 9.3)

TEST(Http1, connection_close_is_obeyed_and_what_follows_is_not_served) {
    Recorder recorder;
    Harness gateway({recorder.server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall, "Connection: close\r\n") + gateway.post(kCall));
    const std::string text = client.read_to_end();
    EXPECT_TRUE(has(text, "Connection: close\r\n")) << text;
    EXPECT_EQ(text.find("HTTP/1.1 "), text.rfind("HTTP/1.1 ")) << text;
    EXPECT_EQ(recorder.count, 1);
}

TEST(Http1, an_http10_client_is_kept_only_if_it_asks) {
    Recorder recorder;
    Harness gateway({recorder.server.port()});
    const std::string lines = " HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n";
    Line plain = gateway.connect();
    plain.send("POST /adapters/a/mcp" + lines + "\r\n{}");
    EXPECT_TRUE(has(plain.read_to_end(), "Connection: close\r\n"));
    Line kept = gateway.connect();
    for (int i = 0; i < 2; ++i) {
        kept.send("POST /adapters/a/mcp" + lines + "Connection: keep-alive\r\n\r\n{}");
        EXPECT_TRUE(has(kept.read_until("\r\n\r\n"), "Connection: keep-alive\r\n"));
        kept.read_until("{}");
    }
}

TEST(Http1, pipelined_requests_of_all_kinds_are_answered_in_order) {
    ScriptedServer server([](Line& line) {
        for (std::string text = read_request(line); !text.empty(); text = read_request(line))
            line.send(answer("<" + text.substr(text.find("\r\n\r\n") + 4) + ">"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    std::string all = gateway.post("1") + request("GET", "/ping") + gateway.post("2") +
                      request("GET", "/nothing") + request("HEAD", "/ping");
    for (int i = 3; i < 40; ++i)
        all += gateway.post(std::to_string(i));
    client.send(all + request("GET", "/nothing", "Connection: close\r\n"));
    const std::string text = client.read_to_end();
    std::size_t at = 0;
    const auto next = [&](const std::string& part) {
        at = text.find(part, at);
        return at != std::string::npos;
    };
    EXPECT_TRUE(next("<1>") && next("alive") && next("<2>") && next(" 404 ")) << text;
    for (int i = 3; i < 40; ++i)
        EXPECT_TRUE(next("<" + std::to_string(i) + ">")) << text;
    EXPECT_TRUE(next(" 404 ")) << text;
}

// --- Early answers (RFC 9112 section 9.6)

TEST(Http1, an_early_answer_is_delivered_while_the_body_still_comes) {
    std::atomic<bool> answered = false;
    ScriptedServer server([&answered](Line& line) {
        line.read_until("\r\n\r\n");
        line.send("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nbusy");
        answered = true;
        line.peer_ends();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(request("POST", "/adapters/a/mcp", "Content-Length: 3000000\r\n") +
                std::string(200'000, 'x'));
    ASSERT_TRUE(Harness::until([&] { return answered.load(); }));
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 429 ")) << head;
    EXPECT_TRUE(has(head, "Connection: close\r\n")) << head;
    EXPECT_EQ(client.read_bytes(4), "busy");
    client.send(std::string(200'000, 'x'));  // must not turn the answer into a reset
    EXPECT_TRUE(client.peer_ends());
}

}  // namespace
}  // namespace mcpgw::worker
