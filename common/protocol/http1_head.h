// Strict parsing of HTTP/1.1 heads (RFC 9110, RFC 9112). Bytes in, facts out; no I/O, no
// allocation.
//
// Two steps. A HeadScanner is fed bytes as they arrive, in any pieces, and finds the end of the
// head; it already refuses what may never occur in one (bare CR or LF, NUL, obs-fold, more than the
// limit), so an attacker cannot make us wait for an end that is wrong already. Then the whole head,
// which must lie in one piece, is parsed into views.
//
// Strictness (CONTRACT section 7): only CR LF ends a line; no obs-fold; no white space before the
// colon; field names are tokens; field values hold no control characters; differing or repeated
// Content-Length, Content-Length with Transfer-Encoding, and any transfer coding but a single
// "chunked" are refused; HTTP/1.1 needs exactly one Host.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/bytes.h"
#include "common/protocol/http_message.h"

namespace mcpgw::http {

// Why a head is refused. Each has one status (status_of) and one sentence (sentence_of).
enum class HeadError : std::uint8_t {
    none,
    bad_line_ending,  // bare CR or LF
    bad_request_line,
    bad_status_line,
    bad_target,             // not origin-form or absolute-form http(s), or a character out of place
    target_too_long,        // 414
    bad_version,            // not HTTP/1.x at all
    version_not_supported,  // HTTP/2.0 and the like: 505
    bad_field_name,
    bad_field_value,
    obs_fold,
    too_many_fields,  // 431
    head_too_large,   // 431
    bad_content_length,
    conflicting_content_length,
    content_length_with_transfer_encoding,
    unknown_transfer_coding,  // 501 for requests (RFC 9112 section 6.1)
    body_without_end,         // the last transfer coding is not chunked (section 6.3)
    transfer_encoding_in_http10,
    missing_host,
    repeated_host,
    bad_host,
    unsupported_expectation,  // 417
    unsupported_method,       // CONNECT, TRACE: 501
};

[[nodiscard]] std::uint16_t status_of(HeadError error);  // 400, 414, 417, 431, 501 or 505
[[nodiscard]] std::string_view sentence_of(HeadError error);

class HeadScanner {
  public:
    enum class State : std::uint8_t { scanning, complete, failed };

    explicit HeadScanner(std::size_t bytes_max = limits::head_bytes_max) : bytes_max_(bytes_max) {}

    // Looks at the next bytes. Returns how many belong to the head; when the state is then
    // `complete`, the rest of `input` is body or the next message; when it is `failed`, they end
    // before the byte that is wrong. Takes nothing once the state is not `scanning`. Empty lines
    // before a request line are counted in but allowed (RFC 9112 section 2.2); see
    // leading_bytes(). Before a response they are not: the caller refuses leading_bytes() > 0.
    std::size_t feed(Bytes input);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] HeadError error() const { return error_; }
    // Bytes seen so far, and those of them that are empty lines before the head.
    [[nodiscard]] std::size_t head_bytes() const { return seen_; }
    [[nodiscard]] std::size_t leading_bytes() const { return leading_; }
    void reset();

  private:
    enum class Line : std::uint8_t;  // where in a line the next byte stands (in the .cpp)

    std::size_t advance(std::string_view text, std::size_t at);
    void fail(HeadError error);

    std::size_t bytes_max_;
    std::size_t seen_ = 0;
    std::size_t leading_ = 0;
    State state_ = State::scanning;
    HeadError error_ = HeadError::none;
    Line line_{};
};

// `head` is a complete head as the scanner delimited it (without the leading empty lines), ending
// in CR LF CR LF. On success every view of `out` points into `head`.
[[nodiscard]] HeadError parse_request_head(std::string_view head, RequestHead& out);

// `request_method` decides whether a body may follow (RFC 9112 section 6.3 rules 1 and 2).
[[nodiscard]] HeadError parse_response_head(std::string_view head, Method request_method,
                                            ResponseHead& out);

// Whether the comma-separated list of a field (e.g. Connection) has the token, ignoring case.
[[nodiscard]] bool list_has_token(std::string_view list, std::string_view token);

// RFC 9110 section 5.6.2.
[[nodiscard]] bool is_token(std::string_view text);
// 0x21-0x7E only, at least one (the rule for session ids, MCP 2025-11-25 transports).
[[nodiscard]] bool is_visible_ascii(std::string_view text);

}  // namespace mcpgw::http
