// The body decoder: payload and end of every framing, however the bytes are cut, and what it
// refuses.
#include "common/protocol/http1_body.h"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/protocol/cuts_for_test.h"

namespace mcpgw::http {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;

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
            const std::uint64_t remaining = decoder.remaining();
            const BodyDecoder::Step step = decoder.feed(piece);
            EXPECT_LE(step.consumed, piece.size());
            EXPECT_LE(step.data_offset + step.data_bytes, step.consumed);
            EXPECT_TRUE(step.consumed > 0 || decoder.state() != BodyDecoder::State::reading);
            if (remaining > 0 && decoder.framing() != Framing::until_close) {
                EXPECT_EQ(decoder.remaining(), remaining - step.data_bytes);
            }
            out.payload += as_text(piece.subspan(step.data_offset, step.data_bytes));
            out.consumed += step.consumed;
            piece = piece.subspan(step.consumed);
        }
    out.state = decoder.state();
    out.error = decoder.error();
    return out;
}

Decoded decode(const BodyDecoder& decoder, std::string_view text) {
    const Decoded whole = decode_pieces(decoder, {as_bytes(text)});
    for_each_cutting(text, [&](const Pieces& pieces) {
        const Decoded cut = decode_pieces(decoder, pieces);
        EXPECT_TRUE(cut == whole) << text << " gave " << cut.payload << " after " << cut.consumed;
    });
    return whole;
}
Decoded decode_chunked(std::string_view text, std::uint64_t bytes_max = kNoLimit) {
    return decode(BodyDecoder(Framing::chunked, 0, bytes_max), text);
}
std::string_view refusal_of_body(std::string_view text) {
    return sentence_of(decode_chunked(text).error);
}

// The payload of a chunked body that must be complete after its last byte but for `rest`.
std::string payload_of(const std::string& text, const std::string& rest = {}) {
    const Decoded out = decode_chunked(text + rest);
    EXPECT_EQ(sentence_of(out.error), sentence_of(BodyError::none)) << text;
    EXPECT_EQ(out.state, BodyDecoder::State::complete) << text;
    EXPECT_EQ(out.consumed, text.size());
    return out.payload;
}

TEST(BodyDecoder, without_a_body_is_complete_at_once) {
    EXPECT_EQ(BodyDecoder().state(), BodyDecoder::State::complete);
    EXPECT_EQ(BodyDecoder(Framing::none, 5, kNoLimit).state(), BodyDecoder::State::complete);
    EXPECT_EQ(BodyDecoder(Framing::content_length, 0, 0).state(), BodyDecoder::State::complete);
}

TEST(BodyDecoder, takes_content_length_bytes_and_no_more) {
    const Decoded out = decode(BodyDecoder(Framing::content_length, 5, 5), "helloGET /");
    EXPECT_EQ(out.payload, "hello");
    EXPECT_EQ(out.consumed, 5U);
    EXPECT_EQ(out.state, BodyDecoder::State::complete);
}

TEST(BodyDecoder, announces_what_remains_of_a_content_length) {
    BodyDecoder decoder(Framing::content_length, 10, kNoLimit);
    EXPECT_EQ(decoder.remaining(), 10U);
    EXPECT_EQ(decoder.feed(as_bytes("abc")).data_bytes, 3U);
    EXPECT_EQ(decoder.remaining(), 7U);
    EXPECT_EQ(decoder.feed({}).consumed, 0U);
}

TEST(BodyDecoder, refuses_a_content_length_above_the_limit_before_any_byte) {
    const BodyDecoder decoder(Framing::content_length, 6, 5);
    EXPECT_EQ(decoder.state(), BodyDecoder::State::failed);
    EXPECT_EQ(decoder.error(), BodyError::too_large);
}

