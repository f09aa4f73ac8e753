// The head scanner and parser: what they accept, what it means, and what they refuse.
//
// Every head goes through `scan`, which compares all ways of cutting it, so each test is also one
// about incremental input.
#include "common/protocol/http1_head.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/protocol/cuts_for_test.h"

namespace mcpgw::http {
namespace {

struct Scan {
    HeadScanner::State state = HeadScanner::State::scanning;
    HeadError error = HeadError::none;
    std::size_t head_bytes = 0;
    std::size_t leading_bytes = 0;
    bool operator==(const Scan&) const = default;
};

Scan scan_pieces(const Pieces& pieces, std::size_t bytes_max) {
    HeadScanner scanner(bytes_max);
    std::size_t taken = 0;
    for (const Bytes piece : pieces) {
        if (scanner.state() != HeadScanner::State::scanning) break;
        const std::vector<std::byte> alone(piece.begin(), piece.end());  // nothing behind it
        const std::size_t now = scanner.feed(alone);
        if (scanner.state() == HeadScanner::State::scanning) {
            EXPECT_EQ(now, piece.size());
        }
        taken += now;
    }
    EXPECT_EQ(taken, scanner.head_bytes());
    return {scanner.state(), scanner.error(), scanner.head_bytes(), scanner.leading_bytes()};
}

Scan scan(std::string_view text, std::size_t bytes_max = limits::head_bytes_max) {
    const Scan whole = scan_pieces({as_bytes(text)}, bytes_max);
    for_each_cutting(text, [&](const Pieces& pieces) {
        EXPECT_EQ(scan_pieces(pieces, bytes_max), whole) << text;
    });
    return whole;
}

bool lies_in(std::string_view view, std::string_view head) {
    return view.empty() ||
           (view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size());
}

HeadError read_request(std::string_view text, RequestHead& out) {
    const Scan seen = scan(text);
    if (seen.state != HeadScanner::State::complete) return seen.error;
    EXPECT_EQ(seen.head_bytes, text.size());
    const std::string_view head = text.substr(seen.leading_bytes);
    const HeadError error = parse_request_head(head, out);
    if (error != HeadError::none) return error;
    for (const auto view : {out.method_text, out.target, out.path, out.query, out.host})
        EXPECT_TRUE(lies_in(view, head));
    for (const Field& field : out.fields.all())
        EXPECT_TRUE(lies_in(field.name, head) && lies_in(field.value, head));
    return error;
}

HeadError read_response(std::string_view text, Method method, ResponseHead& out) {
    const Scan seen = scan(text);
    if (seen.state != HeadScanner::State::complete) return seen.error;
    const HeadError error = parse_response_head(text, method, out);
    if (error == HeadError::none) {
        EXPECT_TRUE(lies_in(out.reason, text));
    }
    return error;
}

RequestHead accepted(std::string_view text) {
    RequestHead out;
    EXPECT_EQ(sentence_of(read_request(text, out)), sentence_of(HeadError::none)) << text;
    return out;
}
RequestHead accepted_with(const std::string& fields) {
    static std::string text;  // outlives the views
    text = "POST /mcp HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    return accepted(text);
}
ResponseHead answer(std::string_view text, Method method = Method::post) {
    ResponseHead out;
    EXPECT_EQ(sentence_of(read_response(text, method, out)), sentence_of(HeadError::none)) << text;
    return out;
}

std::string_view refusal(std::string_view text) {
    RequestHead out;
    return sentence_of(read_request(text, out));
}
std::string_view refusal_of_fields(const std::string& fields) {
    return refusal("POST /mcp HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
}
std::string_view refusal_of_target(const std::string& target) {
    return refusal("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
}
std::string_view refusal_of_host(const std::string& host) {
    return refusal("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
}
std::string_view refusal_of_answer(std::string_view text) {
    ResponseHead out;
    return sentence_of(read_response(text, Method::post, out));
}
std::string_view sentence(HeadError error) {
    return sentence_of(error);
}

// --- The scanner ---------------------------------------------------------------------------------

TEST(HeadScanner, finds_the_end_and_leaves_the_body) {
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nX:\t\r\n\r\n";
    const Scan seen = scan(head + "\r\n\nbody\0");
    EXPECT_EQ(seen.state, HeadScanner::State::complete);
    EXPECT_EQ(seen.head_bytes, head.size());
    EXPECT_EQ(seen.leading_bytes, 0U);
}

TEST(HeadScanner, a_head_without_fields_is_complete) {
    EXPECT_EQ(scan("GET / HTTP/1.0\r\n\r\n").state, HeadScanner::State::complete);
}

TEST(HeadScanner, counts_empty_lines_before_the_head) {
    const Scan seen = scan("\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(seen.state, HeadScanner::State::complete);
    EXPECT_EQ(seen.leading_bytes, 4U);
    EXPECT_EQ(seen.head_bytes, 22U);
}

TEST(HeadScanner, waits_while_the_end_is_missing) {
    const std::string head = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (std::size_t size = 0; size < head.size(); ++size) {
        const Scan seen = scan(std::string_view(head).substr(0, size));
        EXPECT_EQ(seen.state, HeadScanner::State::scanning) << size;
        EXPECT_EQ(seen.head_bytes, size);
    }
}

TEST(HeadScanner, refuses_what_no_head_may_hold_before_its_end) {
    const auto early = [](std::string_view text) { return sentence_of(scan(text).error); };
    for (const std::string_view text :
         {"\n", "\r\r", "\rG", "GET / HTTP/1.1\n", "GET /\rX", "GET / HTTP/1.1\r\r",
          "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\nA: b\rc", "GET / HTTP/1.1\r\n\n",
          "GET / HTTP/1.1\r\n\rX", "GET / HTTP/1.1\r\nA: b\r\n\r\r"})
        EXPECT_EQ(early(text), sentence(HeadError::bad_line_ending)) << text;
    EXPECT_EQ(early("GET / HTTP/1.1\r\nA: b\r\n c"), sentence(HeadError::obs_fold));
    EXPECT_EQ(early("GET / HTTP/1.1\r\n\tA: b"), sentence(HeadError::obs_fold));
    using namespace std::string_view_literals;
    EXPECT_EQ(early("GET / \0"sv), sentence(HeadError::bad_field_value));
    EXPECT_EQ(early("GET / HTTP/1.1\r\nA: \x01"), sentence(HeadError::bad_field_value));
    EXPECT_EQ(early("GET / HTTP/1.1\r\nA\x7F"), sentence(HeadError::bad_field_value));
}

TEST(HeadScanner, stops_before_the_byte_that_is_wrong) {
    const Scan seen = scan("GET / HTTP/1.1\r\nA: b\nc: d\r\n\r\n");
    EXPECT_EQ(seen.head_bytes, 20U);
}

TEST(HeadScanner, takes_a_head_of_exactly_the_limit_and_not_one_byte_more) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(scan(head + "more", head.size()).state, HeadScanner::State::complete);
    const Scan cut = scan(head, head.size() - 1);
    EXPECT_EQ(cut.error, HeadError::head_too_large);
    EXPECT_EQ(cut.head_bytes, head.size() - 1);
    EXPECT_EQ(scan(std::string(200, 'a'), 100).error, HeadError::head_too_large);
    EXPECT_EQ(scan(std::string(100, 'a'), 100).error, HeadError::head_too_large);
    EXPECT_EQ(scan(std::string(99, 'a'), 100).error, HeadError::none);
    std::string empty_lines;
    while (empty_lines.size() < 100)
        empty_lines += "\r\n";
    EXPECT_EQ(scan(empty_lines, 100).error, HeadError::head_too_large);
}

TEST(HeadScanner, takes_nothing_after_the_end_until_it_is_reset) {
    const std::string_view head = "GET / HTTP/1.1\r\n\r\n";
    HeadScanner scanner;
    EXPECT_EQ(scanner.feed(as_bytes(head)), head.size());
    EXPECT_EQ(scanner.feed(as_bytes(head)), 0U);
    scanner.reset();
    EXPECT_EQ(scanner.state(), HeadScanner::State::scanning);
    EXPECT_EQ(scanner.head_bytes(), 0U);
    EXPECT_EQ(scanner.feed(as_bytes("\r\nG\n")), 3U);
    EXPECT_EQ(scanner.feed(as_bytes(head)), 0U);
    EXPECT_EQ(scanner.error(), HeadError::bad_line_ending);
    scanner.reset();
    EXPECT_EQ(scanner.error(), HeadError::none);
    EXPECT_EQ(scanner.leading_bytes(), 0U);
    EXPECT_EQ(scanner.feed(as_bytes(head)), head.size());
    EXPECT_EQ(scanner.state(), HeadScanner::State::complete);
}

// --- Requests ------------------------------------------------------------------------------------

TEST(RequestHead, is_taken_apart_into_views) {
    const RequestHead head = accepted(
        "POST /adapters/x/mcp?a=b?c HTTP/1.1\r\nhOsT: 127.0.0.1:8000\r\n"
        "Content-Length: 12\r\nX-Empty:\r\nX-Two: \t a b \t \r\n\r\n");
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.method_text, "POST");
    EXPECT_EQ(head.target, "/adapters/x/mcp?a=b?c");
    EXPECT_EQ(head.path, "/adapters/x/mcp");
    EXPECT_EQ(head.query, "a=b?c");
    EXPECT_EQ(head.host, "127.0.0.1:8000");
    EXPECT_EQ(head.minor_version, 1);
    EXPECT_EQ(head.framing, Framing::content_length);
    EXPECT_EQ(head.content_length, 12U);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_FALSE(head.expect_continue);
    ASSERT_EQ(head.fields.size(), 4U);
    EXPECT_EQ(head.fields.all()[0].name, "hOsT");
    EXPECT_EQ(head.fields.value_or_empty("x-two"), "a b");
    EXPECT_NE(head.fields.find("X-Empty"), nullptr);
    EXPECT_EQ(head.fields.find("X-None"), nullptr);
    EXPECT_EQ(head.fields.value_or_empty("X-None"), "");
    EXPECT_EQ(head.fields.count_of("HOST"), 1U);
    EXPECT_FALSE(head.fields.repeats(FieldName::host));
}

TEST(RequestHead, knows_which_fields_come_again) {
    RequestHead head = accepted(
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nX-A: 1\r\nX-A: 1\r\n"
        "AUTHORIZATION: x\r\n\r\n");
    EXPECT_TRUE(head.fields.repeats(FieldName::authorization));
    EXPECT_FALSE(head.fields.repeats(FieldName::host));
    const RequestHead copy = head;
    EXPECT_TRUE(copy.fields.repeats(FieldName::authorization));
    head.fields.clear();
    EXPECT_FALSE(head.fields.repeats(FieldName::authorization));
}

TEST(RequestHead, parsing_forgets_the_head_before) {
    RequestHead out;
    ASSERT_EQ(parse_request_head("POST http://b/?q HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                 "Connection: close\r\nContent-Length: 5\r\n\r\n",
                                 out),
              HeadError::none);
    ASSERT_EQ(parse_request_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", out),
              HeadError::none);
    EXPECT_EQ(out.host, "");
    EXPECT_EQ(out.query, "");
    EXPECT_EQ(out.framing, Framing::none);
    EXPECT_EQ(out.content_length, 0U);
    EXPECT_TRUE(out.keep_alive);
    EXPECT_FALSE(out.expect_continue);
    EXPECT_EQ(out.fields.size(), 1U);
}

TEST(RequestHead, knows_the_methods_and_lets_extensions_pass) {
    for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::del,
                                Method::options, Method::patch}) {
        const std::string text(method_name(method));
        EXPECT_EQ(accepted(text + " / HTTP/1.1\r\nHost: a\r\n\r\n").method, method);
    }
    const std::string text = "get / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(accepted(text).method, Method::other);
    EXPECT_EQ(accepted(text).method_text, "get");
    EXPECT_EQ(accepted("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::other);
    for (const std::string_view tunnel : {"CONNECT a:443", "TRACE /", "CONNECT /"})
        EXPECT_EQ(refusal(std::string(tunnel) + " HTTP/1.1\r\nHost: a\r\n\r\n"),
                  sentence(HeadError::unsupported_method));
}

TEST(RequestHead, refuses_a_malformed_request_line) {
    for (const std::string_view line :
         {"GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ",
          " GET / HTTP/1.1", "GET / a HTTP/1.1", "G(T / HTTP/1.1", "G\xC3\x89T / HTTP/1.1",
          "GET\t/ HTTP/1.1", "GET  HTTP/1.1", "HTTP/1.1 200 OK"})
        EXPECT_NE(refusal(std::string(line) + "\r\nHost: a\r\n\r\n"), sentence(HeadError::none))
            << line;
    EXPECT_EQ(refusal("GET /\r\n\r\n"), sentence(HeadError::bad_request_line));
    EXPECT_EQ(refusal("GET / a HTTP/1.1\r\n\r\n"), sentence(HeadError::bad_request_line));
}

TEST(RequestHead, speaks_http_1_only) {
    const auto version = [](const std::string& text) {
        return refusal("GET / " + text + "\r\nHost: a\r\n\r\n");
    };
    for (const char* text : {"HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/1.9"})
        EXPECT_EQ(version(text), sentence(HeadError::none));
    for (const char* text : {"HTTP/2.0", "HTTP/0.9", "HTTP/3.0"})
        EXPECT_EQ(version(text), sentence(HeadError::version_not_supported));
    for (const char* text : {"http/1.1", "HTTP/1", "HTTP/11", "HTTP/1.10", "HTTP/1,1", "HTTP/1.x",
                             "HTTPS/1.1", "HTTP/ 1.1", "HTTP/1.1\t", ""})
        EXPECT_NE(version(text), sentence(HeadError::none)) << text;
    EXPECT_EQ(version("HTTP/2"), sentence(HeadError::bad_version));
    EXPECT_EQ(accepted("GET / HTTP/1.7\r\nHost: a\r\n\r\n").minor_version, 1);
    EXPECT_EQ(accepted("GET / HTTP/1.0\r\n\r\n").minor_version, 0);
}

TEST(RequestHead, takes_origin_form_with_what_url_libraries_send) {
    for (const char* target : {"/", "//a", "/?", "/a/b;c=d/@:!$&'()*+,=-._~", "/%2F%c3%A9",
                               "/a[1]|x^", "/?[]{}|\\^`%", "/?a=/?b", "/*"})
        EXPECT_EQ(refusal_of_target(target), sentence(HeadError::none)) << target;
    for (const char* target :
         {"/\"",  "/<",    "/>",      "/#",        "/?a#b",  "/?<", "/?\"", "/\\",
          "/{",   "/}",    "/`",      "/\xC3\xA9", "/?\xFF", "/%",  "/%4",  "/%zz",
          "/a%2", "/%%41", "/%41%zz", "/a\tb",     "a",      "?a",  "*a",   "a/b"})
        EXPECT_EQ(refusal_of_target(target), sentence(HeadError::bad_target)) << target;
}

TEST(RequestHead, takes_absolute_form_and_its_authority_wins) {
    const RequestHead head =
        accepted("GET HTTP://example.com:80/a?b HTTP/1.1\r\nHost: other\r\n\r\n");
    EXPECT_EQ(head.host, "example.com:80");
    EXPECT_EQ(head.target, "/a?b");
    EXPECT_EQ(head.path, "/a");
    EXPECT_EQ(head.query, "b");
    const RequestHead bare = accepted("GET https://example.com HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(bare.target, "/");
    EXPECT_EQ(bare.path, "/");
    EXPECT_EQ(bare.host, "example.com");
    EXPECT_EQ(accepted("GET http://[::1]:1/ HTTP/1.0\r\n\r\n").host, "[::1]:1");
    for (const char* target : {"http://", "http:///a", "http://u@h/", "http://h:x/", "http://h?q",
                               "ftp://h/", "http:/h", "http://h\\/", "http://h#", "h:80"})
        EXPECT_EQ(refusal_of_target(target), sentence(HeadError::bad_target)) << target;
    EXPECT_EQ(refusal("GET http://h/ HTTP/1.1\r\n\r\n"), sentence(HeadError::missing_host));
}

TEST(RequestHead, takes_asterisk_form_for_options_only) {
    const RequestHead head = accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.target, "*");
    EXPECT_EQ(head.path, "*");
    EXPECT_EQ(refusal_of_target("*"), sentence(HeadError::bad_target));
}

TEST(RequestHead, limits_the_target) {
    const std::string longest = "/" + std::string(limits::target_bytes_max - 1, 'a');
    EXPECT_EQ(refusal_of_target(longest), sentence(HeadError::none));
    EXPECT_EQ(refusal_of_target(longest + "a"), sentence(HeadError::target_too_long));
}

TEST(RequestHead, limits_the_number_of_fields) {
    std::string fields;
    for (std::size_t i = 1; i < limits::header_fields_max; ++i)
        fields += "A: b\r\n";
    EXPECT_EQ(accepted_with(fields).fields.size(), limits::header_fields_max);
    EXPECT_EQ(refusal_of_fields(fields + "A: b\r\n"), sentence(HeadError::too_many_fields));
}

TEST(RequestHead, needs_exactly_one_host) {
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), sentence(HeadError::missing_host));
    EXPECT_EQ(refusal_of_fields("host: a\r\n"), sentence(HeadError::repeated_host));
    EXPECT_EQ(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
              sentence(HeadError::repeated_host));
    EXPECT_EQ(accepted("GET / HTTP/1.0\r\n\r\n").host, "");
}

TEST(RequestHead, checks_the_grammar_of_host) {
    for (const char* host : {"a", "A.b-c_d.", "10.0.0.1:80", "[::1]", "[::ffff:1.2.3.4]:65535",
                             "a:", "a:0", "%41", "x!$&'()*+,;="})
        EXPECT_EQ(refusal_of_host(host), sentence(HeadError::none)) << host;
    for (const char* host :
         {"",       " ",       "u@a",      "a b",   "a, b",         "a/b", "a\\b", "http://a",
          "a:b",    "a:65536", "a:000080", "a:1:2", ":80",          "[",   "[]",   "[::1",
          "[::1]x", "[::1]]",  "[12]",     "[::g]", "[::1%25eth0]", "::1", "a?b",  "a#b",
          "%4",     "%zz",     "\xC3\xA9", "a:-1",  "a\tb",         "<a>"})
        EXPECT_EQ(refusal_of_host(host), sentence(HeadError::bad_host)) << host;
}

TEST(RequestHead, refuses_malformed_fields) {
    for (const char* line : {"A : b", "A", ": b", "A b: c", "A(: b", "\"A\": b", "\xC3\x89: b",
                             "A\t: b", "A/B: c", "{}: a"})
        EXPECT_EQ(refusal_of_fields(std::string(line) + "\r\n"),
                  sentence(HeadError::bad_field_name))
            << line;
    EXPECT_EQ(refusal_of_fields("A: b\r\n c\r\n"), sentence(HeadError::obs_fold));
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), sentence(HeadError::obs_fold));
    for (int c = 0; c < 256; ++c) {
        if (c == '\r' || c == '\n') continue;
        const bool allowed = c == '\t' || (c >= 0x20 && c != 0x7F);
        EXPECT_EQ(refusal_of_fields(std::string("A: x") + static_cast<char>(c) + "y\r\n"),
                  sentence(allowed ? HeadError::none : HeadError::bad_field_value))
            << c;
    }
}

