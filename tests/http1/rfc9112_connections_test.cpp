// RFC 9112 section 9 (connections), and what RFC 9110 asks of intermediaries: forwarding, interim
// answers, expectations. One test for each rule; docs/internals/http1-rules.md lists them.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

std::size_t connections_of(const Gateway& gateway) {
    return gateway.backend.record().size();
}

TEST(Rfc9112Section9_2, an_answer_without_a_request_is_given_to_nobody) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(kRequest)), 200);
    gateway.backend.blurt("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    EXPECT_TRUE(worker::Harness::until([&] { return gateway.backend.record()[0].ended; }));
    EXPECT_EQ(gateway.exchange(kRequest).text(), "HTTP/1.1 200 OK\n{\"n\":2}\n");
}

TEST(Rfc9112Section9_3, connections_of_http11_persist) {
    Gateway gateway;
    EXPECT_EQ(gateway.exchange(kRequest + kRequest + kRequest, 3).answers.size(), 3U);
    EXPECT_EQ(connections_of(gateway), 1U);
}

TEST(Rfc9112Section9_3, a_connection_of_http10_ends_unless_the_client_asks) {
    const std::string line = "POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\n";
    const std::string body = "Content-Length: 2\r\n\r\n{}";
    const Gateway gateway;
    const Heard plain = gateway.exchange(line + body + line + body, 2);
    EXPECT_EQ(plain.answers.size(), 1U);
    EXPECT_TRUE(plain.closed);
    const std::string kept = line + "Connection: keep-alive\r\n" + body;
    const Heard asked = gateway.exchange(kept + kept, 2);
    ASSERT_EQ(asked.answers.size(), 2U);
    EXPECT_EQ(asked.answers[0].field("connection"), "keep-alive");
}

TEST(Rfc9112Section9_3, a_server_of_http10_is_asked_once_unless_it_keeps_alive) {
    for (const auto& [lines, connections] :
         {std::pair{std::string(), 2U}, std::pair{std::string("Connection: keep-alive\r\n"), 1U}}) {
        Gateway gateway(answering("HTTP/1.0 200 OK\r\n" + lines + "Content-Length: 2\r\n\r\n{}"));
        EXPECT_EQ(gateway.exchange(kRequest + kRequest, 2).answers.size(), 2U);
        EXPECT_EQ(connections_of(gateway), connections);
    }
}

TEST(Rfc9112Section9_3, a_body_that_nobody_wants_is_read_or_the_connection_ends) {
    Gateway gateway;
    const std::string refused = "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2";
    const Heard read = gateway.exchange(refused + "\r\n\r\n{}" + kRequest, 2);
    ASSERT_EQ(read.answers.size(), 2U) << read.text();
    EXPECT_EQ(read.answers[0].status(), 404);
    EXPECT_EQ(read.answers[1].status(), 200);
    const Heard ended = gateway.exchange(
        "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" +
            std::string(1000, 'x') + kRequest,
        2);
    EXPECT_EQ(ended.answers.size(), 1U) << ended.text();
    EXPECT_TRUE(ended.closed);
    EXPECT_EQ(gateway.backend.requests().size(), 1U);
}

