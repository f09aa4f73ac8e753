// The TOML that a configuration file may use, and mistakes with their line.
#include "tools/gateway/toml.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::cli {
namespace {

using Values = std::vector<std::string>;

TEST(Toml, keys_have_texts_numbers_truth_values_and_arrays) {
    const auto entries = parse_toml(
        "# head\r\n"
        "a = \"x # \\\"y\\\" \\u00e9\\U0001F600\" # tail\r\n"
        "\n"
        "  b-2_C='C:\\raw'\n"
        "n = 1_000\n"
        "m = -5\n"
        "t = true\n"
        "list = [ \"a\", # one\n  'b,c',\n\n  3, ]\n"
        "none = []");
    ASSERT_TRUE(entries.has_value()) << entries.error().what;
    ASSERT_EQ(entries->size(), 7U);
    EXPECT_EQ((*entries)[0].values, Values{"x # \"y\" é😀"});
    EXPECT_EQ((*entries)[1].key, "b-2_C");
    EXPECT_EQ((*entries)[1].values, Values{"C:\\raw"});
    EXPECT_EQ((*entries)[2].values, Values{"1000"});
    EXPECT_EQ((*entries)[3].values, Values{"-5"});
    EXPECT_EQ((*entries)[4].values, Values{"true"});
    EXPECT_EQ((*entries)[5].values, (Values{"a", "b,c", "3"}));
    EXPECT_TRUE((*entries)[5].is_array);
    EXPECT_EQ((*entries)[5].at.line, 8U);
    EXPECT_TRUE((*entries)[6].values.empty());
}

TEST(Toml, nothing_is_a_file_too) {
    for (const char* text : {"", "\n\n", "# only this", "\xEF\xBB\xBF# mark", "  \t"})
        EXPECT_TRUE(parse_toml(text).has_value()) << text;
}

TEST(Toml, mistakes_are_told_with_their_line) {
    const struct {
        const char* text;
        std::uint32_t line;
        const char* part;
    } cases[] = {
        {"a = 1\n[table]\n", 2, "tables"},
        {"a.b = 1", 1, "expected '='"},
        {"a", 1, "expected '='"},
        {"= 1", 1, "expected a key"},
        {"\"a\" = 1", 1, "expected a key"},
        {"a =\n", 1, "expected a value"},
        {"a = text", 1, "stands in quotes"},
        {"a = 1.5", 1, "numbers are whole"},
        {"a = 0x10", 1, "numbers are whole"},
        {"a = 007", 1, "start with 0"},
        {"a = 1__0", 1, "numbers are whole"},
        {"a = _1", 1, "numbers are whole"},
        {"a = -", 1, "numbers are whole"},
        {"a = 1979-05-27", 1, "numbers are whole"},
        {"a = \"x\n\"", 1, "no end"},
        {"a = 'x", 1, "no end"},
        {"a = \"\"\"x\"\"\"", 1, "several lines"},
        {"a = \"\\q\"", 1, "no such escape"},
        {"a = \"\\uD800\"", 1, "no character"},
        {"a = \"\\u12\"", 1, "too few"},
        {"a = \"\x01\"", 1, "control character"},
        {"a = \"\xff\"", 1, "not UTF-8"},
        {"a = 1 2", 1, "end of the line"},
        {"a = \"x\" \"y\"", 1, "end of the line"},
        {"a = 1\n\na = 2", 3, "appears twice"},
        {"a = [1\n 2]", 2, "expected ',' or ']'"},
        {"\na = [1,\n", 2, "no end"},
        {"a = [[1]]", 1, "inside an array"},
        {"a = {b = 1}", 1, "stands in quotes"},
    };
    for (const auto& wrong : cases) {
        const auto entries = parse_toml(wrong.text);
        ASSERT_FALSE(entries.has_value()) << wrong.text;
        EXPECT_EQ(entries.error().at.line, wrong.line) << wrong.text;
        EXPECT_TRUE(entries.error().what.contains(wrong.part))
            << wrong.text << ": " << entries.error().what;
    }
}

}  // namespace
}  // namespace mcpgw::cli
