// Names that are alike, and strings with their escapes taken out.
#include "common/protocol/json_text.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace mcpgw::json {
namespace {

std::string unescaped(std::string_view raw) {
    std::array<char, 16> room;
    const auto text = unescape(raw, room);
    return text ? std::string(*text) : "(nothing)";
}

TEST(JsonText, names_resemble_each_other_in_any_case) {
    for (const char* alike : {"params", "PARAMS", "pArAmS", "param\xC5\xBF"})
        EXPECT_TRUE(resembles(alike, "params")) << alike;
    for (const char* other : {"", "param", "paramss", "aparams", "params ", "param\xC5"})
        EXPECT_FALSE(resembles(other, "params")) << other;
}

TEST(JsonText, escapes_say_characters) {
    EXPECT_EQ(unescaped(""), "");
    EXPECT_EQ(unescaped("plain text that is longer"), "plain text that is longer");
    EXPECT_EQ(unescaped(R"(a\"\\\/\b\f\n\r\tb)"), "a\"\\/\b\f\n\r\tb");
    EXPECT_EQ(unescaped(R"(\u0041\u00e9\u20AC)"), "A\xC3\xA9\xE2\x82\xAC");
    EXPECT_EQ(unescaped(R"(\ud83d\ude00)"), "\xF0\x9F\x98\x80");
}

TEST(JsonText, halves_of_surrogates_are_replaced) {
    EXPECT_EQ(unescaped(R"(\ud83d)"), "\xEF\xBF\xBD");
    EXPECT_EQ(unescaped(R"(\ude00x)"), "\xEF\xBF\xBDx");
    EXPECT_EQ(unescaped(R"(\ud83d\u0041)"),
              "\xEF\xBF\xBD"
              "A");
}

TEST(JsonText, what_is_no_escape_or_does_not_fit_is_nothing) {
    for (const char* broken : {"\\", "\\x", "\\u", "\\u12", "\\u12g4", "a\\u-123", "\\u+123"})
        EXPECT_EQ(unescaped(broken), "(nothing)") << broken;
    EXPECT_EQ(unescaped(R"(\u00410123456789abcde)"), "A0123456789abcde");
    EXPECT_EQ(unescaped(R"(\u00410123456789abcdef)"), "(nothing)");
}

}  // namespace
}  // namespace mcpgw::json
