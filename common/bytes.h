// Words for bytes that are common to every room: views, hexadecimal, base64url, percent-encoding,
// FNV and ASCII case folding. Nothing here allocates except the functions that return std::string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mcpgw {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
// ASCII that leaves a mark (VCHAR of RFC 5234).
[[nodiscard]] constexpr bool is_visible(char c) {
    return c > 0x20 && c < 0x7F;
}
// SP and HTAB: what may surround a field value (OWS) or stand in framing (BWS), RFC 9110 section
// 5.6.3.
[[nodiscard]] constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}
// Without those at its ends.
[[nodiscard]] constexpr std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

[[nodiscard]] constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
// ASCII only: header names, tokens and schemes compare like this (RFC 9110 section 5.1).
[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}
[[nodiscard]] constexpr bool starts_with_ignoring_case(std::string_view text,
                                                       std::string_view prefix) {
    return text.size() >= prefix.size() &&
           equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// 64-bit FNV-1a: for hash tables and identities of our own, never against an attacker.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text,
                                            std::uint64_t seed = 0xcbf29ce484222325ULL) {
    std::uint64_t hash = seed;
    for (const char c : text) {
        hash ^= static_cast<std::uint8_t>(c);
        hash *= 0x100000001b3ULL;
    }
    return hash;
}

// 16 lower-case hexadecimal digits; write_hex needs room for them.
void write_hex(std::uint64_t value, char* output);
[[nodiscard]] std::string to_hex(std::uint64_t value);
// Exactly 16 hexadecimal digits, else nothing.
[[nodiscard]] std::optional<std::uint64_t> from_hex(std::string_view text);

// base64url without padding (RFC 4648 section 5).
[[nodiscard]] constexpr std::size_t base64url_size(std::size_t bytes) {
    return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}
// Writes base64url_size(input.size()) characters; returns their number. `output` must have room.
std::size_t base64url_encode(Bytes input, char* output);
// Writes the decoded bytes to `output` (room for text.size() * 3 / 4) and returns their number;
// nothing for a foreign character, an impossible length or stray bits in the last character.
[[nodiscard]] std::optional<std::size_t> base64url_decode(std::string_view text, std::byte* output);

// A value in a query or one segment of a path (RFC 3986 section 2.1). All but letters, digits, '-'
// and '_' is encoded: also '.', so that no name is a dot segment.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace mcpgw
