// Any bytes as a body: payload, end and error do not depend on the cutting, limits hold, and any
// payload survives being framed in chunks and read again.
#include <array>
#include <string>

#include "common/check.h"
#include "common/limits.h"
#include "common/protocol/http1_body.h"
#include "common/protocol/input_cuts.h"

namespace mcpgw::http {
namespace {

struct Decoded {
    std::string payload;
    std::size_t consumed = 0;
    BodyDecoder::State state = BodyDecoder::State::reading;
    BodyError error = BodyError::none;
    bool operator==(const Decoded&) const = default;
};

Decoded decode_pieces(BodyDecoder decoder, const Pieces& pieces) {
    Decoded out;
    for (Bytes piece : pieces)
        while (!piece.empty() && decoder.state() == BodyDecoder::State::reading) {
            const BodyDecoder::Step step = decoder.feed(piece);
            check(step.consumed <= piece.size(), "consumes what it was given");
            check(step.data_offset + step.data_bytes <= step.consumed, "payload is consumed");
            check(step.consumed > 0 || decoder.state() != BodyDecoder::State::reading,
                  "each step gets on");
            out.payload += as_text(piece.subspan(step.data_offset, step.data_bytes));
            out.consumed += step.consumed;
            piece = piece.subspan(step.consumed);
        }
    out.state = decoder.state();
    out.error = decoder.error();
    check((out.state == BodyDecoder::State::failed) == (out.error != BodyError::none),
          "fails for a reason");
    return out;
}

Decoded decode_in_many_ways(const BodyDecoder& decoder, std::string_view text) {
    const Decoded whole = decode_pieces(decoder, {as_bytes(text)});
    std::mt19937_64 random(fnv1a(text));
    check(decode_pieces(decoder, cut_every(text, 1)) == whole, "the same byte by byte");
    for (int round = 0; round < 3; ++round)
        check(decode_pieces(decoder, cut_at_random(text, random)) == whole, "the same in pieces");
    return whole;
}

std::string in_chunks(std::string_view payload) {
    std::mt19937_64 random(fnv1a(payload));
    std::string framed;
    std::array<char, chunk_head_bytes_max> head{};
    for (const Bytes piece : cut_at_random(payload, random)) {
        if (piece.empty()) continue;
        framed.append(head.data(), write_chunk_head(piece.size(), head.data()));
        framed.append(as_text(piece)).append(kChunkEnd);
    }
    return framed.append(kLastChunk);
}

void check_chunked(std::string_view text) {
    const Decoded free = decode_in_many_ways({Framing::chunked, 0, UINT64_MAX}, text);
    constexpr std::uint64_t small = 20;
    const Decoded limited = decode_in_many_ways({Framing::chunked, 0, small}, text);
    check(limited.payload.size() <= small, "the limit holds");
    check(free.payload.starts_with(limited.payload), "a limit changes the end only");
    if (limited.error != BodyError::too_large) check(limited == free, "or nothing at all");
    if (free.state != BodyDecoder::State::complete) return;
    check(text.substr(0, free.consumed).ends_with("\r\n\r\n"), "ends with an empty line");
    const Decoded alone =
        decode_pieces({Framing::chunked, 0, UINT64_MAX}, {as_bytes(text.substr(0, free.consumed))});
    check(alone == free, "what follows the end does not matter");
}

void check_round_trip(std::string_view payload) {
    const std::string framed = in_chunks(payload);
    const Decoded out = decode_in_many_ways({Framing::chunked, 0, payload.size()}, framed);
    check(out.state == BodyDecoder::State::complete, "what we write is complete");
    check(out.payload == payload && out.consumed == framed.size(), "and comes out as it went in");
}

void check_plain(std::string_view text) {
    const std::size_t length = fnv1a(text) % (text.size() + 2);
    const Decoded counted = decode_in_many_ways({Framing::content_length, length, length}, text);
    check(counted.payload == text.substr(0, length), "content_length bytes");
    check((counted.state == BodyDecoder::State::complete) == (length <= text.size()), "its end");
    const Decoded open = decode_in_many_ways({Framing::until_close, 0, length}, text);
    check(open.payload == text.substr(0, length), "up to the limit");
    check((open.error == BodyError::too_large) == (length < text.size()), "and not beyond");
}

}  // namespace
}  // namespace mcpgw::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw::http;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_chunked(text);
    check_round_trip(text);
    check_plain(text);
    return 0;
}
