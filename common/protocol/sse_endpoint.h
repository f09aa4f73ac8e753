// The `endpoint` event with which an HTTP+SSE stream begins (MCP 2024-11-05, transports): where it
// is, and where it points.
//
//   event: endpoint
//   data: /messages?sessionId=5f1c…        relative to the stream's own URL, or absolute
//
// Clients post their messages there, and accept only their own origin. Pure functions on the bytes
// that have come so far; what lies before and behind the value is for the caller to keep as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mcpgw::sse {

struct EndpointEvent {
    enum class State : std::uint8_t {
        incomplete,  // the event has not ended yet, or has not come
        found,
        broken,  // an endpoint event without one line of data
    };
    State state = State::incomplete;
    // The value of its data line, without the space behind the colon.
    std::size_t value_begin = 0;
    std::size_t value_end = 0;
};

// Looks through the beginning of a stream. Comments and events of other types may come first; lines
// end in LF, CR or CR LF; fields may come in any order.
[[nodiscard]] EndpointEvent find_endpoint(std::string_view stream);

// The request target (path and query, RFC 9112 section 3.2.1) that `reference` means on the server
// `authority` whose stream has the target `base`; a fragment is dropped, dot segments are resolved
// (RFC 3986 section 5.2). Returns the bytes written to `out`; 0 for a reference that leads to
// another origin, is not made of visible ASCII, or does not fit.
[[nodiscard]] std::size_t resolve_endpoint(std::string_view reference, std::string_view authority,
                                           std::string_view base, std::span<char> out);

}  // namespace mcpgw::sse
