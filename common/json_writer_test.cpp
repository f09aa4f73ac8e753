// The properties of the JSON writer: commas, escapes, and valid output for any bytes.
#include "common/json_writer.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <simdjson.h>

namespace mcpgw {
namespace {

std::string json_of(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

TEST(JsonWriter, commas_stand_between_values_and_nowhere_else) {
    JsonWriter w;
    w.object().key("a").array().end().key("b").array().number(1).number(2).object().end();
    w.array().null().end().end().key("c").object().key("d").boolean(true).end();
    w.key("e").boolean(false).end();
    EXPECT_EQ(w.take(), R"({"a":[],"b":[1,2,{},[null]],"c":{"d":true},"e":false})");
}

TEST(JsonWriter, a_single_value_is_a_text_and_the_writer_can_be_used_again) {
    JsonWriter w;
    w.string("x");
    EXPECT_EQ(w.text(), R"("x")");
    EXPECT_EQ(w.take(), R"("x")");
    w.array().end();
    EXPECT_EQ(w.take(), "[]");
}

TEST(JsonWriter, numbers_keep_their_value) {
    JsonWriter w;
    w.array().number(std::numeric_limits<std::int64_t>::min());
    w.number(std::numeric_limits<std::uint64_t>::max()).number(-1).number(0.5).number(1e300);
    w.number(std::nan("")).number(std::numeric_limits<double>::infinity()).end();
    EXPECT_EQ(w.take(), "[-9223372036854775808,18446744073709551615,-1,0.5,1e+300,null,null]");
}

TEST(JsonWriter, raw_json_is_copied) {
    JsonWriter w;
    w.array().raw("{\"a\":1}").raw("7").end();
    EXPECT_EQ(w.take(), R"([{"a":1},7])");
}

TEST(JsonWriter, strings_are_escaped) {
    EXPECT_EQ(json_of("\"\\/\b\f\n\r\t"), R"("\"\\/\b\f\n\r\t")");
    EXPECT_EQ(json_of(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
    EXPECT_EQ(json_of("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"),
              "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

TEST(JsonWriter, keys_are_escaped_too) {
    JsonWriter w;
    w.object().key("a\"\n").number(1).end();
    EXPECT_EQ(w.take(), R"({"a\"\n":1})");
}

TEST(JsonWriter, what_is_no_utf8_becomes_a_replacement) {
    const std::string r = "\xEF\xBF\xBD";
    EXPECT_EQ(json_of("\x80"), "\"" + r + "\"");
    EXPECT_EQ(json_of("\xC3"), "\"" + r + "\"");
    EXPECT_EQ(json_of("\xC3x"), "\"" + r + "x\"");
    EXPECT_EQ(json_of("\xC0\xAF"), "\"" + r + r + "\"") << "overlong";
    EXPECT_EQ(json_of("\xE0\x80\x80"), "\"" + r + r + r + "\"") << "overlong";
    EXPECT_EQ(json_of("\xED\xA0\x80"), "\"" + r + r + r + "\"") << "surrogate";
    EXPECT_EQ(json_of("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"") << "above U+10FFFF";
    EXPECT_EQ(json_of("\xF0\x8F\xBF\xBF"), "\"" + r + r + r + r + "\"") << "overlong";
}

// All sequences of up to three bytes out of those at which a rule changes.
TEST(JsonWriter, the_output_is_valid_json_whatever_goes_in) {
    const std::string edges(
        "\0\x1f \"\\\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5\xff", 22);
    simdjson::dom::parser parser;
    for (const char a : edges)
        for (const char b : edges)
            for (const char c : edges) {
                const std::string text = json_of(std::string{a, b, c});
                ASSERT_EQ(parser.parse(text).error(), simdjson::SUCCESS) << text;
            }
}

TEST(JsonWriterDeathTest, unbalanced_use_is_a_programming_error) {
    EXPECT_DEATH((void)JsonWriter().array().take(), "closed");
    EXPECT_DEATH(JsonWriter().end(), "open");
    EXPECT_DEATH(JsonWriter().array().key("a"), "in an object");
    EXPECT_DEATH(JsonWriter().object().key("a").end(), "open");
}

}  // namespace
}  // namespace mcpgw