TEST(RequestHead, the_parser_alone_also_refuses_what_the_scanner_stops) {
    using namespace std::string_view_literals;
    RequestHead out;
    for (const std::string_view head :
         {""sv, "\r\n"sv, "GET / HTTP/1.0"sv, "GET / HTTP/1.0\r"sv, "GET / HTTP/1.0\r\n"sv,
          "GET / HTTP/1.0\r\n\r"sv, "GET / HTTP/1.0\n\n"sv, "GET / HTTP/1.0\r\n\r\nx"sv,
          "GET / HTTP/1.0\r\nA: b\r\n"sv, "GET / HTTP/1.0\r\nA: b\n\r\n"sv,
          "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n"sv, "GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n"sv,
          "GET / HTTP/1.0\r\nA: \0\r\n\r\n"sv, "GET / HTTP/1.0\r\nA"sv, "GET / HTTP/1.0\r\nA:"sv,
          "GET / HTTP/1.0\r\n\rX"sv, "\r\nGET / HTTP/1.0\r\n\r\n"sv})
        EXPECT_NE(parse_request_head(head, out), HeadError::none) << head;
    EXPECT_EQ(parse_request_head("GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n", out), HeadError::obs_fold);
}

TEST(RequestHead, content_length_is_one_number) {
    EXPECT_EQ(accepted_with("Content-Length: 0\r\n").framing, Framing::content_length);
    EXPECT_EQ(accepted_with("content-length:\t007 \r\n").content_length, 7U);
    EXPECT_EQ(accepted_with("Content-Length: 18446744073709551615\r\n").content_length, UINT64_MAX);
    for (const char* value : {"", "-1", "+1", "1 2", "5, 5", "5,5", "0x5", "5.0", "a", "5;",
                              "\"5\"", "18446744073709551616", "99999999999999999999999", "\xB2"})
        EXPECT_EQ(refusal_of_fields("Content-Length: " + std::string(value) + "\r\n"),
                  sentence(HeadError::bad_content_length))
            << value;
    EXPECT_EQ(refusal_of_fields("Content-Length: 5\r\nContent-Length: 6\r\n"),
              sentence(HeadError::conflicting_content_length));
    EXPECT_EQ(refusal_of_fields("Content-Length: 5\r\ncontent-length: 5\r\n"),
              sentence(HeadError::conflicting_content_length));
}

