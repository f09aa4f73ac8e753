// Browsers through a worker on real sockets: what a page of another origin may read and send. The
// listener is one on the loopback, where local origins are granted.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kListing = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
constexpr std::string_view kPage = "Origin: http://localhost:3000\r\n";
constexpr std::string_view kGrant =
    "Access-Control-Allow-Origin: http://localhost:3000\r\n"
    "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate, Last-Event-Id, "
    "MCP-Protocol-Version, Retry-After, RateLimit, RateLimit-Policy\r\n";

std::string ask_page(Harness& gateway, std::string_view request) {
    Line client = gateway.connect();
    client.send(request);
    return client.read_until("\r\n\r\n");
}

std::string options(std::string_view path, std::string_view lines) {
    return "OPTIONS " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
           std::string(lines) + "\r\n";
}

// A server that lets everybody read everything.
void generous(Line& line) {
    while (!read_request(line).empty())
        line.send(answer(R"({"jsonrpc":"2.0","id":7,"result":{}})",
                         "Access-Control-Allow-Origin: *\r\nVary: Accept-Encoding\r\n"
                         "Access-Control-Allow-Credentials: true\r\n"));
}

TEST(Cors, an_answer_to_a_local_page_may_be_read_by_it_and_nobody_else) {
    ScriptedServer server(generous);
    Harness gateway({server.port()});
    const std::string head = ask_page(gateway, Harness::post(kListing, kPage));
    EXPECT_TRUE(has(head, " 200 ")) << head;
    EXPECT_TRUE(has(head, kGrant)) << head;
    EXPECT_TRUE(has(head, "Vary: Accept-Encoding\r\n")) << head;
    EXPECT_TRUE(has(head, "Vary: Origin\r\n")) << head;
    EXPECT_FALSE(has(head, "Allow-Origin: *")) << head;
    EXPECT_FALSE(has(head, "Credentials")) << head;
}

TEST(Cors, without_an_origin_nothing_is_granted) {
    ScriptedServer server(generous);
    Harness gateway({server.port()});
    const std::string head = ask_page(gateway, Harness::post(kListing));
    EXPECT_TRUE(has(head, " 200 ")) << head;
    EXPECT_FALSE(has(head, "Access-Control")) << head;
    EXPECT_FALSE(has(head, "Vary: Origin")) << head;
}

TEST(Cors, a_page_reads_why_it_was_refused_by_the_gateway) {
    ScriptedServer silent([](Line&) {});  // ends every connection
    Harness gateway({silent.port()});
    const std::string session = std::string(kPage) + "Mcp-Session-Id: v1.k1.none\r\n";
    for (const auto& [request, status] : std::initializer_list<std::pair<std::string, const char*>>{
             {Harness::post(kListing, session), " 404 "},
             {Harness::post(kListing, kPage), " 502 "},
             {"PUT /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + std::string(kPage) + "\r\n",
              " 405 "},
             {"GET /adapters/none/sse HTTP/1.1\r\nHost: localhost\r\n" + std::string(kPage) +
                  "\r\n",
              " 404 "},
             {"GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + std::string(kPage) + "\r\n", " 404 "},
             {"GET /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: localhost\r\n" +
                  std::string(kPage) + "\r\n",
              " 404 "}}) {
        const std::string head = ask_page(gateway, request);
        EXPECT_TRUE(has(head, status)) << request << head;
        EXPECT_TRUE(has(head, kGrant)) << request << head;
    }
}

TEST(Cors, a_refusal_of_the_body_may_be_read) {
    ScriptedServer server(generous);
    Harness::Special small;
    small.body_bytes_max = 10;
    Harness gateway({server.port()}, small);
    const std::string head = ask_page(gateway, Harness::post(kListing, kPage));
    EXPECT_TRUE(has(head, " 413 ")) << head;
    EXPECT_TRUE(has(head, kGrant)) << head;
}

TEST(Cors, a_preflight_is_answered_without_identity_or_server) {
    Harness gateway({});
    const std::string head =
        ask_page(gateway, options("/adapters/any/mcp",
                                  std::string(kPage) + "Access-Control-Request-Method: DELETE\r\n"
                                                       "Access-Control-Request-Headers: "
                                                       "mcp-param-region,mcp-session-id\r\n"));
    EXPECT_TRUE(has(head, " 204 ")) << head;
    EXPECT_TRUE(has(head, kGrant)) << head;
    EXPECT_TRUE(has(head, "Access-Control-Allow-Methods: GET, POST, DELETE")) << head;
    EXPECT_TRUE(has(head,
                    "Access-Control-Allow-Headers: Content-Type, Authorization, Mcp-Session-Id, "
                    "MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name, "
                    "mcp-param-region\r\n"))
        << head;
    EXPECT_TRUE(has(head, "Access-Control-Max-Age: 7200\r\n")) << head;
}

TEST(Cors, plain_options_and_those_without_grant_get_no_permission) {
    Harness gateway({});
    constexpr std::string_view asks = "Access-Control-Request-Method: POST\r\n";
    const std::string plain = ask_page(gateway, options("/adapters/a/mcp", kPage));
    EXPECT_TRUE(has(plain, " 204 ")) << plain;
    EXPECT_FALSE(has(plain, "Access-Control-Allow-Methods")) << plain;
    const std::string nobody = ask_page(gateway, options("/adapters/a/mcp", asks));
    EXPECT_TRUE(has(nobody, " 204 ")) << nobody;
    EXPECT_FALSE(has(nobody, "Access-Control")) << nobody;
    const std::string foreign = ask_page(
        gateway, options("/adapters/a/mcp", std::string(asks) + "Origin: http://evil.example\r\n"));
    EXPECT_TRUE(has(foreign, " 403 ")) << foreign;
    EXPECT_FALSE(has(foreign, "Access-Control")) << foreign;
}

TEST(Cors, management_is_not_for_pages_of_others) {
    Harness gateway({});
    const std::string head = ask_page(
        gateway,
        options("/adapters", std::string(kPage) + "Access-Control-Request-Method: POST\r\n"));
    EXPECT_FALSE(has(head, "Access-Control")) << head;
}

TEST(Cors, an_event_stream_may_be_read_from_its_head_on) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        line.peer_ends();
    });
    Harness gateway({server.port()});
    const std::string head = ask_page(gateway, Harness::post(kListing, kPage));
    EXPECT_TRUE(has(head, "text/event-stream")) << head;
    EXPECT_TRUE(has(head, kGrant)) << head;
}

TEST(Cors, the_stream_of_an_old_server_may_be_read) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Access-Control-Allow-Origin: *\r\n\r\nevent: endpoint\ndata: /m?s=1\n\n");
        line.peer_ends();
    });
    Harness::Special old;
    old.transport = contract::Transport::sse;
    old.path = "/sse";
    Harness gateway({server.port()}, old);
    const std::string head =
        ask_page(gateway, "GET /adapters/a/sse HTTP/1.1\r\nHost: localhost\r\n" +
                              std::string(kPage) + "\r\n");
    EXPECT_TRUE(has(head, " 200 ")) << head;
    EXPECT_TRUE(has(head, kGrant)) << head;
    EXPECT_FALSE(has(head, "Allow-Origin: *")) << head;
}

}  // namespace
}  // namespace mcpgw::worker
