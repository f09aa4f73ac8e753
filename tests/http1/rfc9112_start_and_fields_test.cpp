// RFC 9112 sections 2 to 5: message, request line, status line, field lines. One test for each rule
// that concerns an intermediary; docs/internals/http1-rules.md lists them.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

constexpr std::string_view kBody = "Content-Length: 2\r\n\r\n{}";

TEST(Rfc9112Section2_2, octets_above_127_go_through_as_they_are) {
    Gateway gateway(answering("HTTP/1.1 200 \xE4\r\nX: \xFF\xC3\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with("X: \x80\xFF\r\n"));
    ASSERT_EQ(status_of(heard), 200);
    EXPECT_EQ(heard.answers[0].field("x"), "\xFF\xC3");
    EXPECT_EQ(gateway.backend.requests().at(0).field("x"), "\x80\xFF");
}

TEST(Rfc9112Section2_2, a_bare_lf_ends_no_line) {
    Gateway gateway(answering("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"));
    EXPECT_EQ(last_status(gateway, "POST /adapters/a/mcp HTTP/1.1\nHost: localhost\n\n"), 400);
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

TEST(Rfc9112Section2_2, a_bare_cr_makes_a_message_invalid) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_EQ(last_status(gateway, post_with("X: a\rb\r\n")), 400);
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

TEST(Rfc9112Section2_2, empty_lines_before_a_request_line_are_skipped) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange("\r\n" + post_with("") + "\r\n\r\n" + post_with(""), 2)),
              200);
    EXPECT_EQ(gateway.backend.requests().size(), 2U);
}

TEST(Rfc9112Section2_2, nothing_stands_before_or_behind_a_forwarded_request) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange("\r\n" + post_with("") + post_with(""), 2)), 200);
    const std::vector<RecordingBackend::Connection> record = gateway.backend.record();
    ASSERT_EQ(record.size(), 1U);
    EXPECT_EQ(record[0].requests.size(), 2U);
    EXPECT_EQ(record[0].consumed, record[0].bytes.size());
    EXPECT_TRUE(record[0].bytes.starts_with("POST "));
}

TEST(Rfc9112Section2_2, white_space_before_the_first_field_is_refused) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_EQ(last_status(gateway, "GET /ping HTTP/1.1\r\n X: y\r\nHost: localhost\r\n\r\n"), 400);
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

TEST(Rfc9112Section2_2, what_is_no_request_gets_400_and_the_end) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, "\x16\x03\x01\x02\x00\x01\xFC\x03\x03"), 400);
    EXPECT_EQ(last_status(gateway, "EHLO localhost\r\n\r\n"), 400);
    EXPECT_EQ(last_status(gateway, "{\"jsonrpc\":\"2.0\"}\r\n\r\n"), 400);
}

TEST(Rfc9112Section2_3, forwarded_messages_carry_the_gateways_own_version) {
    Gateway gateway(answering("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    for (const std::string version : {"1.0", "1.1", "1.9"}) {
        const Heard heard = gateway.exchange("POST /adapters/a/mcp HTTP/" + version +
                                             "\r\nHost: localhost\r\n" + std::string(kBody));
        ASSERT_EQ(heard.answers.size(), 1U);
        EXPECT_TRUE(heard.answers[0].start.starts_with("HTTP/1.1 200"));
    }
    ASSERT_EQ(gateway.backend.requests().size(), 3U);
    for (const Message& request : gateway.backend.requests())
        EXPECT_TRUE(request.start.ends_with(" HTTP/1.1")) << request.start;
}

TEST(Rfc9112Section2_3, the_name_of_the_version_is_case_sensitive) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, "GET /ping http/1.1\r\nHost: localhost\r\n\r\n"), 400);
}

