// The properties of the words for bytes: one text for one value, and foreign input is refused.
#include "common/bytes.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

std::string encoded(std::string_view bytes) {
    std::string text(base64url_size(bytes.size()), '?');
    EXPECT_EQ(base64url_encode(as_bytes(bytes), text.data()), text.size());
    return text;
}

std::optional<std::string> decoded(std::string_view text) {
    std::string bytes(text.size() * 3 / 4, '\0');
    const auto size = base64url_decode(text, reinterpret_cast<std::byte*>(bytes.data()));
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

TEST(Bytes, case_is_folded_for_ascii_letters_only) {
    EXPECT_TRUE(equals_ignoring_case("Mcp-Session-Id", "MCP-SESSION-ID"));
    EXPECT_FALSE(equals_ignoring_case("a", "ab"));
    EXPECT_FALSE(equals_ignoring_case("@[`{", "`{@["));
    EXPECT_FALSE(equals_ignoring_case("\xC4", "\xE4"));
    EXPECT_TRUE(starts_with_ignoring_case("Bearer x", "bearer "));
    EXPECT_FALSE(starts_with_ignoring_case("Bear", "bearer "));
    EXPECT_EQ(to_lower('Z'), 'z');
    EXPECT_EQ(to_lower('['), '[');
}

TEST(Bytes, text_and_bytes_are_two_views_of_the_same) {
    const std::string_view text("a\0\xff", 3);
    EXPECT_EQ(as_text(as_bytes(text)), text);
    EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
}

// The published values of the FNV-1a reference.
TEST(Bytes, fnv1a_has_the_published_values) {
    EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325ULL);
    EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);
    EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ULL);
    EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar"));
}

TEST(Bytes, hexadecimal_is_sixteen_digits_both_ways) {
    EXPECT_EQ(to_hex(0), "0000000000000000");
    EXPECT_EQ(to_hex(0x0123456789abcdef), "0123456789abcdef");
    for (const std::uint64_t value : {0ULL, 1ULL, 0x8000000000000000ULL, ~0ULL})
        EXPECT_EQ(from_hex(to_hex(value)), value);
    EXPECT_EQ(from_hex("0123456789ABCDEF"), 0x0123456789abcdefULL);
    for (const char* text : {"", "0", "000000000000000", "00000000000000000", "000000000000000g",
                             "0x00000000000000", " 000000000000000", "-000000000000001"})
        EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

// RFC 4648 section 10, without padding.
TEST(Bytes, base64url_has_the_published_values) {
    EXPECT_EQ(encoded(""), "");
    EXPECT_EQ(encoded("f"), "Zg");
    EXPECT_EQ(encoded("fo"), "Zm8");
    EXPECT_EQ(encoded("foo"), "Zm9v");
    EXPECT_EQ(encoded("foob"), "Zm9vYg");
    EXPECT_EQ(encoded("fooba"), "Zm9vYmE");
    EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
    EXPECT_EQ(encoded("\xfb\xff\xfe"), "-__-");
}

TEST(Bytes, base64url_survives_its_round_trip) {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(decoded(encoded(bytes)), bytes) << i;
        bytes.push_back(static_cast<char>(i * 37));
    }
}

TEST(Bytes, base64url_has_one_text_for_one_value) {
    for (const char* text :
         {"Z", "Zm9vY", "Zg==", "Zg=", "Zm+v", "Zm/v", "Zm9v\n", "Zm 9", "Zh", "Zm9", "Zm9vYm\xC3"})
        EXPECT_EQ(decoded(text), std::nullopt) << text;
    EXPECT_EQ(decoded("Zg"), "f");
    EXPECT_EQ(decoded("Zm8"), "fo");
}

TEST(Bytes, percent_encoding_leaves_letters_digits_and_two_marks) {
    EXPECT_EQ(percent_encoded(""), "");
    EXPECT_EQ(percent_encoded("Az09-_"), "Az09-_");
    EXPECT_EQ(percent_encoded("a b&c=d/e?f#g%h+i"), "a%20b%26c%3Dd%2Fe%3Ff%23g%25h%2Bi");
    EXPECT_EQ(percent_encoded(".."), "%2E%2E") << "no dot segment";
    EXPECT_EQ(percent_encoded("\xC3\xA4\x7f\n"), "%C3%A4%7F%0A");
}

}  // namespace
}  // namespace mcpgw