TEST(RequestHead, the_only_transfer_coding_is_chunked) {
    EXPECT_EQ(accepted_with("Transfer-Encoding: chunked\r\n").framing, Framing::chunked);
    EXPECT_EQ(accepted_with("TRANSFER-ENCODING: \tChunkeD \r\n").framing, Framing::chunked);
    for (const char* value :
         {"", "gzip", "gzip, chunked", "chunked, chunked", "chunked,", "chunked;a=b", "identity",
          "xchunked", "chunked\x0b", "\"chunked\"", "chunked\r\nTransfer-Encoding: chunked",
          "chunked\r\nTransfer-Encoding: gzip", "gzip\r\nTransfer-Encoding: chunked"})
        EXPECT_NE(refusal_of_fields("Transfer-Encoding: " + std::string(value) + "\r\n"),
                  sentence(HeadError::none))
            << value;
    EXPECT_EQ(refusal_of_fields("Transfer-Encoding: gzip, chunked\r\n"),
              sentence(HeadError::unknown_transfer_coding));
    EXPECT_EQ(refusal_of_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
              sentence(HeadError::unknown_transfer_coding));
    for (const char* value : {"gzip", "chunked, gzip", "chunked;a=b", "chunked,", ""})
        EXPECT_EQ(refusal_of_fields("Transfer-Encoding: " + std::string(value) + "\r\n"),
                  sentence(HeadError::body_without_end));
    EXPECT_EQ(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
              sentence(HeadError::transfer_encoding_in_http10));
}

