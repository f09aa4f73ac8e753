// What comes out depends on the bytes only, never on how they were cut.
#include "bench/load/http_reader.h"

#include <gtest/gtest.h>

namespace mcpgw::bench {
namespace {

// A line per step, fed `piece` bytes at a time.
std::string read_in_pieces(HttpReader::Reads reads, std::string_view text, std::size_t piece) {
    HttpReader reader(reads);
    std::string story;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        Bytes input = as_bytes(text.substr(at, piece));
        for (bool goes_on = true; goes_on;) {
            const HttpReader::Step step = reader.feed(input);
            input = input.subspan(step.consumed);
            switch (step.event) {
                case HttpReader::Event::more:
                    goes_on = false;
                    break;
                case HttpReader::Event::head:
                    story += reads == HttpReader::Reads::requests
                                 ? "[" + std::string(reader.request().path) + "]"
                                 : "[" + std::to_string(reader.response().status) + "]";
                    break;
                case HttpReader::Event::data:
                    story += as_text(step.data);
                    break;
                case HttpReader::Event::end:
                    story += "|";
                    break;
                case HttpReader::Event::broken:
                    return story + "!";
            }
        }
    }
    return story;
}

void expect_story(HttpReader::Reads reads, std::string_view text, std::string_view story) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece)
        ASSERT_EQ(read_in_pieces(reads, text, piece), story) << "in pieces of " << piece;
}

TEST(HttpReader, answers_follow_each_other_in_any_framing) {
    expect_story(HttpReader::Reads::responses,
                 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
                 "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n"
                 "0\r\n\r\n",
                 "[200]abc|[202]|[200]def|");
}

TEST(HttpReader, interim_answers_are_passed_over) {
    expect_story(HttpReader::Reads::responses,
                 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
                 "[200]a|");
}

TEST(HttpReader, requests_follow_each_other) {
    expect_story(HttpReader::Reads::requests,
                 "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
                 "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
                 "[/a]|[/b]hi|");
}

TEST(HttpReader, what_is_not_http_is_broken) {
    expect_story(HttpReader::Reads::responses, "SSH-2.0-OpenSSH_9.2\r\n\r\n", "!");
    EXPECT_EQ(read_in_pieces(HttpReader::Reads::responses,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 64),
              "[200]!");
}

}  // namespace
}  // namespace mcpgw::bench