TEST(BodyDecoder, until_close_ends_with_the_connection_only) {
    BodyDecoder decoder(Framing::until_close, 0, kNoLimit);
    EXPECT_EQ(decode(decoder, "any\r\n0\r\n\r\n").payload, "any\r\n0\r\n\r\n");
    EXPECT_EQ(decode(decoder, "x").state, BodyDecoder::State::reading);
    decoder.end_of_input();
    EXPECT_EQ(decoder.state(), BodyDecoder::State::complete);
}

TEST(BodyDecoder, until_close_stops_at_the_limit) {
    const BodyDecoder decoder(Framing::until_close, 0, 4);
    EXPECT_EQ(decode(decoder, "abcd").error, BodyError::none);
    const Decoded out = decode(decoder, "abcde");
    EXPECT_EQ(out.payload, "abcd");
    EXPECT_EQ(out.error, BodyError::too_large);
}

TEST(BodyDecoder, an_early_end_fails_all_but_until_close) {
    for (const std::string_view begun :
         {"", "5", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\n\r"}) {
        BodyDecoder decoder(Framing::chunked, 0, kNoLimit);
        for (Bytes input = as_bytes(begun); !input.empty();)
            input = input.subspan(decoder.feed(input).consumed);
        decoder.end_of_input();
        EXPECT_EQ(decoder.error(), BodyError::cut_short) << begun;
    }
    BodyDecoder length(Framing::content_length, 5, 5);
    length.end_of_input();
    EXPECT_EQ(length.error(), BodyError::cut_short);
    BodyDecoder done;
    done.end_of_input();
    EXPECT_EQ(done.state(), BodyDecoder::State::complete);
}

TEST(BodyDecoder, joins_chunks_and_leaves_what_follows) {
    EXPECT_EQ(payload_of("0\r\n\r\n"), "");
    EXPECT_EQ(payload_of("5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n"), "hello");
    EXPECT_EQ(payload_of("1\r\na\r\n0009\r\n\r\n0\r\n\r\n67\r\n00\r\n\r\n"), "a\r\n0\r\n\r\n67");
    EXPECT_EQ(payload_of("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789");
    EXPECT_EQ(payload_of("000000000000001\r\nx\r\n000000000000000\r\n\r\n"), "x");
}

TEST(BodyDecoder, announces_what_remains_of_a_chunk) {
    BodyDecoder decoder(Framing::chunked, 0, kNoLimit);
    EXPECT_EQ(decoder.feed(as_bytes("1")).consumed, 1U);
    EXPECT_EQ(decoder.remaining(), 0U);
    const BodyDecoder::Step step = decoder.feed(as_bytes("0\r\nabc"));
    EXPECT_EQ(step.data_offset, 3U);
    EXPECT_EQ(step.data_bytes, 3U);
    EXPECT_EQ(decoder.remaining(), 13U);
}

TEST(BodyDecoder, tells_a_plain_chunk_that_came_whole) {
    const auto first_step = [](std::string_view text) {
        return BodyDecoder(Framing::chunked, 0, kNoLimit).feed(as_bytes(text));
    };
    const BodyDecoder::Step whole = first_step("00B\r\nhello world\r\n1\r\nx\r\n");
    EXPECT_TRUE(whole.is_plain_chunk);
    EXPECT_EQ(whole.consumed, 18U);
    EXPECT_EQ(whole.data_offset, 5U);
    EXPECT_EQ(whole.data_bytes, 11U);
    for (const char* text :
         {"b\r\nhello world", "b\r\nhello world\r", "b\r\nhello", "b;a=b1\r\nhello world\r\n",
          "b ;a\r\nhello world\r\n", "b;beef\r\nhello world\r\n", "b\r\nhello world\n\n"})
        EXPECT_FALSE(first_step(text).is_plain_chunk) << text;
}

TEST(BodyDecoder, a_chunk_whose_size_came_before_is_not_told_as_whole) {
    BodyDecoder decoder(Framing::chunked, 0, kNoLimit);
    EXPECT_EQ(decoder.feed(as_bytes("1")).consumed, 1U);
    const BodyDecoder::Step rest = decoder.feed(as_bytes("0\r\n0123456789abcdef\r\n"));
    EXPECT_FALSE(rest.is_plain_chunk);
    EXPECT_EQ(rest.data_bytes, 16U);
    // The next one is whole again.
    EXPECT_EQ(decoder.feed(as_bytes("\r\n")).consumed, 2U);
    EXPECT_TRUE(decoder.feed(as_bytes("2\r\nab\r\n")).is_plain_chunk);
}

TEST(BodyDecoder, refuses_a_chunk_size_that_is_not_plain_hexadecimal) {
    for (const std::string_view text :
         {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1\n", "1\rx", "1,\r\n",
          ";a\r\n", "\n", "1\v\r\n", "\t1\r\n", "1\r\r\n", "\xB1\r\n"})
        EXPECT_EQ(refusal_of_body(text), sentence_of(BodyError::bad_chunk_size)) << text;
    EXPECT_EQ(refusal_of_body("1000000000000000\r\n"), sentence_of(BodyError::chunk_size_overflow));
    EXPECT_EQ(refusal_of_body("0000000000000001\r\n"), sentence_of(BodyError::chunk_size_overflow));
    EXPECT_EQ(refusal_of_body("ffffffffffffffff\r\n"), sentence_of(BodyError::chunk_size_overflow));
    BodyDecoder largest(Framing::chunked, 0, kNoLimit);
    EXPECT_EQ(largest.feed(as_bytes("fffffffffffffff\r\n")).consumed, 17U);
    EXPECT_EQ(largest.remaining(), 0xfffffffffffffffULL);
}

TEST(BodyDecoder, drops_well_formed_chunk_extensions) {
    for (const std::string extension : {";a", ";a=b", " ;\ta = \t\"q\\\" ;,\"", ";a=\"\";b;c=d",
                                        "; a ;b = c ;d", ";a=\"\xC3\xA9\"", ";a=\"\\\xFF\t\\\\\""})
        EXPECT_EQ(payload_of("2" + extension + "\r\nhi\r\n0" + extension + "\r\n\r\n"), "hi")
            << extension;
}

TEST(BodyDecoder, refuses_malformed_chunk_extensions) {
    for (const std::string_view extension :
         {";",         " ",           ";a=",    ";a ",       ";=b",        ";a b",    ";a==b",
          ";a=b c",    ";a=\"",       ";a=\"x", ";a=\"x\"y", ";a=\"x\" y", ";a=\"\\", ";a=\"\x01\"",
          ";a=\"\n\"", ";a=\"\\\n\"", ";a=b=c", ";a;",       "; ",         ";a=b ",   ";a=\"b\" ",
          ";\xC3",     ";a=\xC3",     ";a\n",   ";a(b",      ";a,b"})
        EXPECT_EQ(refusal_of_body("1" + std::string(extension) + "\r\nx\r\n"),
                  sentence_of(BodyError::bad_chunk_extension))
            << extension;
}

TEST(BodyDecoder, limits_the_chunk_line_anew_for_each_chunk) {
    const std::string longest = "1;" + std::string(limits::chunk_line_bytes_max - 4, 'a') + "\r\n";
    ASSERT_EQ(longest.size(), limits::chunk_line_bytes_max);
    EXPECT_EQ(payload_of(longest + "x\r\n" + longest + "y\r\n0\r\n\r\n"), "xy");
    EXPECT_EQ(refusal_of_body("1;a" + longest.substr(2)),
              sentence_of(BodyError::chunk_line_too_long));
    EXPECT_EQ(refusal_of_body("1" + std::string(1000, ' ')),
              sentence_of(BodyError::chunk_line_too_long));
}

TEST(BodyDecoder, a_chunk_ends_with_cr_lf) {
    for (const std::string_view text :
         {"1\r\nxy", "1\r\nx\n", "1\r\nx\rx", "1\r\nx0\r\n\r\n", "1\r\nx\r\r\n"})
        EXPECT_EQ(refusal_of_body(text), sentence_of(BodyError::bad_chunk_end)) << text;
    EXPECT_EQ(refusal_of_body("1\r\nx\r\n\r\n"), sentence_of(BodyError::bad_chunk_size));
}

TEST(BodyDecoder, checks_and_drops_trailers) {
    EXPECT_EQ(payload_of("2\r\nhi\r\n0\r\nA: b\r\nX-Y:\r\nZ: \xFF\t\r\n\r\n", "A: b\r\n"), "hi");
    for (const std::string_view trailer :
         {"A\r\n", "A : b\r\n", ": b\r\n", " a\r\n", "A: b\r\n c\r\n", "A: b\n", "A: b\rc", "\n",
          "\rx", "A: \x01\r\n", "A\xC3: b\r\n", "A: \x7F\r\n", "\r\r\n"})
        EXPECT_EQ(refusal_of_body("0\r\n" + std::string(trailer)),
                  sentence_of(BodyError::bad_trailer))
            << trailer;
}

TEST(BodyDecoder, limits_the_trailer_section) {
    const std::size_t filling = limits::trailer_bytes_max - 2 - 4;
    const std::string longest = "A:" + std::string(filling, 'x') + "\r\n\r\n";
    ASSERT_EQ(longest.size(), limits::trailer_bytes_max);
    EXPECT_EQ(payload_of("0\r\n" + longest), "");
    EXPECT_EQ(refusal_of_body("0\r\nA" + longest), sentence_of(BodyError::trailer_too_large));
}

TEST(BodyDecoder, limits_the_sum_of_the_chunks) {
    EXPECT_EQ(decode_chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).state,
              BodyDecoder::State::complete);
    const Decoded out = decode_chunked("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5);
    EXPECT_EQ(out.payload, "abc");
    EXPECT_EQ(out.error, BodyError::too_large);
    // Refused for what it announces, before the payload comes.
    EXPECT_EQ(decode_chunked("fffffffffffffff\r\n", 1 << 20).error, BodyError::too_large);
}

TEST(BodyDecoder, a_long_stream_of_chunks_comes_out_as_it_went_in) {
    std::string text;
    std::string expected;
    std::array<char, chunk_head_bytes_max> head{};
    for (std::size_t size = 1; size < 300; size += 7) {
        const std::string payload(size, static_cast<char>('a' + size % 26));
        text.append(head.data(), write_chunk_head(size, head.data()));
        text.append(payload).append(kChunkEnd);
        expected += payload;
    }
    text += kLastChunk;
    EXPECT_EQ(payload_of(text), expected);
}

TEST(ChunkHead, is_the_shortest_hexadecimal) {
    const auto head = [](std::uint64_t payload_bytes) {
        std::array<char, chunk_head_bytes_max> room{};
        return std::string(room.data(), write_chunk_head(payload_bytes, room.data()));
    };
    EXPECT_EQ(head(1), "1\r\n");
    EXPECT_EQ(head(15), "f\r\n");
    EXPECT_EQ(head(16), "10\r\n");
    EXPECT_EQ(head(0xabc0), "abc0\r\n");
    EXPECT_EQ(head(UINT64_MAX), "ffffffffffffffff\r\n");
    EXPECT_DEATH(head(0), "end the body");
}

TEST(BodyError, each_has_its_own_sentence) {
    std::set<std::string_view> sentences;
    constexpr auto last = static_cast<int>(BodyError::cut_short);
    for (int value = 0; value <= last; ++value)
        sentences.insert(sentence_of(static_cast<BodyError>(value)));
    EXPECT_EQ(sentences.size(), static_cast<std::size_t>(last) + 1);
}

}  // namespace
}  // namespace mcpgw::http