TEST(Rfc9112Section9_3, an_answer_before_the_end_of_the_request_ends_the_servers_connection) {
    Gateway gateway;
    worker::Line line = gateway.harness.connect();
    worker::ScriptedServer early([](worker::Line& server) {
        server.read_until("\r\n\r\n");
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        server.peer_ends();
    });
    gateway.harness.publish({early.port()});
    line.send(std::string(kPost) + "Content-Length: 300000\r\n\r\n" + std::string(100'000, 'x'));
    EXPECT_EQ(status_of(Gateway::listen(line, 1)), 200);
    EXPECT_EQ(status_of(gateway.exchange(kRequest)), 200);
    EXPECT_EQ(early.connections(), 2);
}

TEST(Rfc9112Section9_3_1, a_post_is_not_repeated_after_it_was_sent) {
    Gateway gateway([](const Message& request, int number) {
        if (number == 2) return Reply{"", true};
        return RecordingBackend::answer_with_number(request, number);
    });
    const Heard heard = gateway.exchange(kRequest + kRequest + kRequest, 3);
    ASSERT_EQ(heard.answers.size(), 3U) << heard.text();
    EXPECT_EQ(heard.answers[0].body, "{\"n\":1}");
    EXPECT_EQ(heard.answers[1].status(), 502);
    EXPECT_EQ(heard.answers[2].body, "{\"n\":3}");
}

TEST(Rfc9112Section9_3_2, pipelined_requests_are_answered_in_their_order) {
    Gateway gateway;
    std::string requests;
    for (int i = 0; i < 50; ++i)
        requests += i % 5 == 0 ? "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" : kRequest;
    const Heard heard = gateway.exchange(requests, 50);
    ASSERT_EQ(heard.answers.size(), 50U);
    int number = 0;
    for (std::size_t i = 0; i < 50; ++i) {
        if (i % 5 == 0) continue;
        EXPECT_EQ(heard.answers[i].body, "{\"n\":" + std::to_string(++number) + "}");
    }
}

TEST(Rfc9112Section9_5, a_connection_that_the_server_has_closed_is_not_used_again) {
    Gateway gateway([](const Message& request, int number) {
        Reply reply = RecordingBackend::answer_with_number(request, number);
        reply.close = true;
        return reply;
    });
    for (int n = 1; n <= 3; ++n) {
        EXPECT_EQ(gateway.exchange(kRequest).answers.at(0).status(), 200);
        EXPECT_TRUE(worker::Harness::until([&] {
            return gateway.harness.metrics.connections_active[ConnectionSide::backend].value() == 0;
        }));
    }
}

TEST(Rfc9112Section9_6, nothing_is_processed_after_close) {
    Gateway gateway;
    const Heard heard = gateway.exchange(post_with("Connection: close\r\n") + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].field("connection"), "close");
    EXPECT_TRUE(heard.closed);
    EXPECT_EQ(gateway.backend.requests().size(), 1U);
}

TEST(Rfc9112Section9_6, a_server_that_says_close_is_not_asked_again) {
    Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U);
    EXPECT_EQ(heard.answers[0].count("connection"), 0U);
    EXPECT_EQ(connections_of(gateway), 2U);
}

// Closing at once would make the kernel send RST, which can destroy the answer on its way.
TEST(Rfc9112Section9_6, an_early_answer_survives_what_the_client_still_sends) {
    const Gateway gateway;
    worker::Line line = gateway.harness.connect();
    line.send(std::string(kPost) + "Content-Length: 5000000\r\n\r\n");
    const std::string head = line.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 413 ")) << head;
    line.send(std::string(1'000'000, 'x'));
    EXPECT_TRUE(line.read_until("}}").ends_with("}}"));
    EXPECT_TRUE(line.peer_ends());
}

TEST(Rfc9110Section5_3, a_head_that_grows_beyond_the_limit_by_our_fields_is_431) {
    Gateway gateway;
    std::string lines;
    for (std::size_t i = 2; i < limits::header_fields_max; ++i)
        lines += "X: y\r\n";
    const Heard heard = gateway.exchange(post_with(lines));
    EXPECT_EQ(status_of(heard), 431) << heard.text();
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9110Section6_6_1, an_answer_without_date_gets_one) {
    const Gateway gateway;
    const Heard heard = gateway.exchange(kRequest);
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].count("date"), 1U);
    EXPECT_TRUE(heard.answers[0].field("date").ends_with(" GMT"));
}