TEST(RequestHead, content_length_and_transfer_encoding_exclude_each_other) {
    for (const char* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                               "Transfer-Encoding: x\r\nContent-Length: 0\r\n"})
        EXPECT_EQ(refusal_of_fields(fields),
                  sentence(HeadError::content_length_with_transfer_encoding));
}

TEST(RequestHead, keep_alive_follows_version_and_connection) {
    EXPECT_TRUE(accepted_with("").keep_alive);
    EXPECT_TRUE(accepted_with("Connection: upgrade, closed\r\n").keep_alive);
    EXPECT_FALSE(accepted_with("Connection: CLOSE\r\n").keep_alive);
    EXPECT_FALSE(accepted_with("Connection: a ,\tclose ,b\r\n").keep_alive);
    EXPECT_FALSE(accepted_with("Connection: a\r\nconnection: close\r\n").keep_alive);
    EXPECT_FALSE(accepted_with("Connection: close, keep-alive\r\n").keep_alive);
    EXPECT_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
    EXPECT_TRUE(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST(RequestHead, the_only_expectation_is_100_continue) {
    EXPECT_TRUE(accepted_with("Expect: 100-Continue\r\n").expect_continue);
    EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect_continue);
    for (const char* value : {"", "200-ok", "100-continue, x", "100-continue\r\nExpect: x"})
        EXPECT_EQ(refusal_of_fields("Expect: " + std::string(value) + "\r\n"),
                  sentence(HeadError::unsupported_expectation));
}

// --- Responses -----------------------------------------------------------------------------------

TEST(ResponseHead, is_taken_apart_into_views) {
    const ResponseHead head =
        answer("HTTP/1.1 404 Not \xC3\x89 Found\r\nContent-Length: 3\r\nX: \xFF\r\n\r\n");
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.reason, "Not \xC3\x89 Found");
    EXPECT_EQ(head.framing, Framing::content_length);
    EXPECT_EQ(head.content_length, 3U);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_EQ(head.fields.value_or_empty("x"), "\xFF");
    EXPECT_EQ(answer("HTTP/1.1 100 \r\n\r\n").reason, "");
    EXPECT_EQ(answer("HTTP/1.1 999\r\n\r\n").status, 999);
}

