// The body decoder. Payload is only measured, never touched; framing is read byte by byte, which is
// cheap because there are few bytes of it.
//
// Invariant: the payload that comes out depends on the bytes only, never on how they were cut.
//
// Chunked (RFC 9112 section 7.1); whatever is not drawn fails. BWS is blanks before ; and =.
//
//   size --CR--> size_lf --LF--> data --> data_cr --CR--> data_lf --LF--> size
//    |             ^         |
//    '- extensions -'        '--LF after 0--> trailer_start --CR--> last_lf --LF--> complete
//                                              |         ^
//                            trailer_name <----'         '--LF-- trailer_lf
//                                  '--:--> trailer_value --CR--> ----^
#include "common/protocol/http1_body.h"

#include <algorithm>

#include "common/check.h"
#include "common/protocol/byte_scan.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::http {
namespace {

constexpr std::uint8_t kSizeDigitsMax = 15;
static_assert(limits::trailer_bytes_max < UINT16_MAX && limits::chunk_line_bytes_max < UINT16_MAX,
              "bytes of framing are counted in 16 bits");

bool is_token_char(char c) {
    return is_token({&c, 1});
}

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing but digits and CR LF; the line has been read and is valid.
bool is_plain_size_line(std::string_view line) {
    line.remove_suffix(std::min<std::size_t>(line.size(), 2));
    return std::ranges::all_of(line, [](char c) { return hex_value(c) >= 0; });
}

}  // namespace

enum class BodyDecoder::Expect : std::uint8_t {
    size,              // digits
    before_semicolon,  // blanks after a size or an extension
    extension_start,   // after ';'
    extension_name,
    before_equals,  // blanks after a name
    value_start,    // after '='
    value_token,
    value_quoted,
    value_escape,  // after a backslash
    value_end,     // after the closing quote
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
};

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length, std::uint64_t bytes_max)
    : framing_(framing), room_(bytes_max) {
    switch (framing) {
        case Framing::none:
            return;
        case Framing::chunked:
        case Framing::until_close:
            state_ = State::reading;
            return;
        case Framing::content_length:
            if (content_length == 0) return;
            state_ = State::reading;
            remaining_ = content_length;
            if (content_length > bytes_max) fail(BodyError::too_large);
            return;
    }
    check_failed("a framing of the enumeration", std::source_location::current());
}

void BodyDecoder::fail(BodyError error) {
    check(state_ == State::reading && error != BodyError::none, "fails once, for a reason");
    state_ = State::failed;
    error_ = error;
}

void BodyDecoder::pass(std::uint64_t bytes) {
    check(framing_ == Framing::content_length && bytes <= remaining_, "a part of what is left");
    remaining_ -= bytes;
    if (remaining_ == 0) state_ = State::complete;
}

void BodyDecoder::end_of_input() {
    if (state_ != State::reading) return;
    if (framing_ == Framing::until_close)
        state_ = State::complete;
    else
        fail(BodyError::cut_short);
}

std::uint64_t BodyDecoder::remaining() const {
    return framing_ == Framing::chunked && expect_ != Expect::data ? 0 : remaining_;
}

BodyDecoder::Step BodyDecoder::feed(Bytes input) {
    check(state_ == State::reading, "a finished body takes no bytes");
    if (input.empty()) return {};
    switch (framing_) {
        case Framing::chunked:
            return feed_chunked(input);
        case Framing::content_length: {
            const Step step = take_payload(0, input.size());
            if (remaining_ == 0) state_ = State::complete;
            return step;
        }
        case Framing::until_close:
            remaining_ = room_;
            if (remaining_ > 0) return take_payload(0, input.size());
            fail(BodyError::too_large);
            return {};
        case Framing::none:
            break;
    }
    check_failed("a message without a body reads nothing", std::source_location::current());
}

BodyDecoder::Step BodyDecoder::take_payload(std::size_t offset, std::size_t available) {
    check(remaining_ > 0 && available > 0, "there is payload to take");
    check(remaining_ <= room_, "the limit was checked before");
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, available));
    remaining_ -= taken;
    room_ -= taken;
    return {offset + taken, offset, taken};
}

BodyDecoder::Step BodyDecoder::feed_chunked(Bytes input) {
    const std::string_view text = as_text(input);
    const bool at_chunk_border = expect_ == Expect::size && size_digits_ == 0;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (expect_ == Expect::data) {
            Step step = take_payload(at, text.size() - at);
            if (remaining_ > 0) return step;
            step.is_plain_chunk = at_chunk_border && is_plain_size_line(text.substr(0, at)) &&
                                  text.substr(step.consumed, 2) == kChunkEnd;
            expect_ = step.is_plain_chunk ? Expect::size : Expect::data_cr;
            if (!step.is_plain_chunk) return step;
            step.consumed += kChunkEnd.size();
            return step;
        }
        read_framing(text[at]);
        if (state_ == State::failed) return {at, 0, 0};
        if (state_ == State::complete) return {at + 1, 0, 0};
    }
    return {at, 0, 0};
}