TEST(Rfc9110Section7_6_1, fields_named_by_connection_stop_here_both_ways) {
    const std::string lines =
        "Connection: X-A\r\nX-A: 1\r\nConnection: x-b , ,x-c\r\nX-B: 1\r\n"
        "X-C: 1\r\nX-D: 1\r\n";
    Gateway gateway(answering("HTTP/1.1 200 OK\r\n" + lines + "Content-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with(lines));
    ASSERT_EQ(heard.answers.size(), 1U);
    for (const Message& message : {heard.answers[0], gateway.backend.requests().at(0)}) {
        for (const char* name : {"x-a", "x-b", "x-c", "connection"})
            EXPECT_EQ(message.count(name), 0U) << name;
        EXPECT_EQ(message.field("x-d"), "1");
    }
}

TEST(Rfc9110Section7_6_1, fields_of_one_hop_stop_here_both_ways) {
    const std::string lines =
        "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: x\r\n"
        "Upgrade: h2c\r\nTrailer: X\r\nProxy-Authorization: x\r\n"
        "Proxy-Authenticate: x\r\n";
    Gateway gateway(answering("HTTP/1.1 200 OK\r\n" + lines + "Content-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with(lines));
    ASSERT_EQ(heard.answers.size(), 1U);
    for (const Message& message : {heard.answers[0], gateway.backend.requests().at(0)})
        for (const char* name : {"keep-alive", "proxy-connection", "te", "upgrade", "trailer",
                                 "proxy-authorization", "proxy-authenticate"})
            EXPECT_EQ(message.count(name), 0U) << name;
}

TEST(Rfc9110Section7_6_2, max_forwards_is_for_methods_that_go_no_further) {
    Gateway gateway;
    const std::string lines = " HTTP/1.1\r\nHost: localhost\r\nMax-Forwards: 5\r\n\r\n";
    EXPECT_EQ(status_of(gateway.exchange("OPTIONS /adapters/a/mcp" + lines)), 204);
    EXPECT_EQ(status_of(gateway.exchange("TRACE /adapters/a/mcp" + lines)), 501);
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9110Section7_6_3, a_forwarded_request_says_what_it_came_through) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(post_with("Via: 1.1 before\r\n"))), 200);
    const Message request = gateway.backend.requests().at(0);
    EXPECT_EQ(request.count("via"), 2U);
    EXPECT_EQ(request.field("via"), "1.1 before");
    EXPECT_TRUE(gateway.backend.record().at(0).bytes.contains("Via: 1.1 mcp-gateway\r\n"));
}

TEST(Rfc9110Section7_7, the_content_passes_unchanged) {
    std::string content;
    for (int i = 0; i < 70'000; ++i)
        content += static_cast<char>(i * 7 % 256);
    Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 70000"
                  "\r\n\r\n" +
                  content));
    const Heard heard = gateway.exchange(std::string(kPost) + "Content-Encoding: br\r\n" +
                                         "Content-Length: 70000\r\n\r\n" + content);
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].body == content, true);
    EXPECT_EQ(gateway.backend.requests().at(0).body == content, true);
    EXPECT_EQ(gateway.backend.requests().at(0).field("content-encoding"), "br");
}

TEST(Rfc9110Section7_8, an_upgrade_is_ignored_and_the_request_served) {
    Gateway gateway;
    const Heard heard =
        gateway.exchange(post_with("Connection: upgrade\r\nUpgrade: websocket\r\n"));
    EXPECT_EQ(status_of(heard), 200);
    EXPECT_EQ(gateway.backend.requests().at(0).count("upgrade"), 0U);
}

TEST(Rfc9110Section8_6, no_length_goes_with_an_answer_204) {
    const Gateway gateway(answering("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"));
    const Heard heard = gateway.exchange(kRequest);
    ASSERT_EQ(status_of(heard), 204);
    EXPECT_EQ(heard.answers[0].count("content-length"), 0U);
}

