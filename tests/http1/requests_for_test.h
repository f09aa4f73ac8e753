// The requests that most tests of this folder are made of, and what they ask of answers.
//
// Sending and listening is left to gateway_for_test.h.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/http1/gateway_for_test.h"

namespace mcpgw::http1 {

// A request that must never reach the server on its own when it lies inside another one.
inline constexpr std::string_view kHidden =
    "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nX-Hidden: 1\r\nContent-Length: "
    "2\r\n\r\n{}";
inline const std::string kZero("\0", 1);
inline const std::string kRequest = std::string(kPost) + "Content-Length: 2\r\n\r\n{}";

inline std::string post(std::string_view rest) {
    return std::string(kPost) + std::string(rest);
}
// With these lines before the one for a body of two bytes, and with that body.
inline std::string post_with(std::string_view lines) {
    return post(lines) + "Content-Length: 2\r\n\r\n{}";
}
inline std::string chunked(std::string_view body) {
    return post("Transfer-Encoding: chunked\r\n\r\n") + std::string(body);
}

inline RecordingBackend::Script answering(std::string_view bytes, bool close = false) {
    return [reply = Reply{std::string(bytes), close}](const Message&, int) { return reply; };
}

inline int status_of(const Heard& heard) {
    return heard.answers.empty() ? 0 : heard.answers.back().status();
}
// The status of the only answer, after which the gateway has closed the connection.
inline int last_status(const Gateway& gateway, std::string_view bytes) {
    const Heard heard = gateway.exchange(bytes, 2);
    EXPECT_EQ(heard.answers.size(), 1U) << heard.text();
    EXPECT_TRUE(heard.closed);
    return status_of(heard);
}

}  // namespace mcpgw::http1
