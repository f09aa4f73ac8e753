// Answers of servers that two readers could cut in two ways: the client gets one whole answer of
// the one spelling that plain_message.h accepts, or 502, or a connection that breaks off visibly;
// and what a server says unasked is nobody's answer.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

constexpr std::string_view kOther =
    "HTTP/1.1 200 OK\r\nX-Hidden: 1\r\nContent-Length: 6\r\n\r\nhidden";
std::string ok(std::string_view rest) {
    return "HTTP/1.1 200 OK\r\n" + std::string(rest);
}
std::string chunked_answer(std::string_view body) {
    return ok("Transfer-Encoding: chunked\r\n\r\n") + std::string(body);
}

struct Answer {
    std::string name;
    std::string bytes;
    std::string body = {};  // that the client gets
};
void PrintTo(const Answer& answer, std::ostream* out) {
    *out << answer.name;
}
std::string name_of_answer(const testing::TestParamInfo<Answer>& info) {
    return info.param.name;
}

// The first request gets the bytes of the test, every further one its number.
RecordingBackend::Script first(const std::string& bytes) {
    return [bytes](const Message& request, int number) {
        return number == 1 ? Reply{bytes} : RecordingBackend::answer_with_number(request, number);
    };
}

std::vector<Answer> bad_heads() {
    const std::string body = "{}" + std::string(kOther);
    return {
        {"length_twice_the_same", ok("Content-Length: 2\r\nContent-Length: 2\r\n\r\n") + body},
        {"length_twice_different", ok("Content-Length: 2\r\ncontent-length: 9\r\n\r\n") + body},
        {"length_list", ok("Content-Length: 2, 2\r\n\r\n") + body},
        {"length_plus", ok("Content-Length: +2\r\n\r\n") + body},
        {"length_minus", ok("Content-Length: -2\r\n\r\n") + body},
        {"length_empty", ok("Content-Length:\r\n\r\n") + body},
        {"length_over_64_bits", ok("Content-Length: 18446744073709551618\r\n\r\n") + body},
        {"length_and_coding",
         ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")},
        {"coding_and_length",
         ok("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n")},
        {"coding_unknown", ok("Transfer-Encoding: gzip\r\n\r\n") + body},
        {"coding_not_chunked_at_last", ok("Transfer-Encoding: chunked, gzip\r\n\r\n") + body},
        {"coding_twice",
         ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
        {"coding_in_http10",
         "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
        {"coding_blank_before_colon", ok("Transfer-Encoding : chunked_answer\r\n\r\n0\r\n\r\n")},
        {"field_folded", ok("X: y\r\n z\r\nContent-Length: 2\r\n\r\n{}")},
        {"field_before_a_blank", "HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\n{}"},
        {"field_with_zero", ok("X: y" + kZero + "\r\nContent-Length: 2\r\n\r\n{}")},
        {"field_with_bare_cr", ok("X: y\rz\r\nContent-Length: 2\r\n\r\n{}")},
        {"field_with_bare_lf", ok("X: y\nContent-Length: 2\r\n\r\n{}")},
        {"field_without_colon", ok("X\r\nContent-Length: 2\r\n\r\n{}")},
        {"head_ends_with_lf", ok("Content-Length: 2\r\n\n{}")},
        {"head_too_large", ok("X: " + std::string(70000, 'y') + "\r\n\r\n")},
        {"empty_line_before", "\r\n" + ok("Content-Length: 2\r\n\r\n{}")},
        {"no_status_line", "hello\r\n\r\n"},
        {"body_without_head", "{}"},
        {"status_of_two_digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"status_of_four_digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"status_below_100", "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"version_of_http2", "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"version_of_http2_with_minor", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"version_lower_case", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"version_of_icy", "ICY 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"reason_with_zero", "HTTP/1.1 200 O" + kZero + "K\r\nContent-Length: 2\r\n\r\n{}"},
        {"switching_protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
    };
}

class BadHead : public testing::TestWithParam<Answer> {};

TEST_P(BadHead, is_502_and_the_servers_connection_is_given_up) {
    // A head without an end needs the end of the connection to be seen as wrong.
    const bool endless = !GetParam().bytes.contains("\r\n");
    Gateway gateway([endless](const Message& request, int number) {
        Reply reply = first(GetParam().bytes)(request, number);
        reply.close = number == 1 && endless;
        return reply;
    });
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
    EXPECT_EQ(heard.answers[0].status(), 502) << heard.text();
    EXPECT_EQ(heard.answers[0].count("x-hidden"), 0U);
    EXPECT_EQ(heard.answers[1].body, "{\"n\":2}");
    EXPECT_EQ(gateway.backend.record().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(all, BadHead, testing::ValuesIn(bad_heads()), name_of_answer);

std::vector<Answer> bad_bodies() {
    const std::string good = "2\r\n{}\r\n";
    return {
        {"size_empty", chunked_answer(good + "\r\nx\r\n0\r\n\r\n")},
        {"size_minus", chunked_answer(good + "-1\r\nx\r\n0\r\n\r\n")},
        {"size_prefixed", chunked_answer(good + "0x1\r\nx\r\n0\r\n\r\n")},
        {"size_over_64_bits", chunked_answer(good + "10000000000000001\r\nx\r\n0\r\n\r\n")},
        {"size_ends_with_lf", chunked_answer(good + "1\nx\r\n0\r\n\r\n")},
        {"data_longer_than_size", chunked_answer(good + "1\r\nxx\r\n0\r\n\r\n")},
        {"data_ends_with_lf", chunked_answer(good + "1\r\nx\n0\r\n\r\n")},
        {"extension_with_cr", chunked_answer(good + "1;a\rb\r\nx\r\n0\r\n\r\n")},
        {"extension_too_long",
         chunked_answer(good + "1;" + std::string(300, 'a') + "\r\nx\r\n0\r\n\r\n")},
        {"trailer_folded", chunked_answer(good + "0\r\nX: y\r\n z\r\n\r\n")},
        {"trailer_with_blank", chunked_answer(good + "0\r\nX : y\r\n\r\n")},
        {"trailer_too_large",
         chunked_answer(good + "0\r\nX: " + std::string(9000, 'y') + "\r\n\r\n")},
    };
}

class BadBody : public testing::TestWithParam<Answer> {};

TEST_P(BadBody, breaks_the_clients_connection_before_the_last_chunk) {
    Gateway gateway(first(GetParam().bytes));
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    // What was wrong may be known before the head has left; then it is 502, and all is well.
    if (heard.answers.empty()) {
        EXPECT_TRUE(heard.closed);
        EXPECT_FALSE(heard.rest.contains("0\r\n\r\n")) << heard.rest;
    } else {
        EXPECT_EQ(heard.answers[0].status(), 502) << heard.text();
    }
    for (const Message& answer : heard.answers)
        EXPECT_EQ(answer.count("x-hidden"), 0U);
}

INSTANTIATE_TEST_SUITE_P(all, BadBody, testing::ValuesIn(bad_bodies()), name_of_answer);

std::vector<Answer> answer_spellings() {
    return {
        {"length_with_zeros", ok("Content-Length: 0002\r\n\r\n{}"), "{}"},
        {"names_in_other_case", ok("content-LENGTH:2\r\n\r\n{}"), "{}"},
        {"coding_in_other_case", ok("TRANSFER-encoding: CHUNKED \r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
         "{}"},
        {"chunk_extensions", chunked_answer("2;a=b;c=\"d\"\r\n{}\r\n0;e\r\n\r\n"), "{}"},
        {"chunk_sizes_with_zeros", chunked_answer("0002\r\n{}\r\n0000\r\n\r\n"), "{}"},
        {"trailers_with_framing",
         chunked_answer("2\r\n{}\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n"),
         "{}"},
        {"trailers_with_cookies", chunked_answer("2\r\n{}\r\n0\r\nSet-Cookie: a=b\r\n\r\n"), "{}"},
        {"reason_missing", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "{}"},
        {"reason_not_ascii", "HTTP/1.1 200 \xC3\x84h\r\nContent-Length: 2\r\n\r\n{}", "{}"},
        {"version_1_0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}"},
        {"version_1_9", "HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}"},
        {"connection_names_length",
         ok("Connection: Content-Length, X-Hidden\r\nX-Hidden: 1\r\nContent-Length: 2\r\n\r\n{}"),
         "{}"},
        {"fields_of_the_hop",
         ok("Keep-Alive: timeout=9\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\n"
            "Content-Length: 2\r\n\r\n{}"),
         "{}"},
        {"cookies", ok("Set-Cookie: a=b\r\nServer: x\r\nContent-Length: 2\r\n\r\n{}"), "{}"},
    };
}

class OtherSpelling : public testing::TestWithParam<Answer> {};

TEST_P(OtherSpelling, reaches_the_client_in_one_spelling) {
    Gateway gateway(first(GetParam().bytes));
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
    const Message& answer = heard.answers[0];
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body, GetParam().body);
    for (const char* absent :
         {"x-hidden", "set-cookie", "server", "keep-alive", "upgrade", "proxy-connection", "te"})
        EXPECT_EQ(answer.count(absent), 0U) << absent;
    for (const auto& [name, value] : answer.trailers)
        EXPECT_TRUE(name.starts_with("x-")) << name;
    EXPECT_EQ(heard.answers[1].body, "{\"n\":2}");
}

INSTANTIATE_TEST_SUITE_P(all, OtherSpelling, testing::ValuesIn(answer_spellings()), name_of_answer);

std::vector<Answer> unasked_answers() {
    const std::string other(kOther);
    return {
        {"behind_a_counted_body", ok("Content-Length: 2\r\n\r\n{}") + other, "{}"},
        {"behind_the_last_chunk", chunked_answer("2\r\n{}\r\n0\r\n\r\n") + other, "{}"},
        {"behind_204", "HTTP/1.1 204 No Content\r\n\r\n" + other, ""},
        {"behind_204_with_a_length",
         "HTTP/1.1 204 No Content\r\nContent-Length: " + std::to_string(other.size()) + "\r\n\r\n" +
             other,
         ""},
        {"behind_204_with_a_coding",
         "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + other, ""},
        {"behind_304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + other, ""},
        {"behind_an_empty_body", ok("Content-Length: 0\r\n\r\n") + other, ""},
    };
}

class UnaskedAnswer : public testing::TestWithParam<Answer> {};

TEST_P(UnaskedAnswer, is_given_to_nobody_and_ends_the_servers_connection) {
    Gateway gateway(first(GetParam().bytes));
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
    EXPECT_EQ(heard.answers[0].body, GetParam().body);
    EXPECT_EQ(heard.answers[1].body, "{\"n\":2}");
    EXPECT_EQ(gateway.backend.record().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(all, UnaskedAnswer, testing::ValuesIn(unasked_answers()), name_of_answer);

TEST(Answer, that_comes_unasked_on_an_idle_connection_is_given_to_nobody) {
    Gateway gateway;
    EXPECT_EQ(gateway.exchange(kRequest).answers.size(), 1U);
    gateway.backend.blurt(std::string(kOther));
    ASSERT_TRUE(worker::Harness::until([&] { return gateway.backend.record()[0].ended; }));
    const Heard heard = gateway.exchange(kRequest);
    EXPECT_EQ(heard.text(), "HTTP/1.1 200 OK\n{\"n\":2}\n");
}

TEST(Answer, of_204_that_announces_a_body_ends_the_servers_connection) {
    Gateway gateway(first("HTTP/1.1 204 No Content\r\nContent-Length: 50\r\n\r\n"));
    const Heard heard = gateway.exchange(kRequest + kRequest, 2);
    ASSERT_EQ(heard.answers.size(), 2U) << heard.text();
    EXPECT_EQ(heard.answers[0].status(), 204);
    EXPECT_EQ(gateway.backend.record().size(), 2U);
}

TEST(Answer, with_an_empty_session_id_or_one_with_blanks_is_502) {
    for (const char* id : {"a b", "\xC3\xA4", ""}) {
        Gateway gateway(
            first(ok("Mcp-Session-Id: " + std::string(id) + "\r\nContent-Length: 2\r\n\r\n{}")));
        const Heard heard = gateway.exchange(kRequest);
        ASSERT_EQ(heard.answers.size(), 1U) << heard.text();
        EXPECT_EQ(heard.answers[0].status(), 502) << heard.text();
    }
}

TEST(Answer, cut_short_of_its_length_breaks_the_clients_connection) {
    Gateway gateway(
        [](const Message&, int) { return Reply{ok("Content-Length: 9\r\n\r\n{}"), true}; });
    const Heard heard = gateway.exchange(kRequest);
    EXPECT_TRUE(heard.closed);
    EXPECT_TRUE(heard.answers.empty() || heard.answers[0].status() == 502) << heard.text();
}

TEST(Answer, cut_short_of_its_last_chunk_breaks_the_clients_connection) {
    Gateway gateway([](const Message&, int) { return Reply{chunked_answer("2\r\n{}\r\n"), true}; });
    const Heard heard = gateway.exchange(kRequest);
    EXPECT_TRUE(heard.closed);
    EXPECT_TRUE(heard.answers.empty() || heard.answers[0].status() == 502) << heard.text();
}

}  // namespace
}  // namespace mcpgw::http1
