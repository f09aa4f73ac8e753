// RFC 9112 sections 6 to 8: message bodies, transfer codings, incomplete messages. One test for
// each rule that concerns an intermediary; docs/internals/http1-rules.md lists them.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

std::string body_of(Gateway& gateway, std::string_view bytes) {
    EXPECT_EQ(status_of(gateway.exchange(bytes)), 200);
    const std::vector<Message> requests = gateway.backend.requests();
    return requests.empty() ? "none" : requests.back().body;
}

TEST(Rfc9112Section6, the_framing_does_not_depend_on_the_method) {
    Gateway gateway;
    for (const std::string method : {"GET", "POST", "DELETE"}) {
        const std::string line = method + " /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n";
        EXPECT_EQ(body_of(gateway, line + "Content-Length: 3\r\n\r\n[1]"), "[1]");
        EXPECT_EQ(body_of(gateway, line + "Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n\r\n"),
                  "2");
        EXPECT_EQ(body_of(gateway, line + "\r\n"), "");
    }
}

TEST(Rfc9112Section6_1, names_of_transfer_codings_ignore_case) {
    Gateway gateway;
    EXPECT_EQ(body_of(gateway, std::string(kPost) +
                                   "Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
              "{}");
    EXPECT_EQ(gateway.backend.requests().at(0).field("transfer-encoding"), "chunked");
}

TEST(Rfc9112Section6_1, a_transfer_coding_that_is_not_understood_is_501) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, std::string(kPost) + "Transfer-Encoding: gzip, chunked\r\n\r\n"),
              501);
}

TEST(Rfc9112Section6_1, chunked_is_applied_once) {
    const Gateway gateway;
    EXPECT_EQ(
        last_status(gateway, std::string(kPost) + "Transfer-Encoding: chunked, chunked\r\n\r\n"),
        501);
}

TEST(Rfc9112Section6_1, a_transfer_coding_in_http10_is_faulty_framing) {
    const Gateway gateway(
        answering("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
    EXPECT_EQ(last_status(gateway,
                          "POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\n"
                          "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "2\r\n{}\r\n0\r\n\r\n"),
              400);
    EXPECT_EQ(status_of(gateway.exchange(kRequest)), 502);
}

TEST(Rfc9112Section6_1, no_transfer_coding_goes_to_an_http10_client) {
    Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
    const Heard heard = gateway.exchange(
        "POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].count("transfer-encoding"), 0U);
    EXPECT_EQ(heard.answers[0].body, "{}");
    EXPECT_TRUE(heard.closed);
}

TEST(Rfc9112Section6_1, length_and_coding_together_are_refused) {
    const std::string both = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
    const Gateway gateway(answering("HTTP/1.1 200 OK\r\n" + both + "2\r\n{}\r\n0\r\n\r\n"));
    EXPECT_EQ(last_status(gateway, std::string(kPost) + both + "2\r\n{}\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status_of(gateway.exchange(kRequest)), 502);
}

TEST(Rfc9112Section6_1, answers_that_have_no_body_announce_none) {
    for (const std::string framing : {"Content-Length: 9", "Transfer-Encoding: chunked"}) {
        const Gateway gateway(answering("HTTP/1.1 103 Early Hints\r\n" + framing +
                                        "\r\n\r\nHTTP/1.1 204 No Content\r\n" + framing +
                                        "\r\n\r\n"));
        const Heard heard = gateway.exchange(kRequest);
        ASSERT_EQ(status_of(heard), 204) << heard.text();
        for (const Message& answer : heard.answers)
            EXPECT_EQ(answer.count("content-length") + answer.count("transfer-encoding"), 0U);
    }
}

TEST(Rfc9112Section6_2, a_known_length_is_forwarded_as_it_is) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]"));
    const Heard heard = gateway.exchange(kRequest);
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].field("content-length"), "3");
    EXPECT_EQ(gateway.backend.requests().at(0).field("content-length"), "2");
}

TEST(Rfc9112Section6_2, a_body_without_a_length_gets_none) {
    Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
    const Heard heard = gateway.exchange(chunked("2\r\n{}\r\n0\r\n\r\n"));
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].field("transfer-encoding"), "chunked");
    EXPECT_EQ(gateway.backend.requests().at(0).count("content-length"), 0U);
}

TEST(Rfc9112Section6_3, answers_204_and_304_end_with_their_head) {
    for (const std::string line : {"204 No Content", "304 Not Modified"}) {
        Gateway gateway([&line](const Message& request, int number) {
            if (number > 1) return RecordingBackend::answer_with_number(request, number);
            return Reply{"HTTP/1.1 " + line + "\r\nContent-Length: 9\r\n\r\n"};
        });
        const Heard heard = gateway.exchange(kRequest + kRequest, 2);
        ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
        EXPECT_EQ(heard.answers[0].body, "");
        EXPECT_EQ(heard.answers[1].body, "{\"n\":2}");
    }
}

