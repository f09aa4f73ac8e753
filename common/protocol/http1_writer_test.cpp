// The head writer: its text, what happens when the room ends, and that our own parser reads it
// back.
#include "common/protocol/http1_writer.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "common/protocol/http1_head.h"

namespace mcpgw::http {
namespace {

void write_request(HeadWriter& writer) {
    writer.request_line("POST", "/mcp?a");
    writer.field("Host", "127.0.0.1:9");
    writer.begin_field("Forwarded");
    writer.append("for=");
    writer.append("");
    writer.append("1.2.3.4");
    writer.end_field();
    writer.field("Content-Length", std::uint64_t{18446744073709551615U});
    writer.field("X-Empty", "");
    writer.field("X-Text", "a\tb \xC3\xA9");
    writer.finish();
}
constexpr std::string_view kRequest =
    "POST /mcp?a HTTP/1.1\r\nHost: 127.0.0.1:9\r\nForwarded: for=1.2.3.4\r\n"
    "Content-Length: 18446744073709551615\r\nX-Empty: \r\nX-Text: a\tb \xC3\xA9\r\n\r\n";

TEST(HeadWriter, writes_a_request_that_the_parser_reads_back) {
    std::array<char, 512> room{};
    HeadWriter writer(room);
    write_request(writer);
    EXPECT_FALSE(writer.overflowed());
    EXPECT_EQ(writer.text(), kRequest);
    EXPECT_EQ(writer.size(), kRequest.size());
    RequestHead head;
    ASSERT_EQ(parse_request_head(writer.text(), head), HeadError::none);
    EXPECT_EQ(head.target, "/mcp?a");
    EXPECT_EQ(head.content_length, UINT64_MAX);
    EXPECT_EQ(head.fields.size(), 5U);
    EXPECT_EQ(head.fields.value_or_empty("x-text"), "a\tb \xC3\xA9");
}

TEST(HeadWriter, writes_status_lines_with_given_standard_or_no_reason) {
    const auto line = [](std::uint16_t status, std::string_view reason) {
        std::array<char, 64> room{};
        HeadWriter writer(room);
        writer.status_line(status, reason);
        writer.finish();
        ResponseHead head;
        EXPECT_EQ(parse_response_head(writer.text(), Method::get, head), HeadError::none);
        EXPECT_EQ(head.status, status);
        return std::string(writer.text());
    };
    EXPECT_EQ(line(200, ""), "HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_EQ(line(404, "Gone fishing"), "HTTP/1.1 404 Gone fishing\r\n\r\n");
    EXPECT_EQ(line(999, ""), "HTTP/1.1 999 \r\n\r\n");
}

// Each size of room but the last is too small; the bytes behind it must stay as they were.
TEST(HeadWriter, what_does_not_fit_is_left_out_and_reported) {
    std::array<char, 512> room{};
    for (std::size_t size = 0; size <= kRequest.size(); ++size) {
        room.fill('#');
        HeadWriter writer(std::span<char>{room.data(), size});
        write_request(writer);
        EXPECT_EQ(writer.overflowed(), size < kRequest.size());
        EXPECT_LE(writer.size(), size);
        EXPECT_EQ(writer.text(), kRequest.substr(0, writer.size()));
        for (std::size_t at = writer.size(); at < room.size(); ++at)
            ASSERT_EQ(room[at], '#');
    }
}

TEST(HeadWriter, nothing_follows_what_did_not_fit) {
    std::array<char, 20> room{};
    HeadWriter writer(room);
    writer.field("A", "b");
    writer.field("Long", "far too long for it");
    writer.field("C", "d");
    EXPECT_TRUE(writer.overflowed());
    EXPECT_EQ(writer.text(), "A: b\r\n");
}

TEST(HeadWriterDeath, a_line_end_cannot_be_smuggled_in) {
    std::array<char, 128> room{};
    using namespace std::string_view_literals;
    for (const std::string_view bad : {"a\rb"sv, "a\nb"sv, "a\0b"sv, "\x01\t\n"sv}) {
        EXPECT_DEATH(HeadWriter(room).field("A", bad), "stays on its line");
        EXPECT_DEATH(HeadWriter(room).field(bad, "a"), "has a name");
        EXPECT_DEATH(HeadWriter(room).begin_field(bad), "has a name");
        EXPECT_DEATH(HeadWriter(room).status_line(200, bad), "begins with its status");
        EXPECT_DEATH(HeadWriter(room).request_line("GET", bad), "a target holds");
        HeadWriter pieces(room);
        pieces.begin_field("A");
        EXPECT_DEATH(pieces.append(bad), "stays on its line");
    }
    EXPECT_DEATH(HeadWriter(room).request_line("GET", "/a b"), "a target holds");
    EXPECT_DEATH(HeadWriter(room).request_line("G T", "/"), "begins with its method");
}

TEST(ReasonPhrase, is_the_registered_one_or_empty) {
    EXPECT_EQ(reason_phrase(100), "Continue");
    EXPECT_EQ(reason_phrase(200), "OK");
    EXPECT_EQ(reason_phrase(202), "Accepted");
    EXPECT_EQ(reason_phrase(404), "Not Found");
    EXPECT_EQ(reason_phrase(413), "Content Too Large");
    EXPECT_EQ(reason_phrase(422), "Unprocessable Content");
    EXPECT_EQ(reason_phrase(429), "Too Many Requests");
    EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
    EXPECT_EQ(reason_phrase(504), "Gateway Timeout");
    EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
    for (const int status : {0, 99, 199, 299, 306, 418, 512, 999, 65535})
        EXPECT_EQ(reason_phrase(static_cast<std::uint16_t>(status)), "") << status;
}

}  // namespace
}  // namespace mcpgw::http
