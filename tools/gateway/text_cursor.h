// Walks over a text and knows the line and column it stands at: the ground under both readers.
//
// Bounded by the text; peek() beyond the end gives 0, which neither format allows as a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/gateway/text_position.h"

namespace mcpgw::cli {

class TextCursor {
  public:
    explicit TextCursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return next_ >= text_.size(); }
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return next_ + ahead < text_.size() ? text_[next_ + ahead] : '\0';
    }
    [[nodiscard]] Position position() const { return position_; }
    [[nodiscard]] bool looking_at(std::string_view word) const {
        return text_.substr(next_).starts_with(word);
    }

    char take() {
        const char c = peek();
        if (at_end()) return c;
        ++next_;
        if (c == '\n') {
            ++position_.line;
            position_.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
            ++position_.column;  // the further bytes of a UTF-8 sequence are no characters
        }
        return c;
    }
    void take(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            take();
    }

    // Bytes of the well-formed UTF-8 sequence that comes next (RFC 3629: no overlong forms, no
    // surrogates, nothing above U+10FFFF), 0 if there is none.
    [[nodiscard]] std::size_t utf8_length() const {
        const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(peek(i)); };
        const unsigned first = byte(0);
        if (at_end()) return 0;
        if (first < 0x80) return 1;
        const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
        if (first < 0xC2 || first > 0xF4) return 0;
        for (std::size_t i = 1; i < length; ++i)
            if ((byte(i) & 0xC0U) != 0x80U) return 0;
        const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        return byte(1) >= low && byte(1) <= high ? length : 0;
    }

    // The next character as a message names it.
    [[nodiscard]] std::string name_of_next() const {
        if (at_end()) return "the end of the text";
        const auto c = static_cast<unsigned char>(peek());
        if (c == '\n') return "the end of the line";
        if (c < 0x20 || c >= 0x7f) return "byte " + std::to_string(c);
        return std::string("'") + peek() + "'";
    }

  private:
    std::string_view text_;
    std::size_t next_ = 0;
    Position position_;
};

// Appends a Unicode scalar value (no surrogate, at most U+10FFFF) as UTF-8.
inline void append_utf8(std::string& out, char32_t point) {
    const auto byte = [&out](char32_t bits) { out.push_back(static_cast<char>(bits)); };
    if (point < 0x80) {
        byte(point);
    } else if (point < 0x800) {
        byte(0xC0 | (point >> 6));
        byte(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        byte(0xE0 | (point >> 12));
        byte(0x80 | ((point >> 6) & 0x3F));
        byte(0x80 | (point & 0x3F));
    } else {
        byte(0xF0 | (point >> 18));
        byte(0x80 | ((point >> 12) & 0x3F));
        byte(0x80 | ((point >> 6) & 0x3F));
        byte(0x80 | (point & 0x3F));
    }
}

// The value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace mcpgw::cli