TEST(Rfc9112Section6_3, a_request_whose_last_coding_is_not_chunked_is_400) {
    const Gateway gateway;
    for (const std::string coding : {"gzip", "identity", "chunked, gzip", "chunked, identity"})
        EXPECT_EQ(
            last_status(gateway, std::string(kPost) + "Transfer-Encoding: " + coding + "\r\n\r\n"),
            400)
            << coding;
}

TEST(Rfc9112Section6_3, an_answer_whose_last_coding_is_not_chunked_is_502) {
    const Gateway gateway(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", true));
    EXPECT_EQ(status_of(gateway.exchange(kRequest)), 502);
}

TEST(Rfc9112Section6_3, an_invalid_length_of_a_request_is_400) {
    const Gateway gateway;
    for (const std::string length : {"x", "1, 1", "1, 2", "-1", "", "1\r\nContent-Length: 1"})
        EXPECT_EQ(
            last_status(gateway, std::string(kPost) + "Content-Length: " + length + "\r\n\r\n{}"),
            400)
            << length;
}

TEST(Rfc9112Section6_3, an_invalid_length_of_an_answer_is_502_and_ends_its_connection) {
    Gateway gateway([](const Message& request, int number) {
        if (number > 1) return RecordingBackend::answer_with_number(request, number);
        return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}x"};
    });
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
    EXPECT_EQ(heard.answers[0].status(), 502);
    EXPECT_EQ(heard.answers[1].body, "{\"n\":2}");
    EXPECT_TRUE(gateway.backend.record().at(0).ended);
}

TEST(Rfc9112Section6_3, a_request_without_length_and_coding_has_no_body) {
    Gateway gateway;
    const Heard heard = gateway.exchange(std::string(kPost) + "\r\n" + kRequest, 2);
    EXPECT_EQ(heard.answers.size(), 2U) << heard.text();
    ASSERT_EQ(gateway.backend.requests().size(), 2U);
    EXPECT_EQ(gateway.backend.requests()[0].body, "");
}

TEST(Rfc9112Section6_3, an_answer_without_length_ends_with_its_connection) {
    const Gateway gateway(answering("HTTP/1.1 200 OK\r\n\r\nall of it", true));
    const Heard heard = gateway.exchange(kRequest);
    ASSERT_EQ(heard.answers.size(), 1U) << heard.rest;
    EXPECT_EQ(heard.answers[0].body, "all of it");
    EXPECT_EQ(heard.answers[0].field("transfer-encoding"), "chunked");
}

TEST(Rfc9112Section6_3, what_follows_an_answer_is_not_taken_for_the_next) {
    Gateway gateway([](const Message& request, int number) {
        Reply reply = RecordingBackend::answer_with_number(request, number);
        if (number == 1) reply.bytes += "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        return reply;
    });
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    EXPECT_EQ(heard.text(), "HTTP/1.1 200 OK\n{\"n\":1}\nHTTP/1.1 200 OK\n{\"n\":2}\n");
}

TEST(Rfc9112Section7_1, chunk_sizes_are_hexadecimal_in_any_case) {
    Gateway gateway;
    EXPECT_EQ(body_of(gateway, chunked("B\r\n0123456789a\r\n00b\r\n0123456789b\r\n0\r\n\r\n")),
              "0123456789a0123456789b");
}

TEST(Rfc9112Section7_1, a_chunk_size_too_large_for_the_number_is_refused) {
    const Gateway gateway;
    for (const std::string size : {"10000000000000000", "FFFFFFFFFFFFFFFFF", "8000000000000000"})
        EXPECT_EQ(last_status(gateway, chunked(size + "\r\n{}\r\n0\r\n\r\n")), 400) << size;
}

TEST(Rfc9112Section7_1, a_chunk_ends_where_its_size_says) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, chunked("2\r\n{}}\r\n0\r\n\r\n")), 400);
    EXPECT_EQ(last_status(gateway, chunked("2\r\n{\r\n0\r\n\r\n")), 400);
}

TEST(Rfc9112Section7_1, a_body_ends_with_the_chunk_of_size_zero) {
    Gateway gateway;
    const Heard heard = gateway.exchange(chunked("2\r\n{}\r\n0\r\n\r\n") + kRequest, 2);
    EXPECT_EQ(heard.answers.size(), 2U) << heard.text();
    EXPECT_EQ(gateway.backend.requests().size(), 2U);
}

TEST(Rfc9112Section7_1_1, chunk_extensions_that_nobody_knows_are_ignored) {
    Gateway gateway;
    EXPECT_EQ(body_of(gateway, chunked("2;x;y=z;q=\"a;b\"\r\n{}\r\n0;end\r\n\r\n")), "{}");
    EXPECT_FALSE(gateway.backend.record().at(0).bytes.contains(";x"));
}