TEST(ResponseHead, refuses_a_malformed_status_line) {
    for (const char* line : {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000 x",
                             "HTTP/1.1  200 OK", "HTTP/1.1 099 x", "HTTP/1.1 000", "HTTP/1.1 2x0",
                             "HTTP/1.1 200\tOK", "HTTP/1.1 -20", "HTTP/1.1 +20"})
        EXPECT_EQ(refusal_of_answer(std::string(line) + "\r\n\r\n"),
                  sentence(HeadError::bad_status_line))
            << line;
    for (const char* line : {"ICY 200 OK", "http/1.1 200 OK", "HTTP/1 200 OK", "200 OK"})
        EXPECT_NE(refusal_of_answer(std::string(line) + "\r\n\r\n"), sentence(HeadError::none));
    EXPECT_EQ(refusal_of_answer("HTTP/2.0 200 OK\r\n\r\n"),
              sentence(HeadError::version_not_supported));
    EXPECT_EQ(refusal_of_answer("HTTP/1.1 200 a\x01\r\n\r\n"),
              sentence(HeadError::bad_field_value));
}

TEST(ResponseHead, a_body_follows_by_the_rules_of_rfc_9112_section_6_3) {
    const std::string length = "Content-Length: 5\r\n\r\n";
    const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for (const std::string status : {"100", "101", "199", "204", "304"})
        for (const std::string& fields : {length, chunked, std::string("\r\n")}) {
            const ResponseHead head = answer("HTTP/1.1 " + status + " \r\n" + fields);
            EXPECT_EQ(head.framing, Framing::none) << status << fields;
            EXPECT_EQ(head.content_length, 0U);
            EXPECT_EQ(head.keep_alive, status != "204" || fields == "\r\n");
        }
    for (const std::string& fields : {length, chunked, std::string("\r\n")}) {
        EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + fields, Method::head).framing, Framing::none);
    }
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + length).framing, Framing::content_length);
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + chunked).framing, Framing::chunked);
    const ResponseHead open = answer("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(open.framing, Framing::until_close);
    EXPECT_FALSE(open.keep_alive);
}

