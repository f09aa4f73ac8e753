// Unescaping goes from one backslash to the next.
#include "common/protocol/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "common/bytes.h"

namespace mcpgw::json {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

bool is_high(std::uint32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(std::uint32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

// The code unit of an escape \uXXXX at the beginning of `text`.
std::optional<std::uint32_t> code_unit(std::string_view text) {
    std::uint32_t unit = 0;
    if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
    const char* const end = text.data() + 6;
    const auto read = std::from_chars(text.data() + 2, end, unit, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return unit;
}

class Writer {
  public:
    explicit Writer(std::span<char> room) : room_(room) {}
    void put(std::string_view text) {
        fits_ = fits_ && text.size() <= room_.size() - size_;
        if (fits_) size_ += text.copy(room_.data() + size_, text.size());
    }
    void put(std::uint32_t code_point) {
        std::array<char, 4> utf8{};
        std::size_t size = 0;
        const auto byte = [&](std::uint32_t value) { utf8[size++] = static_cast<char>(value); };
        if (code_point < 0x80) {
            byte(code_point);
        } else {
            const int tails = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
            byte((tails == 1 ? 0xC0U : tails == 2 ? 0xE0U : 0xF0U) | code_point >> (6 * tails));
            for (int left = tails - 1; left >= 0; --left)
                byte(0x80U | (code_point >> (6 * left) & 0x3FU));
        }
        put(std::string_view(utf8.data(), size));
    }
    [[nodiscard]] std::optional<std::string_view> text() const {
        if (!fits_) return std::nullopt;
        return std::string_view(room_.data(), size_);
    }

  private:
    std::span<char> room_;
    std::size_t size_ = 0;
    bool fits_ = true;
};

// Takes one escape from the front. False if it is none.
bool take_escape(std::string_view& text, Writer& out) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (text.size() < 2) return false;
    if (text[1] != 'u') {
        const std::size_t which = letters.find(text[1]);
        if (which == std::string_view::npos) return false;
        out.put(meanings.substr(which, 1));
        text.remove_prefix(2);
        return true;
    }
    const auto unit = code_unit(text);
    if (!unit) return false;
    text.remove_prefix(6);
    const auto partner = is_high(*unit) ? code_unit(text) : std::nullopt;
    if (partner && is_low(*partner)) {
        text.remove_prefix(6);
        out.put(0x10000U + ((*unit - 0xD800U) << 10) + (*partner - 0xDC00U));
    } else {
        out.put(is_high(*unit) || is_low(*unit) ? kReplacement : *unit);
    }
    return true;
}

}  // namespace

bool resembles(std::string_view key, std::string_view name) {
    constexpr std::string_view long_s = "\xC5\xBF";
    for (const char c : name) {
        if (c == 's' && key.starts_with(long_s)) {
            key.remove_prefix(long_s.size());
            continue;
        }
        if (key.empty() || to_lower(key.front()) != c) return false;
        key.remove_prefix(1);
    }
    return key.empty();
}

std::optional<std::string_view> unescape(std::string_view raw, std::span<char> room) {
    if (raw.find('\\') == std::string_view::npos) return raw;
    Writer out(room);
    while (!raw.empty()) {
        const std::size_t plain = std::min(raw.find('\\'), raw.size());
        out.put(raw.substr(0, plain));
        raw.remove_prefix(plain);
        if (!raw.empty() && !take_escape(raw, out)) return std::nullopt;
    }
    return out.text();
}

}  // namespace mcpgw::json