TEST(Rfc9112Section2_3, another_major_version_is_505) {
    Gateway gateway(answering("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_EQ(last_status(gateway, "GET /ping HTTP/2.0\r\nHost: localhost\r\n\r\n"), 505);
    EXPECT_EQ(last_status(gateway, "GET /ping HTTP/3.0\r\nHost: localhost\r\n\r\n"), 505);
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

TEST(Rfc9112Section3, one_space_separates_the_parts_of_a_request_line) {
    const Gateway gateway;
    for (const std::string line :
         {"GET  /ping HTTP/1.1", "GET\t/ping HTTP/1.1", "GET /ping\tHTTP/1.1",
          "GET /ping  HTTP/1.1", "GET /ping HTTP/1.1 ", "GET /ping\vHTTP/1.1"})
        EXPECT_EQ(last_status(gateway, line + "\r\nHost: localhost\r\n\r\n"), 400) << line;
}

TEST(Rfc9112Section3, an_invalid_request_line_is_not_corrected) {
    Gateway gateway;
    EXPECT_EQ(last_status(gateway, "POST /adapters/a/mcp x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              400);
    EXPECT_EQ(last_status(gateway, "POST /adapters/a/mcp\r\nHost: localhost\r\n\r\n"), 400);
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9112Section3, a_request_line_of_8000_octets_is_taken) {
    Gateway gateway;
    const std::string line = "POST /adapters/a/mcp?" + std::string(8000, 'q') + " HTTP/1.1\r\n";
    EXPECT_EQ(status_of(gateway.exchange(line + "Host: localhost\r\n" + std::string(kBody))), 200);
}

TEST(Rfc9112Section3, a_target_over_the_limit_is_414) {
    const Gateway gateway;
    const std::string target = "/" + std::string(limits::target_bytes_max, 'a');
    EXPECT_EQ(last_status(gateway, "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414);
}

TEST(Rfc9112Section3_1, the_method_is_case_sensitive) {
    Gateway gateway;
    const Heard heard = gateway.exchange("post /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" +
                                         std::string(kBody));
    EXPECT_EQ(status_of(heard), 405);
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9112Section3_2, a_request_without_host_is_400) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, "GET /ping HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(last_status(gateway, "GET http://localhost/ping HTTP/1.1\r\n\r\n"), 400);
}

TEST(Rfc9112Section3_2, a_request_with_two_hosts_is_400) {
    const Gateway gateway;
    const std::string line = "GET /ping HTTP/1.1\r\nHost: localhost\r\n";
    EXPECT_EQ(last_status(gateway, line + "Host: localhost\r\n\r\n"), 400);
    EXPECT_EQ(last_status(gateway, line + "X: y\r\nHOST: other\r\n\r\n"), 400);
}

TEST(Rfc9112Section3_2, a_host_that_is_none_is_400) {
    const Gateway gateway;
    for (const std::string host : {"", "a b", "a/b", "a@b", "a:b", "[::1", "a,b c", "a?b", "a#b"})
        EXPECT_EQ(last_status(gateway, "GET /ping HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 400)
            << host;
}

TEST(Rfc9112Section3_2, the_server_gets_its_own_authority_as_the_first_field) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 200);
    const Message request = gateway.backend.requests().at(0);
    EXPECT_EQ(request.count("host"), 1U);
    EXPECT_EQ(request.fields.at(0).first, "host");
    EXPECT_EQ(request.fields.at(0).second, "127.0.0.1:" + std::to_string(gateway.backend.port()));
}

TEST(Rfc9112Section3_2_1, a_forwarded_target_is_in_origin_form) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 200);
    EXPECT_EQ(status_of(gateway.exchange("POST http://localhost/adapters/a/mcp HTTP/1.1\r\n"
                                         "Host: localhost\r\n" +
                                         std::string(kBody))),
              200);
    ASSERT_EQ(gateway.backend.requests().size(), 2U);
    for (const Message& request : gateway.backend.requests())
        EXPECT_EQ(request.start, "POST /mcp HTTP/1.1");
}

TEST(Rfc9112Section3_2_2, absolute_form_is_accepted) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange("GET http://localhost/ping HTTP/1.1\r\n"
                                         "Host: localhost\r\n\r\n")),
              200);
}

TEST(Rfc9112Section3_2_2, the_authority_of_the_target_replaces_host) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange("POST http://localhost:7/adapters/a/mcp HTTP/1.1\r\n"
                                         "Host: evil.test\r\n" +
                                         std::string(kBody))),
              200);
    const Message request = gateway.backend.requests().at(0);
    EXPECT_TRUE(request.field("forwarded").contains("host=\"localhost:7\""));
    EXPECT_FALSE(gateway.backend.record().at(0).bytes.contains("evil.test"));
}

TEST(Rfc9112Section3_2_3, authority_form_is_for_connect_only) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, "GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    EXPECT_EQ(last_status(gateway, "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              501);
}