TEST(ResponseHead, keep_alive_follows_version_and_connection) {
    const std::string length = "Content-Length: 0\r\n";
    EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + "\r\n").keep_alive);
    EXPECT_FALSE(answer("HTTP/1.0 200 OK\r\n" + length + "\r\n").keep_alive);
    EXPECT_TRUE(
        answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length + "\r\n").keep_alive);
}

TEST(ResponseHead, that_announces_a_body_where_none_can_be_ends_the_connection) {
    const std::string status = "HTTP/1.1 204 No Content\r\n";
    EXPECT_FALSE(answer(status + "Content-Length: 5\r\n\r\n").keep_alive);
    EXPECT_FALSE(answer(status + "Transfer-Encoding: chunked\r\n\r\n").keep_alive);
    EXPECT_TRUE(answer(status + "Content-Length: 0\r\n\r\n").keep_alive);
    EXPECT_TRUE(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").keep_alive);
}

TEST(ResponseHead, refuses_framing_that_could_be_read_in_two_ways) {
    const auto framed = [](const std::string& fields) {
        return refusal_of_answer("HTTP/1.1 200 OK\r\n" + fields + "\r\n");
    };
    EXPECT_EQ(framed("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
              sentence(HeadError::content_length_with_transfer_encoding));
    EXPECT_EQ(framed("Content-Length: 5\r\nContent-Length: 5\r\n"),
              sentence(HeadError::conflicting_content_length));
    EXPECT_EQ(framed("Content-Length: 5, 5\r\n"), sentence(HeadError::bad_content_length));
    EXPECT_EQ(framed("Transfer-Encoding: gzip\r\n"), sentence(HeadError::body_without_end));
    EXPECT_EQ(refusal_of_answer("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
              sentence(HeadError::transfer_encoding_in_http10));
    EXPECT_EQ(framed("A : b\r\n"), sentence(HeadError::bad_field_name));
    EXPECT_EQ(framed("A: b\r\n c\r\n"), sentence(HeadError::obs_fold));
}

TEST(ResponseHead, fields_of_requests_have_no_meaning) {
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: x\r\n\r\n").status, 200);
}

// --- Words ---------------------------------------------------------------------------------------

TEST(HeadError, each_has_its_status_and_its_own_sentence) {
    std::set<std::string_view> sentences;
    constexpr auto last = static_cast<int>(HeadError::unsupported_method);
    for (int value = 0; value <= last; ++value)
        sentences.insert(sentence_of(static_cast<HeadError>(value)));
    EXPECT_EQ(sentences.size(), static_cast<std::size_t>(last) + 1);
    EXPECT_EQ(status_of(HeadError::bad_host), 400);
    EXPECT_EQ(status_of(HeadError::target_too_long), 414);
    EXPECT_EQ(status_of(HeadError::unsupported_expectation), 417);
    EXPECT_EQ(status_of(HeadError::head_too_large), 431);
    EXPECT_EQ(status_of(HeadError::too_many_fields), 431);
    EXPECT_EQ(status_of(HeadError::unknown_transfer_coding), 501);
    EXPECT_EQ(status_of(HeadError::body_without_end), 400);
    EXPECT_EQ(status_of(HeadError::unsupported_method), 501);
    EXPECT_EQ(status_of(HeadError::version_not_supported), 505);
}

TEST(ListHasToken, ignores_case_blanks_and_empty_elements) {
    EXPECT_TRUE(list_has_token("close", "close"));
    EXPECT_TRUE(list_has_token(" ,, a,\tCLOSE\t,", "close"));
    EXPECT_FALSE(list_has_token("", "close"));
    EXPECT_FALSE(list_has_token(",", "close"));
    EXPECT_FALSE(list_has_token("closed, xclose, close x", "close"));
}

TEST(Token, is_what_rfc_9110_says) {
    EXPECT_TRUE(is_token("aZ09!#$%&'*+-.^_`|~"));
    EXPECT_FALSE(is_token(""));
    for (const char c : std::string_view("\"(),/:;<=>?@[\\]{} \t\r\n\x7F\x80\xFF"))
        EXPECT_FALSE(is_token({&c, 1})) << c;
}

TEST(VisibleAscii, has_no_blanks_and_is_not_empty) {
    EXPECT_TRUE(is_visible_ascii("!~aB3{}"));
    EXPECT_FALSE(is_visible_ascii(""));
    for (const char c : std::string_view(" \t\r\n\x7F\x80\xFF"))
        EXPECT_FALSE(is_visible_ascii({&c, 1}));
}

}  // namespace
}  // namespace mcpgw::http
