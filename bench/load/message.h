// What travels through the proxies: MCP messages of a wished size, the same bytes on both ends.
//
// A call and an answer are valid JSON-RPC of exactly the wished number of bytes; whatever is beyond
// the envelope is text without escapes. They are made once per size and live as long as the
// process, so that both ends compare and send without a copy. An event names its stream and its
// number in it, so that a lost, doubled, reordered or misdirected one is seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mcpgw::bench {

// Small tools/call requests and answers, as agents make most of them.
inline constexpr std::size_t call_bytes_usual = 110;
inline constexpr std::size_t answer_bytes_usual = 300;
// No message is made larger than this.
inline constexpr std::size_t message_bytes_max = 256 * 1024 * 1024;

inline constexpr std::string_view kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})";

// bytes: from the size of the envelope (about 110 for a call, 90 for an answer) to
// message_bytes_max; smaller wishes give the smallest possible message.
[[nodiscard]] const std::string& call_of(std::size_t bytes);
[[nodiscard]] const std::string& answer_of(std::size_t bytes);

// One event of an event stream, about 140 bytes with its blank line.
[[nodiscard]] std::string event_of(std::uint32_t stream, std::uint64_t number);

}  // namespace mcpgw::bench
