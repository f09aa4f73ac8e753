// Hexadecimal and base64url, both strict: one text for one value.
#include "common/bytes.h"

#include <array>

namespace mcpgw {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> make_decoding() {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
        table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}
constexpr auto kDecoding = make_decoding();

}  // namespace

void write_hex(std::uint64_t value, char* output) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < 16; ++i)
        output[15 - i] = digits[(value >> (4 * i)) & 15U];
}

std::string to_hex(std::uint64_t value) {
    std::string text(16, '0');
    write_hex(value, text.data());
    return text;
}

std::optional<std::uint64_t> from_hex(std::string_view text) {
    if (text.size() != 16) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        std::uint64_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<std::uint64_t>(c - '0');
        } else if (to_lower(c) >= 'a' && to_lower(c) <= 'f') {
            digit = static_cast<std::uint64_t>(to_lower(c) - 'a' + 10);
        } else {
            return std::nullopt;
        }
        value = value << 4 | digit;
    }
    return value;
}

std::size_t base64url_encode(Bytes input, char* output) {
    char* out = output;
    std::size_t i = 0;
    for (; i + 3 <= input.size(); i += 3) {
        const auto bits = std::to_integer<std::uint32_t>(input[i]) << 16 |
                          std::to_integer<std::uint32_t>(input[i + 1]) << 8 |
                          std::to_integer<std::uint32_t>(input[i + 2]);
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = kAlphabet[bits >> shift & 63U];
    }
    const std::size_t rest = input.size() - i;
    if (rest > 0) {
        std::uint32_t bits = std::to_integer<std::uint32_t>(input[i]) << 16;
        if (rest == 2) bits |= std::to_integer<std::uint32_t>(input[i + 1]) << 8;
        *out++ = kAlphabet[bits >> 18 & 63U];
        *out++ = kAlphabet[bits >> 12 & 63U];
        if (rest == 2) *out++ = kAlphabet[bits >> 6 & 63U];
    }
    return static_cast<std::size_t>(out - output);
}

std::optional<std::size_t> base64url_decode(std::string_view text, std::byte* output) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::byte* out = output;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = kDecoding[static_cast<std::uint8_t>(c)];
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = static_cast<std::byte>(bits >> held & 255U);
        }
    }
    if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;
    return static_cast<std::size_t>(out - output);
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (is_plain)
            out += c;
        else
            out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return out;
}

}  // namespace mcpgw
