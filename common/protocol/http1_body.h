// Body framing of HTTP/1.1 (RFC 9112 sections 6 and 7), incremental and without copying.
//
//   while (!input.empty()) {
//       BodyDecoder::Step step = decoder.feed(input);
//       if (step.data_bytes > 0) use(input.subspan(step.data_offset, step.data_bytes));
//       input = input.subspan(step.consumed);
//       if (decoder.state() != State::reading) break;
//   }
//
// One step yields at most one range of payload, which lies in the input itself. Chunked bodies:
// CR LF only; sizes of at most 15 hexadecimal digits; chunk extensions are accepted when
// they are well formed and within the line limit, and dropped; trailers are checked like header
// fields, counted against their limit, and dropped (they are never merged into the header).
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/protocol/http_message.h"

namespace mcpgw::http {

enum class BodyError : std::uint8_t {
    none,
    bad_chunk_size,
    chunk_size_overflow,
    bad_chunk_extension,
    bad_chunk_end,  // the CR LF after a chunk's data is missing
    chunk_line_too_long,
    bad_trailer,
    trailer_too_large,
    too_large,  // more payload than bytes_max
    cut_short,  // the connection ended inside the body
};
[[nodiscard]] std::string_view sentence_of(BodyError error);

class BodyDecoder {
  public:
    enum class State : std::uint8_t { reading, complete, failed };
    struct Step {
        std::size_t consumed = 0;     // bytes of the input that are dealt with, payload included
        std::size_t data_offset = 0;  // where payload begins in the input
        std::size_t data_bytes = 0;   // 0: only framing was consumed
        // What was consumed is one chunk, from its size to the CR LF behind its payload, without
        // extensions: it may go on as it is where chunks are wanted.
        bool is_plain_chunk = false;
    };

    BodyDecoder() = default;  // complete: no body
    // A content_length above bytes_max has failed at once; one of 0 is complete.
    BodyDecoder(Framing framing, std::uint64_t content_length, std::uint64_t bytes_max);

    // Must be called in state `reading` only. Consumes all of `input` unless payload, the end of
    // the body or an error comes first; on an error it stops before the byte that is wrong.
    Step feed(Bytes input);
    // `bytes` of a content_length body, no more than remaining(), went another way.
    void pass(std::uint64_t bytes);
    // The connection has ended: completes an until_close body, fails any other unfinished one.
    void end_of_input();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] BodyError error() const { return error_; }
    [[nodiscard]] Framing framing() const { return framing_; }
    // Payload still to come in the present chunk, or of a content_length body.
    [[nodiscard]] std::uint64_t remaining() const;

  private:
    enum class Expect : std::uint8_t;  // what the next byte of a chunked body must be (in the .cpp)

    Step feed_chunked(Bytes input);
    Step take_payload(std::size_t offset, std::size_t available);
    void read_framing(char c);
    void read_size(char c);
    void read_size_lf(char c);
    void read_extension(char c);
    void read_extension_value(char c);
    Expect after_extension_part(char c, Expect after_blank);
    void read_trailer(char c);
    void fail(BodyError error);

    Framing framing_ = Framing::none;
    State state_ = State::complete;
    BodyError error_ = BodyError::none;
    Expect expect_{};
    std::uint8_t size_digits_ = 0;
    std::uint16_t framing_bytes_ = 0;  // of the present size line, or of the trailers
    std::uint64_t room_ = 0;           // payload that may still come
    std::uint64_t remaining_ = 0;      // or what the digits of a chunk size say so far
};

// The framing around one outgoing chunk. `out` must have room for chunk_head_bytes_max; returns the
// number of bytes written: the size (never 0) in hexadecimal and CR LF. After the payload comes
// kChunkEnd, at the end of the body kLastChunk.
inline constexpr std::size_t chunk_head_bytes_max = 18;
std::size_t write_chunk_head(std::uint64_t payload_bytes, char* out);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace mcpgw::http
