// The JSON tree: positions, order, both dialects, and what is refused.
#include "tools/gateway/json_tree.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::cli {
namespace {

struct Wrong {
    const char* text;
    std::uint32_t line;
    std::uint32_t column;
    const char* part;  // of the sentence
};

TEST(JsonTree, what_is_read_is_written_again_in_its_order) {
    const std::string text =
        R"({"b":[1,-0.5e+3,true,false,null,"x"],"a":{},"c":[],"é":"\"\\\n😀"})";
    const auto tree = parse_json_tree(text);
    ASSERT_TRUE(tree.has_value());
    EXPECT_EQ(to_json(*tree), text);
    EXPECT_EQ(to_pretty_json(*parse_json_tree(R"({"a":[1,{}],"b":[]})")),
              "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST(JsonTree, escapes_are_characters) {
    const auto tree = parse_json_tree(R"("\u0041\u00e9\u20AC\ud83d\ude00\/\b\f\t\r")");
    ASSERT_TRUE(tree.has_value());
    EXPECT_EQ(tree->text, "Aé€😀/\b\f\t\r");
}

TEST(JsonTree, values_and_keys_know_their_place) {
    const auto tree = parse_json_tree("{\n  \"é\": 1, \"b\": [\n 2 ]}");
    ASSERT_TRUE(tree.has_value());
    EXPECT_EQ(tree->members[0].at, (Position{2, 3}));
    EXPECT_EQ(tree->members[0].value.at, (Position{2, 8}));
    EXPECT_EQ(tree->members[1].at, (Position{2, 11}));
    EXPECT_EQ(tree->find("b")->items[0].at, (Position{3, 2}));
}

TEST(JsonTree, mistakes_are_told_with_line_and_column) {
    const Wrong cases[] = {
        {"", 1, 1, "end of the text"},
        {"{\"a\":1,}", 1, 8, "a comma before '}'"},
        {"[1,\n2,\n]", 3, 1, "a comma before ']'"},
        {"[1 2]", 1, 4, "expected ',' or ']'"},
        {"{\"a\" 1}", 1, 6, "expected ':'"},
        {"{a:1}", 1, 2, "a key in quotes"},
        {"{\"a\":1,\n \"a\":2}", 2, 2, "appears twice"},
        {"\"abc", 1, 1, "no end"},
        {"\"a\nb\"", 1, 1, "no end"},
        {"\"a\tb\"", 1, 3, "control character"},
        {"\"\\x\"", 1, 2, "no such escape"},
        {"\"\\u12g4\"", 1, 6, "four hexadecimal digits"},
        {"\"\\ud800\"", 1, 2, "surrogate"},
        {"\"\\udc00\"", 1, 2, "surrogate"},
        {"\"\\ud800\\u0041\"", 1, 2, "surrogate"},
        {"\"\xff\"", 1, 2, "not UTF-8"},
        {"\"\xc0\xaf\"", 1, 2, "not UTF-8"},
        {"\"\xed\xa0\x80\"", 1, 2, "not UTF-8"},
        {"01", 1, 1, "start with 0"},
        {"-", 1, 2, "expected a value"},
        {"1.", 1, 3, "decimal point"},
        {"1e", 1, 3, "exponent"},
        {"tru", 1, 1, "expected a value"},
        {"1 1", 1, 3, "end of the text"},
        {"// x\n1", 1, 1, "expected a value"},
    };
    for (const Wrong& wrong : cases) {
        const auto tree = parse_json_tree(wrong.text);
        ASSERT_FALSE(tree.has_value()) << wrong.text;
        EXPECT_EQ(tree.error().at, (Position{wrong.line, wrong.column})) << wrong.text;
        EXPECT_TRUE(tree.error().what.contains(wrong.part)) << wrong.text << tree.error().what;
    }
}

TEST(JsonTree, nesting_is_bounded) {
    EXPECT_TRUE(parse_json_tree(std::string(60, '[') + std::string(60, ']')).has_value());
    const auto tree = parse_json_tree(std::string(1'000'000, '['));
    ASSERT_FALSE(tree.has_value());
    EXPECT_EQ(tree.error().what, "nested too deeply");
}

TEST(JsonTree, comments_and_trailing_commas_are_a_dialect) {
    const std::string text = "// head\n{ /* a\n*/ \"a\": [1, 2, ], // tail\n \"b\": 3, }\n/**/";
    EXPECT_FALSE(parse_json_tree(text).has_value());
    const auto tree = parse_json_tree(text, JsonDialect::with_comments);
    ASSERT_TRUE(tree.has_value()) << tree.error().what;
    EXPECT_EQ(to_json(*tree), R"({"a":[1,2],"b":3})");
    EXPECT_EQ(tree->members[1].at, (Position{4, 2}));
    const auto inside = parse_json_tree("\"// no comment /* here */\"", JsonDialect::with_comments);
    EXPECT_EQ(inside->text, "// no comment /* here */");
    for (const char* bad : {"[,]", "[1,,]", "{,}", "[1 /* x", "{ /* x", "/x"})
        EXPECT_FALSE(parse_json_tree(bad, JsonDialect::with_comments).has_value()) << bad;
}

}  // namespace
}  // namespace mcpgw::cli