TEST(Rfc9112Section7_1_1, the_length_of_chunk_extensions_is_limited) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, chunked("2;" + std::string(limits::chunk_line_bytes_max, 'x') +
                                           "\r\n{}\r\n0\r\n\r\n")),
              400);
}

TEST(Rfc9112Section7_1_2, trailers_are_never_merged_into_the_header) {
    Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
                  "Content-Type: x/y\r\nSet-Cookie: a=b\r\n\r\n"));
    const Heard heard =
        gateway.exchange(chunked("2\r\n{}\r\n0\r\nX-Mcp-UserId: root\r\nAuthorization: x\r\n\r\n"));
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].count("content-type") + heard.answers[0].count("set-cookie"), 0U);
    EXPECT_EQ(gateway.backend.requests().at(0).field("x-mcp-userid"), "dev");
    EXPECT_FALSE(gateway.backend.record().at(0).bytes.contains("uthorization"));
}

TEST(Rfc9112Section7_1_2, a_trailer_section_is_checked_and_limited) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, chunked("0\r\nX : y\r\n\r\n")), 400);
    EXPECT_EQ(last_status(gateway, chunked("0\r\nX: y\r\n z\r\n\r\n")), 400);
    EXPECT_EQ(
        last_status(gateway,
                    chunked("0\r\nX: " + std::string(limits::trailer_bytes_max, 'y') + "\r\n\r\n")),
        400);
}

TEST(Rfc9112Section7_4, te_stops_at_the_gateway) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(std::string(kPost) + "TE: trailers\r\nConnection: TE\r\n"
                                                              "Content-Length: 2\r\n\r\n{}")),
              200);
    EXPECT_EQ(gateway.backend.requests().at(0).count("te"), 0U);
    EXPECT_EQ(gateway.backend.requests().at(0).count("connection"), 0U);
}

// The server would wait for the rest and take whatever comes next for it.
TEST(Rfc9112Section8, a_request_that_breaks_off_is_never_completed) {
    const std::string large(200'000, 'x');
    for (const std::string& bytes :
         {std::string(kPost) + "Content-Length: 300000\r\n\r\n" + large,
          chunked("40000\r\n" + large), std::string(kPost) + "Content-Length: 9\r\n\r\n{}",
          chunked("2\r\n{}\r\n"), std::string(kPost)}) {
        Gateway gateway;
        {
            worker::Line line = gateway.harness.connect();
            line.send(bytes);
            line.half_close();
            EXPECT_TRUE(line.peer_ends());
        }
        EXPECT_TRUE(worker::Harness::until([&] {
            return gateway.harness.metrics.connections_active[ConnectionSide::backend].value() == 0;
        }));
        EXPECT_TRUE(gateway.backend.requests().empty());
        for (const RecordingBackend::Connection& seen : gateway.backend.record())
            EXPECT_EQ(seen.wrong, "");
    }
}

TEST(Rfc9112Section8, a_bad_chunk_behind_forwarded_ones_never_completes_the_request) {
    Gateway gateway;
    worker::Line line = gateway.harness.connect();
    line.send(chunked("30000\r\n" + std::string(0x30000, 'x')));
    const auto first_seen = [&] {
        const auto record = gateway.backend.record();
        return record.empty() ? RecordingBackend::Connection{} : record[0];
    };
    ASSERT_TRUE(worker::Harness::until([&] { return !first_seen().bytes.empty(); }));
    line.send("\r\n+2\r\n{}\r\n0\r\n\r\n");
    const Heard heard = Gateway::listen(line, 2);
    EXPECT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(status_of(heard), 400);
    ASSERT_TRUE(worker::Harness::until([&] { return first_seen().ended; }));
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9112Section8, an_answer_that_breaks_off_is_incomplete_for_the_client) {
    for (const std::string framing : {"Content-Length: 9", "Transfer-Encoding: chunked"}) {
        const Gateway gateway(answering("HTTP/1.1 200 OK\r\n" + framing + "\r\n\r\n2\r\nx", true));
        const Heard heard = gateway.exchange(kRequest);
        EXPECT_TRUE(heard.closed);
        EXPECT_TRUE(heard.answers.empty() || status_of(heard) == 502) << heard.text();
    }
}

TEST(Rfc9112Section8, a_reset_is_no_end_of_a_body_without_length) {
    const Gateway gateway([](const Message&, int) {
        return Reply{"HTTP/1.1 200 OK\r\n\r\nsome of it", false, true};
    });
    const Heard heard = gateway.exchange(kRequest);
    EXPECT_TRUE(heard.answers.empty() || status_of(heard) == 502) << heard.text();
}

}  // namespace
}  // namespace mcpgw::http1