TEST(Rfc9110Section9_3_2, an_answer_to_head_has_no_content) {
    const Gateway gateway;
    const Heard heard = gateway.exchange({"HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                          "HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                          "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"},
                                         3, {"HEAD", "HEAD", "GET"});
    ASSERT_EQ(heard.answers.size(), 3U) << heard.text() << heard.rest;
    EXPECT_EQ(heard.answers[0].field("content-length"), heard.answers[2].field("content-length"));
    EXPECT_EQ(heard.answers[1].status(), 404);
    EXPECT_EQ(heard.answers[2].status(), 200);
}

TEST(Rfc9110Section10_1_1, an_expectation_that_nobody_knows_is_417) {
    const Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(post_with("Expect: 200-ok\r\n"))), 417);
}

TEST(Rfc9110Section10_1_1, an_expectation_of_100_is_met_here_and_goes_no_further) {
    Gateway gateway;
    worker::Line line = gateway.harness.connect();
    line.send(std::string(kPost) + "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(line.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    line.send("{}");
    EXPECT_EQ(status_of(Gateway::listen(line, 1)), 200);
    EXPECT_EQ(gateway.backend.requests().at(0).count("expect"), 0U);
}

TEST(Rfc9110Section10_1_1, no_100_goes_to_http10_or_where_no_body_comes) {
    const Gateway gateway;
    const std::string expect = "Host: localhost\r\nExpect: 100-continue\r\n";
    for (const std::string& request :
         {"POST /adapters/a/mcp HTTP/1.0\r\n" + expect + "Content-Length: 2\r\n\r\n{}",
          "POST /adapters/a/mcp HTTP/1.1\r\n" + expect + "\r\n",
          "POST /adapters/a/mcp HTTP/1.1\r\n" + expect + "Content-Length: 0\r\n\r\n"}) {
        const Heard heard = gateway.exchange(request);
        ASSERT_EQ(heard.answers.size(), 1U) << heard.text();
        EXPECT_EQ(heard.answers[0].status(), 200);
    }
}

TEST(Rfc9110Section10_1_1, a_final_answer_in_place_of_100_ends_the_connection_or_reads_on) {
    const Gateway gateway;
    const Heard heard = gateway.exchange(
        "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        "Content-Length: 2\r\n\r\n",
        2);
    ASSERT_EQ(heard.answers.size(), 1U) << heard.text();
    EXPECT_EQ(heard.answers[0].status(), 404);
    EXPECT_EQ(heard.answers[0].field("connection"), "close");
    EXPECT_TRUE(heard.closed);
}

TEST(Rfc9110Section15_2, interim_answers_are_forwarded_before_the_final_one) {
    const Gateway gateway(answering(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n"
        "Connection: X-A\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(kRequest);
    ASSERT_EQ(heard.answers.size(), 3U) << heard.text();
    EXPECT_EQ(heard.answers[0].status(), 102);
    EXPECT_EQ(heard.answers[1].field("link"), "</x>");
    EXPECT_EQ(heard.answers[1].count("x-a") + heard.answers[1].count("connection"), 0U);
    EXPECT_EQ(heard.answers[2].status(), 200);
}

TEST(Rfc9110Section15_2, interim_answers_do_not_go_to_http10) {
    const Gateway gateway(answering(
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(
        "POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(heard.text(), "HTTP/1.1 200 OK\n{}\n");
}

TEST(Rfc9110Section15_2, a_flood_of_interim_answers_is_502) {
    std::string flood;
    for (int i = 0; i < 10'000; ++i)
        flood += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    const Gateway gateway(answering(flood));
    const Heard heard = gateway.exchange(kRequest);
    EXPECT_EQ(status_of(heard), 502) << heard.text();
    EXPECT_LE(heard.answers.size(), limits::interim_answers_max + 1);
}

TEST(Rfc9110Section15_2_2, a_switch_of_protocols_is_502) {
    const Gateway gateway(answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
    EXPECT_EQ(status_of(gateway.exchange(post_with("Connection: upgrade\r\nUpgrade: x\r\n"))), 502);
}

}  // namespace
}  // namespace mcpgw::http1
