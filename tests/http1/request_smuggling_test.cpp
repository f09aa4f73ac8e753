// Requests that two readers could cut in two ways. Each vector is sent whole, in pieces and byte by
// byte; then either the gateway refuses it with one status, closes, and the server has seen not one
// byte, or the server sees exactly the requests that the table names, each in the one spelling that
// leaves nothing to interpret.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

std::string hide(std::string_view before) {
    return std::string(before) + std::string(kHidden);
}

struct Refused {
    std::string name;
    std::string bytes;
    int status = 400;
};

void PrintTo(const Refused& vector, std::ostream* out) {
    *out << vector.name;
}

std::vector<Refused> conflicting_framing() {
    const std::string both = "0\r\n\r\n" + std::string(kHidden);
    return {
        {"length_then_coding",
         post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n") + both},
        {"coding_then_length",
         post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n") + both},
        {"length_zero_and_coding",
         post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n") + both},
        {"length_and_coding_in_get",
         std::string(kGet) + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + both},
        {"coding_blank_before_colon", post("Transfer-Encoding : chunked\r\n\r\n") + both},
        {"coding_tab_before_colon", post("Transfer-Encoding\t: chunked\r\n\r\n") + both},
        {"coding_identity", post("Transfer-Encoding: identity\r\n\r\n") + both},
        {"coding_identity_and_length",
         post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n") + both},
        {"coding_chunked_then_identity",
         post("Transfer-Encoding: chunked, identity\r\n\r\n") + both},
        {"coding_identity_then_chunked",
         post("Transfer-Encoding: identity, chunked\r\n\r\n") + both, 501},
        {"coding_twice_in_one_list", post("Transfer-Encoding: chunked, chunked\r\n\r\n") + both,
         501},
        {"coding_gzip_then_chunked", post("Transfer-Encoding: gzip, chunked\r\n\r\n") + both, 501},
        {"coding_with_prefix", post("Transfer-Encoding: xchunked\r\n\r\n") + both},
        {"coding_with_suffix", post("Transfer-Encoding: chunkedx\r\n\r\n") + both},
        {"coding_quoted", post("Transfer-Encoding: \"chunked\"\r\n\r\n") + both},
        {"coding_with_parameter", post("Transfer-Encoding: chunked;q=1\r\n\r\n") + both},
        {"coding_with_comma", post("Transfer-Encoding: ,chunked\r\n\r\n") + both, 501},
        {"coding_empty", post("Transfer-Encoding:\r\n\r\n") + both},
        {"coding_vertical_tab", post("Transfer-Encoding: \vchunked\r\n\r\n") + both},
        {"coding_form_feed", post("Transfer-Encoding: chunked\f\r\n\r\n") + both},
        {"coding_no_break_space", post("Transfer-Encoding: \xA0"
                                       "chunked\r\n\r\n") +
                                      both},
        {"coding_folded", post("Transfer-Encoding:\r\n chunked\r\n\r\n") + both},
        {"coding_folded_by_tab", post("Transfer-Encoding: x\r\n\tchunked\r\n\r\n") + both},
        {"coding_repeated",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n") + both, 501},
        {"coding_repeated_as_identity",
         post("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n\r\n") + both},
        {"coding_in_http10",
         "POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
             both},
        {"coding_after_bare_cr", post("X: y\rTransfer-Encoding: chunked\r\n\r\n") + both},
        {"coding_after_bare_lf", post("X: y\nTransfer-Encoding: chunked\r\n\r\n") + both},
        {"coding_after_zero", post("X: y" + kZero + "Transfer-Encoding: chunked\r\n\r\n") + both},
    };
}

std::vector<Refused> bad_lengths() {
    const auto length = [](const std::string& value) {
        return hide(post("Content-Length:" + value + "\r\n\r\n{\"id\""));
    };
    return {
        {"length_twice_different", hide(post("Content-Length: 2\r\nContent-Length: 90\r\n\r\n{}"))},
        {"length_twice_the_same", hide(post("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"))},
        {"length_twice_in_two_cases",
         hide(post("Content-Length: 2\r\ncontent-length: 0\r\n\r\n{}"))},
        {"length_list", length(" 5,5")},
        {"length_list_with_blank", length(" 5, 5")},
        {"length_plus", length(" +5")},
        {"length_minus", length(" -5")},
        {"length_minus_zero", length(" -0")},
        {"length_two_numbers", length(" 5 5")},
        {"length_hexadecimal", length(" 0x5")},
        {"length_fraction", length(" 5.0")},
        {"length_exponent", length(" 5e0")},
        {"length_quoted", length(" \"5\"")},
        {"length_empty", length("")},
        {"length_blank", length("  ")},
        {"length_over_64_bits", length(" 18446744073709551621")},
        {"length_over_64_bits_by_far", length(" 184467440737095516165")},
        {"length_largest_number", length(" 18446744073709551615"), 413},
        {"length_over_the_limit", length(" 4194305"), 413},
        {"length_zero_byte", length(" 5" + kZero)},
        {"length_vertical_tab", length(" \v5")},
        {"length_arabic_digits", length(" \xD9\xA5")},
        {"length_blank_before_colon", hide(post("Content-Length : 5\r\n\r\n{\"id\""))},
        {"length_no_break_space_before_colon", hide(post("Content-Length\xA0: 5\r\n\r\n{\"id\""))},
        {"length_folded", length("\r\n 5")},
        {"length_continued", length(" 5\r\n 5")},
    };
}

std::vector<Refused> bad_lines() {
    return {
        {"line_bare_lf_in_request_line", "POST /adapters/a/mcp HTTP/1.1\nHost: localhost\r\n\r\n"},
        {"line_bare_lf_in_field", post("X: y\nContent-Length: 2\r\n\r\n{}")},
        {"line_bare_lf_at_the_end", post("Content-Length: 2\r\n\n{}")},
        {"line_lf_lf_only", "GET /ping HTTP/1.1\nHost: localhost\n\n"},
        {"line_bare_cr_in_field", post("X: y\rz\r\nContent-Length: 2\r\n\r\n{}")},
        {"line_bare_cr_at_the_end", post("X: y\r\r\n\r\n")},
        {"line_cr_cr_lf", post("Content-Length: 2\r\r\n\r\n{}")},
        {"line_lf_cr", post("Content-Length: 2\n\r\r\n{}")},
        {"line_bare_lf_before_request", "\n" + post("\r\n")},
        {"line_bare_cr_before_request", "\r" + post("\r\n")},
        {"line_blank_before_request", " " + post("\r\n")},
        {"line_blank_before_first_field",
         "POST /adapters/a/mcp HTTP/1.1\r\n X: y\r\nHost: localhost\r\n\r\n"},
        {"line_tab_before_first_field",
         "POST /adapters/a/mcp HTTP/1.1\r\n\tContent-Length: 2\r\nHost: localhost\r\n\r\n"},
        {"line_only_blanks", post(" \r\n\r\n")},
        {"line_folded", post("X: y\r\n z\r\n\r\n")},
        {"field_without_colon", post("X\r\n\r\n")},
        {"field_without_name", post(": y\r\n\r\n")},
        {"field_name_with_blank", post("X Y: z\r\n\r\n")},
        {"field_name_with_parenthesis", post("X(: y\r\n\r\n")},
        {"field_name_with_zero", post("X" + kZero + ": y\r\n\r\n")},
        {"field_value_with_zero", post("X: y" + kZero + "z\r\n\r\n")},
        {"field_value_with_escape", post("X: \x1B[0m\r\n\r\n")},
        {"field_value_with_del", post("X: \x7F\r\n\r\n")},
    };
}

std::vector<Refused> bad_request_lines() {
    const std::string fields = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const std::string host = "\r\nHost: localhost\r\n\r\n";
    return {
        {"method_empty", " /adapters/a/mcp" + fields},
        {"method_no_token", "PO(ST /adapters/a/mcp" + fields},
        {"method_connect", "CONNECT localhost:80" + fields, 501},
        {"method_trace", "TRACE /adapters/a/mcp" + fields, 501},
        {"target_two_blanks", "POST  /adapters/a/mcp" + fields},
        {"target_blank_inside", "POST /adapters/a/mcp /x" + fields},
        {"target_tab", "POST\t/adapters/a/mcp" + fields},
        {"target_missing", "POST" + fields},
        {"target_zero", "POST /adapters/a/mcp" + kZero + fields},
        {"target_fragment", "POST /adapters/a/mcp#x" + fields},
        {"target_not_ascii", "POST /adapters/\xC3\xA4/mcp" + fields},
        {"target_backslash", "POST /adapters\\a\\mcp" + fields},
        {"target_half_escape", "POST /adapters/a/mcp%2" + fields},
        {"target_authority_form", "POST localhost:80" + fields},
        {"target_asterisk_with_post", "POST *" + fields},
        {"target_other_scheme", "POST ftp://localhost/adapters/a/mcp" + fields},
        {"target_with_user", "POST http://localhost@evil.test/adapters/a/mcp" + fields},
        {"target_with_empty_host", "POST http:///adapters/a/mcp" + fields},
        {"target_with_bad_port", "POST http://localhost:x/adapters/a/mcp" + fields},
        {"target_too_long", "POST /" + std::string(9000, 'a') + fields, 414},
        {"version_missing_as_in_http09", "GET /ping\r\n\r\n"},
        {"version_lower_case", "POST /adapters/a/mcp http/1.1" + host},
        {"version_two_digits", "POST /adapters/a/mcp HTTP/1.10" + host},
        {"version_leading_zero", "POST /adapters/a/mcp HTTP/01.1" + host},
        {"version_without_minor", "POST /adapters/a/mcp HTTP/1" + host},
        {"version_blank_behind", "POST /adapters/a/mcp HTTP/1.1 " + host},
        {"version_2_0", "POST /adapters/a/mcp HTTP/2.0" + host, 505},
        {"version_0_9", "POST /adapters/a/mcp HTTP/0.9" + host, 505},
        {"version_preface_of_http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"head_too_large", post("X: " + std::string(70000, 'a') + "\r\n\r\n"), 431},
        {"expectation_unknown", post("Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}"), 417},
    };
}

std::vector<Refused> bad_hosts() {
    const std::string line = "POST /adapters/a/mcp HTTP/1.1\r\n";
    const std::string end = "Content-Length: 2\r\n\r\n{}";
    const auto host = [&](const std::string& value) {
        return line + "Host: " + value + "\r\n" + end;
    };
    return {
        {"host_missing", line + end},
        {"host_empty", host("")},
        {"host_twice_the_same", line + "Host: localhost\r\nHost: localhost\r\n" + end},
        {"host_twice_different", line + "Host: localhost\r\nhost: evil.test\r\n" + end},
        {"host_with_blank", host("localhost evil.test")},
        {"host_with_path", host("localhost/adapters")},
        {"host_with_user", host("user@localhost")},
        {"host_with_two_ports", host("localhost:80:81")},
        {"host_with_large_port", host("localhost:65536")},
        {"host_with_signed_port", host("localhost:+80")},
        {"host_list", host("localhost, evil.test")},
        {"host_missing_with_absolute_form",
         "POST http://localhost/adapters/a/mcp HTTP/1.1\r\n" + end},
        {"host_twice_with_absolute_form",
         "POST http://localhost/adapters/a/mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + end},
    };
}

std::vector<Refused> bad_chunks() {
    return {
        {"size_empty", hide(chunked("\r\n{}\r\n0\r\n\r\n"))},
        {"size_plus", hide(chunked("+2\r\n{}\r\n0\r\n\r\n"))},
        {"size_minus", hide(chunked("-2\r\n{}\r\n0\r\n\r\n"))},
        {"size_prefixed", hide(chunked("0x2\r\n{}\r\n0\r\n\r\n"))},
        {"size_with_letter", hide(chunked("2h\r\n{}\r\n0\r\n\r\n"))},
        {"size_blank_before", hide(chunked(" 2\r\n{}\r\n0\r\n\r\n"))},
        {"size_tab_before", hide(chunked("\t2\r\n{}\r\n0\r\n\r\n"))},
        {"size_blank_behind", hide(chunked("2 \r\n{}\r\n0\r\n\r\n"))},
        {"size_two_numbers", hide(chunked("2 2\r\n{}\r\n0\r\n\r\n"))},
        {"size_underscore", hide(chunked("0_2\r\n{}\r\n0\r\n\r\n"))},
        {"size_vertical_tab", hide(chunked("2\v\r\n{}\r\n0\r\n\r\n"))},
        {"size_zero_byte", hide(chunked("2" + kZero + "\r\n{}\r\n0\r\n\r\n"))},
        {"size_over_64_bits", hide(chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"))},
        {"size_over_64_bits_by_far", hide(chunked(std::string(40, 'F') + "\r\n{}\r\n0\r\n\r\n"))},
        {"size_over_the_limit", hide(chunked("400001\r\n{}\r\n0\r\n\r\n")), 413},
        {"size_ends_with_lf", hide(chunked("2\n{}\r\n0\r\n\r\n"))},
        {"size_ends_with_cr", hide(chunked("2\r{}\r\n0\r\n\r\n"))},
        {"size_ends_with_cr_cr_lf", hide(chunked("2\r\r\n{}\r\n0\r\n\r\n"))},
        {"data_longer_than_size", hide(chunked("2\r\n{}}\r\n0\r\n\r\n"))},
        {"data_shorter_than_size", hide(chunked("3\r\n{}\r\n0\r\n\r\n"))},
        {"data_ends_with_lf", hide(chunked("2\r\n{}\n0\r\n\r\n"))},
        {"data_ends_with_cr", hide(chunked("2\r\n{}\r0\r\n\r\n"))},
        {"data_ends_without_anything", hide(chunked("2\r\n{}0\r\n\r\n"))},
        {"extension_with_cr", hide(chunked("2;a\rb\r\n{}\r\n0\r\n\r\n"))},
        {"extension_with_lf", hide(chunked("2;a\n{}\r\n0\r\n\r\n"))},
        {"extension_with_lf_in_quotes", hide(chunked("2;a=\"\n\"\r\n{}\r\n0\r\n\r\n"))},
        {"extension_without_name", hide(chunked("2;=b\r\n{}\r\n0\r\n\r\n"))},
        {"extension_of_blanks", hide(chunked("2; \r\n{}\r\n0\r\n\r\n"))},
        {"extension_with_open_quotes", hide(chunked("2;a=\"b\r\n{}\r\n0\r\n\r\n"))},
        {"extension_too_long",
         hide(chunked("2;a=" + std::string(300, 'b') + "\r\n{}\r\n0\r\n\r\n"))},
        {"end_without_empty_line", chunked("2\r\n{}\r\n0\r\n") + std::string(kHidden)},
        {"end_with_lf", hide(chunked("2\r\n{}\r\n0\r\n\n"))},
        {"end_with_cr", hide(chunked("2\r\n{}\r\n0\r\n\r"))},
        {"trailer_blank_before_colon", hide(chunked("2\r\n{}\r\n0\r\nX : y\r\n\r\n"))},
        {"trailer_without_colon", hide(chunked("2\r\n{}\r\n0\r\nX\r\n\r\n"))},
        {"trailer_folded", hide(chunked("2\r\n{}\r\n0\r\nX: y\r\n z\r\n\r\n"))},
        {"trailer_ends_with_lf", hide(chunked("2\r\n{}\r\n0\r\nX: y\n\r\n"))},
        {"trailer_with_zero", hide(chunked("2\r\n{}\r\n0\r\nX: y" + kZero + "\r\n\r\n"))},
        {"trailer_too_large",
         hide(chunked("2\r\n{}\r\n0\r\nX: " + std::string(9000, 'y') + "\r\n\r\n"))},
    };
}

class RefusedRequest : public testing::TestWithParam<Refused> {
  protected:
    static void SetUpTestSuite() { gateway_ = new Gateway; }
    static void TearDownTestSuite() { delete std::exchange(gateway_, nullptr); }
    static Gateway* gateway_;
};
Gateway* RefusedRequest::gateway_ = nullptr;

TEST_P(RefusedRequest, is_answered_once_closed_and_never_seen_by_the_server) {
    const Refused& vector = GetParam();
    for (const std::size_t piece : {vector.bytes.size(), std::size_t{7}, std::size_t{1}}) {
        if (piece == 1 && vector.bytes.size() > 1000) continue;
        const Heard heard = gateway_->exchange(in_pieces(vector.bytes, piece), 2);
        ASSERT_EQ(heard.answers.size(), 1U) << heard.text();
        EXPECT_EQ(heard.answers[0].status(), vector.status) << heard.text();
        EXPECT_EQ(heard.answers[0].field("connection"), "close") << heard.text();
        EXPECT_TRUE(heard.closed && heard.rest.empty()) << heard.rest;
    }
    // What had been forwarded before would lie before this request.
    const Heard fence = gateway_->exchange(post("X-Fence: 1\r\n\r\n"));
    EXPECT_EQ(fence.text(), "HTTP/1.1 200 OK\n{\"n\":1}\n");
    const std::vector<Message> requests = gateway_->backend.requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].field("x-fence"), "1");
    for (const RecordingBackend::Connection& seen : gateway_->backend.record())
        EXPECT_EQ(seen.bytes.size(), seen.consumed) << seen.bytes;
    gateway_->backend.forget();
}

std::string name_of_refused(const testing::TestParamInfo<Refused>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(framing, RefusedRequest, testing::ValuesIn(conflicting_framing()),
                         name_of_refused);
INSTANTIATE_TEST_SUITE_P(length, RefusedRequest, testing::ValuesIn(bad_lengths()), name_of_refused);
INSTANTIATE_TEST_SUITE_P(line, RefusedRequest, testing::ValuesIn(bad_lines()), name_of_refused);
INSTANTIATE_TEST_SUITE_P(start, RefusedRequest, testing::ValuesIn(bad_request_lines()),
                         name_of_refused);
INSTANTIATE_TEST_SUITE_P(host, RefusedRequest, testing::ValuesIn(bad_hosts()), name_of_refused);
INSTANTIATE_TEST_SUITE_P(chunks, RefusedRequest, testing::ValuesIn(bad_chunks()), name_of_refused);

}  // namespace
}  // namespace mcpgw::http1