void BodyDecoder::read_framing(char c) {
    if (expect_ <= Expect::size_lf) {
        if (++framing_bytes_ > limits::chunk_line_bytes_max)
            fail(BodyError::chunk_line_too_long);
        else if (expect_ == Expect::size)
            read_size(c);
        else if (expect_ == Expect::size_lf)
            read_size_lf(c);
        else
            read_extension(c);
    } else if (expect_ == Expect::data_cr || expect_ == Expect::data_lf) {
        if (c != (expect_ == Expect::data_cr ? '\r' : '\n')) {
            fail(BodyError::bad_chunk_end);
            return;
        }
        expect_ = expect_ == Expect::data_cr ? Expect::data_lf : Expect::size;
    } else if (++framing_bytes_ > limits::trailer_bytes_max) {
        fail(BodyError::trailer_too_large);
    } else {
        read_trailer(c);
    }
}

void BodyDecoder::read_size(char c) {
    if (const int value = hex_value(c); value >= 0) {
        if (++size_digits_ > kSizeDigitsMax)
            fail(BodyError::chunk_size_overflow);
        else
            remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(value);
    } else if (size_digits_ == 0 || (c != '\r' && c != ';' && !is_blank(c))) {
        fail(BodyError::bad_chunk_size);
    } else if (c == '\r') {
        expect_ = Expect::size_lf;
    } else {
        expect_ = c == ';' ? Expect::extension_start : Expect::before_semicolon;
    }
}

void BodyDecoder::read_size_lf(char c) {
    if (c != '\n') {
        fail(BodyError::bad_chunk_size);
    } else if (remaining_ > room_) {
        fail(BodyError::too_large);
    } else {
        expect_ = remaining_ == 0 ? Expect::trailer_start : Expect::data;
        framing_bytes_ = 0;
    }
    size_digits_ = 0;
}

// What may follow a complete extension name or value.
BodyDecoder::Expect BodyDecoder::after_extension_part(char c, Expect after_blank) {
    if (c == '\r') return Expect::size_lf;
    if (c == ';') return Expect::extension_start;
    if (is_blank(c)) return after_blank;
    fail(BodyError::bad_chunk_extension);
    return expect_;
}

// *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
void BodyDecoder::read_extension(char c) {
    if (expect_ >= Expect::value_start) {
        read_extension_value(c);
    } else if (expect_ == Expect::extension_name && is_token_char(c)) {
        return;
    } else if (expect_ == Expect::extension_start && is_token_char(c)) {
        expect_ = Expect::extension_name;
    } else if (c == '=' &&
               (expect_ == Expect::extension_name || expect_ == Expect::before_equals)) {
        expect_ = Expect::value_start;
    } else if (expect_ == Expect::extension_name) {
        expect_ = after_extension_part(c, Expect::before_equals);
    } else if (c == ';' && expect_ != Expect::extension_start) {
        expect_ = Expect::extension_start;
    } else if (!is_blank(c)) {
        fail(BodyError::bad_chunk_extension);
    }
}

// chunk-ext-val is a token or a quoted-string (RFC 9110 section 5.6.4).
void BodyDecoder::read_extension_value(char c) {
    check(expect_ >= Expect::value_start && expect_ <= Expect::value_end, "inside a value");
    if (expect_ == Expect::value_end || (expect_ == Expect::value_token && !is_token_char(c))) {
        expect_ = after_extension_part(c, Expect::before_semicolon);
    } else if (expect_ == Expect::value_token) {
        return;
    } else if (expect_ == Expect::value_start && is_token_char(c)) {
        expect_ = Expect::value_token;
    } else if (expect_ == Expect::value_start && c == '"') {
        expect_ = Expect::value_quoted;
    } else if (is_control(c) || (expect_ == Expect::value_start && !is_blank(c))) {
        fail(BodyError::bad_chunk_extension);
    } else if (expect_ == Expect::value_escape) {
        expect_ = Expect::value_quoted;
    } else if (expect_ == Expect::value_quoted && c == '"') {
        expect_ = Expect::value_end;
    } else if (expect_ == Expect::value_quoted && c == '\\') {
        expect_ = Expect::value_escape;
    }
}

void BodyDecoder::read_trailer(char c) {
    const auto move = [this](bool allowed, Expect next) {
        if (allowed)
            expect_ = next;
        else
            fail(BodyError::bad_trailer);
    };
    if (expect_ == Expect::trailer_start) {
        // A blank here would be obs-fold; it is no token character.
        move(c == '\r' || is_token_char(c), c == '\r' ? Expect::last_lf : Expect::trailer_name);
    } else if (expect_ == Expect::trailer_name) {
        move(c == ':' || is_token_char(c), c == ':' ? Expect::trailer_value : Expect::trailer_name);
    } else if (expect_ == Expect::trailer_value) {
        move(c == '\r' || !is_control(c), c == '\r' ? Expect::trailer_lf : Expect::trailer_value);
    } else if (expect_ == Expect::trailer_lf) {
        move(c == '\n', Expect::trailer_start);
    } else {
        check(expect_ == Expect::last_lf, "inside the trailer section");
        move(c == '\n', Expect::last_lf);
        if (c == '\n') state_ = State::complete;
    }
}

std::size_t write_chunk_head(std::uint64_t payload_bytes, char* out) {
    check(payload_bytes > 0, "an empty chunk would end the body");
    constexpr std::string_view digits = "0123456789abcdef";
    std::size_t size = 0;
    int shift = 60;
    while ((payload_bytes >> shift) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out[size++] = digits[payload_bytes >> shift & 15U];
    out[size++] = '\r';
    out[size++] = '\n';
    check(size <= chunk_head_bytes_max, "the promised room was enough");
    return size;
}

}  // namespace mcpgw::http
