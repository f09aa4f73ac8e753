// The first event of an HTTP+SSE stream: found however it is written, resolved as clients do it.
#include "common/protocol/sse_endpoint.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace mcpgw::sse {
namespace {

using State = EndpointEvent::State;

std::string value_of(std::string_view stream) {
    const EndpointEvent event = find_endpoint(stream);
    if (event.state == State::incomplete) return "incomplete";
    if (event.state == State::broken) return "broken";
    return std::string(stream.substr(event.value_begin, event.value_end - event.value_begin));
}

TEST(SseEndpoint, is_found_with_every_line_ending_and_order_of_fields) {
    for (const char* stream :
         {"event: endpoint\ndata: /m?s=1\n\n", "event: endpoint\r\ndata: /m?s=1\r\n\r\n",
          "event: endpoint\rdata: /m?s=1\r\r", "event:endpoint\ndata:/m?s=1\n\n",
          "data: /m?s=1\nevent: endpoint\n\n", "id: 7\nevent: endpoint\nretry: 5\ndata: /m?s=1\n\n",
          "\xEF\xBB\xBF"
          "event: endpoint\ndata: /m?s=1\n\n",
          ": hello\n\nevent: endpoint\n"
          "data: /m?s=1\n\n",
          "event: ping\ndata: 1\ndata: 2\n\nevent: endpoint\ndata: /m?s=1\n\n",
          "event: other\nevent: endpoint\ndata: /m?s=1\n\nevent: message\ndata: x\n\n"})
        EXPECT_EQ(value_of(stream), "/m?s=1") << stream;
}

TEST(SseEndpoint, is_awaited_until_its_empty_line) {
    const std::string stream = ": c\r\nevent: endpoint\r\ndata: /m\r\n\r\n";
    for (std::size_t size = 0; size + 1 < stream.size(); ++size)
        EXPECT_EQ(value_of(stream.substr(0, size)), "incomplete") << size;
    // The CR of the empty line ends it; its LF may still be on the way.
    EXPECT_EQ(value_of(stream.substr(0, stream.size() - 1)), "/m");
    EXPECT_EQ(value_of(stream), "/m");
}

TEST(SseEndpoint, other_events_are_not_taken_for_it) {
    for (const char* stream : {"event: message\ndata: /m\n\n", "data: /m\n\n", ": endpoint\n\n",
                               "event: endpoints\ndata: /m\n\n", "event:  endpoint\ndata: /m\n\n",
                               "event: endpoint\nevent: message\ndata: /m\n\n"})
        EXPECT_EQ(value_of(stream), "incomplete") << stream;
}

TEST(SseEndpoint, has_exactly_one_line_of_data) {
    EXPECT_EQ(value_of("event: endpoint\n\n"), "broken");
    EXPECT_EQ(value_of("event: endpoint\ndata: /a\ndata: /b\n\n"), "broken");
    EXPECT_EQ(value_of("event: endpoint\ndata\n\n"), "");
}

std::string resolved(std::string_view reference, std::string_view base = "/sse") {
    std::array<char, 64> out{};
    return {out.data(), resolve_endpoint(reference, "127.0.0.1:3001", base, out)};
}

TEST(SseEndpoint, resolves_as_rfc_3986_says) {
    EXPECT_EQ(resolved("/message?sessionId=5"), "/message?sessionId=5");
    EXPECT_EQ(resolved("message?s=5"), "/message?s=5");
    EXPECT_EQ(resolved("message?s=5", "/a/b/sse?x=1"), "/a/b/message?s=5");
    EXPECT_EQ(resolved("../m", "/a/b/sse"), "/a/m");
    EXPECT_EQ(resolved("../../../m", "/a/b/sse"), "/m");
    EXPECT_EQ(resolved("./m/../n/.", "/a/sse"), "/a/n/");
    EXPECT_EQ(resolved("?s=5", "/a/sse?x=1"), "/a/sse?s=5");
    EXPECT_EQ(resolved("", "/a/sse?x=1"), "/a/sse");
    EXPECT_EQ(resolved("/m?s=../x#part"), "/m?s=../x");
    EXPECT_EQ(resolved("/m:1/?a=b:c"), "/m:1/?a=b:c");
    EXPECT_EQ(resolved("http://127.0.0.1:3001/m?s=5"), "/m?s=5");
    EXPECT_EQ(resolved("HTTP://localhost:3001/m"), "/m");
    EXPECT_EQ(resolved("http://127.0.0.1:3001?s=5", "/a/sse"), "/?s=5");
    EXPECT_EQ(resolved("//127.0.0.1:3001/m"), "/m");
}

TEST(SseEndpoint, leads_nowhere_else) {
    for (const char* reference :
         {"http://evil.example/m", "https://127.0.0.1:3001/m", "http://127.0.0.1:3002/m",
          "http://127.0.0.1/m", "//evil.example/m", "http://127.0.0.1:3001@evil.example/m",
          "http://user@127.0.0.1:3001/m", "ftp://127.0.0.1:3001/m", "http:/m", "http:m",
          "javascript:1", "data:x", "/m m", "/m\tm", "/m\xC3\xA4", "\\\\evil\\m", "/\\evil/m"})
        EXPECT_EQ(resolved(reference), "") << reference;
}

TEST(SseEndpoint, what_does_not_fit_is_refused) {
    EXPECT_EQ(resolved("/" + std::string(63, 'a')).size(), 64U);
    EXPECT_EQ(resolved("/" + std::string(64, 'a')), "");
    EXPECT_EQ(resolved(std::string(40, 'a') + "?" + std::string(40, 'b')), "");
}

}  // namespace
}  // namespace mcpgw::sse