TEST(Rfc9112Section3_2_4, asterisk_form_is_for_options_only) {
    Gateway gateway;
    EXPECT_EQ(last_status(gateway, "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    const Heard heard = gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status_of(heard), 204);
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9112Section3_3, a_request_for_another_authority_is_refused) {
    Gateway gateway;
    EXPECT_EQ(status_of(gateway.exchange("POST /adapters/a/mcp HTTP/1.1\r\nHost: evil.test\r\n" +
                                         std::string(kBody))),
              403);
    EXPECT_TRUE(gateway.backend.requests().empty());
}

TEST(Rfc9112Section4, a_status_line_without_reason_keeps_its_space) {
    Gateway gateway(answering("HTTP/1.1 599\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with(""));
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].start, "HTTP/1.1 599 ");
}

TEST(Rfc9112Section4, the_reason_phrase_decides_nothing) {
    Gateway gateway(answering("HTTP/1.1 200 Not Found: 404\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with(""));
    EXPECT_EQ(status_of(heard), 200);
    EXPECT_EQ(heard.answers[0].body, "{}");
}

TEST(Rfc9112Section4, a_status_that_is_not_three_digits_is_502) {
    for (const std::string status : {"20", "2000", "2x0", "-20", "099", ""}) {
        const Gateway gateway(answering("HTTP/1.1 " + status + " OK\r\nContent-Length: 0\r\n\r\n"));
        EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502) << status;
    }
}

TEST(Rfc9112Section5, unknown_fields_go_through_both_ways) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\nX-New: b\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with("X-New: a\r\nempty:\r\n"));
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(heard.answers[0].field("x-new"), "b");
    EXPECT_EQ(gateway.backend.requests().at(0).field("x-new"), "a");
    EXPECT_EQ(gateway.backend.requests().at(0).count("empty"), 1U);
}

TEST(Rfc9112Section5, field_names_ignore_case) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(
        "POST /adapters/a/mcp HTTP/1.1\r\nhOST: localhost\r\ncONTENT-lENGTH: 2\r\n"
        "cONNECTION: X-Gone\r\nx-gONE: 1\r\n\r\n{}");
    EXPECT_EQ(status_of(heard), 200);
    EXPECT_EQ(gateway.backend.requests().at(0).body, "{}");
    EXPECT_EQ(gateway.backend.requests().at(0).count("x-gone"), 0U);
}

TEST(Rfc9112Section5, lines_of_one_name_keep_their_order) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\nX: 3\r\nx: 4\r\nContent-Length: 2\r\n\r\n{}"));
    const Heard heard = gateway.exchange(post_with("X: 1\r\nY: 0\r\nx: 2\r\n"));
    const auto values = [](const Message& message) {
        std::string all;
        for (const auto& [name, value] : message.fields)
            if (name == "x") all += value;
        return all;
    };
    ASSERT_EQ(heard.answers.size(), 1U);
    EXPECT_EQ(values(heard.answers[0]), "34");
    EXPECT_EQ(values(gateway.backend.requests().at(0)), "12");
}

TEST(Rfc9112Section5_1, white_space_before_a_colon_is_400) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, post_with("X : y\r\n")), 400);
    EXPECT_EQ(last_status(gateway, post_with("X\t: y\r\n")), 400);
}

TEST(Rfc9112Section5_1, white_space_before_a_colon_of_an_answer_is_not_forwarded) {
    const Gateway gateway(answering("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

TEST(Rfc9112Section5_1, white_space_around_a_value_is_no_part_of_it) {
    Gateway gateway(answering("HTTP/1.1 200 OK\r\nContent-Length:\t 2 \t\r\n\r\n{}"));
    const Heard heard =
        gateway.exchange(std::string(kPost) + "X:\t y z \t\r\nContent-Length: \t2\t \r\n\r\n{}");
    EXPECT_EQ(status_of(heard), 200);
    EXPECT_EQ(gateway.backend.requests().at(0).field("x"), "y z");
    EXPECT_EQ(gateway.backend.requests().at(0).body, "{}");
}

TEST(Rfc9112Section5_2, a_folded_line_of_a_request_is_400) {
    const Gateway gateway;
    EXPECT_EQ(last_status(gateway, post_with("X: y\r\n z\r\n")), 400);
    EXPECT_EQ(last_status(gateway, post_with("X: y\r\n\tz\r\n")), 400);
}

TEST(Rfc9112Section5_2, a_folded_line_of_an_answer_is_502) {
    const Gateway gateway(
        answering("HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_EQ(status_of(gateway.exchange(post_with(""))), 502);
}

}  // namespace
}  // namespace mcpgw::http1
