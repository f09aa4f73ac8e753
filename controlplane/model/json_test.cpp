// What counts as JSON here, and how precisely a mistake is located.
#include "controlplane/model/json.h"

#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::model {
namespace {

std::string complaint_about(std::string_view text) {
    const auto tree = parse_json(text);
    if (tree) return "accepted: " + tree->serialize();
    EXPECT_EQ(tree.error().code, Code::invalid_argument);
    return tree.error().detail;
}

TEST(Json, every_kind_of_value_is_read) {
    const auto tree =
        parse_json(" {\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"\\u00e9\\ud83d\\ude00\"}}\n");
    ASSERT_TRUE(tree) << tree.error().detail;
    EXPECT_EQ(tree->get("a").get(1).get<double>(), -2500);
    EXPECT_EQ(tree->get("b").get("c").get<std::string>(), "\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(Json, a_mistake_is_named_with_line_and_column) {
    struct Case {
        std::string_view text;
        std::string_view complaint;
    };
    const Case cases[] = {
        {"", "line 1, column 1: the text ends too early"},
        {"{", "line 1, column 2: the text ends too early"},
        {"{\"a\": 1", "line 1, column 8: the text ends too early"},
        {"{\n  \"a\": 1,\n}", "line 3, column 1: unexpected '}'"},
        {"{\"a\" 1}", "line 1, column 6: unexpected '1'"},
        {"{a: 1}", "line 1, column 2: unexpected 'a'"},
        {"[1 2]", "line 1, column 4: unexpected '2'"},
        {"[1,]", "line 1, column 4: unexpected ']'"},
        {"{}x", "line 1, column 3: there is more text after the value"},
        {"{} {}", "line 1, column 4: there is more text after the value"},
        {"truth", "line 1, column 4: unexpected 't'"},
        {"[01]", "line 1, column 2: this is not a number"},
        {"[1.]", "line 1, column 2: this is not a number"},
        {"[.5]", "line 1, column 2: unexpected '.'"},
        {"[+1]", "line 1, column 2: unexpected '+'"},
        {"[-]", "line 1, column 2: this is not a number"},
        {"[1e999]", "line 1, column 2: the number is too large"},
        {"-1e999", "line 1, column 1: the number is too large"},
        {"[\"\xC3\xA9\", x]", "line 1, column 7: unexpected 'x'"},
        {"[\"\xC3\"]", "line 1, column 3: the text is not UTF-8"},
        {"[\"\xC0\x80\"]", "line 1, column 3: the text is not UTF-8"},
        {"[\"\xED\xA0\x80\"]", "line 1, column 3: the text is not UTF-8"},
        {"[\"\xF4\x90\x80\x80\"]", "line 1, column 3: the text is not UTF-8"},
        {"{\"a\":1,\n \"a\":2}", "line 2, column 6: the key \"a\" appears twice"},
        {"{\"a\":\"line\nbreak\"}",
         "line 1, column 11: a control character stands where it must not"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(complaint_about(c.text), c.complaint) << c.text;
}

TEST(Json, broken_escapes_are_refused) {
    for (const std::string_view text :
         {R"(["\x"])", R"(["\u12"])", R"(["\ud800"])", R"(["\ud800A"])", R"(["\udc00"])", R"(["\)"})
        EXPECT_TRUE(complaint_about(text).starts_with("line 1, column ")) << text;
}

TEST(Json, nesting_is_bounded) {
    const std::size_t max = limits::json_depth_max;
    EXPECT_TRUE(parse_json(std::string(max, '[') + std::string(max, ']')));
    EXPECT_EQ(complaint_about(std::string(max + 1, '[') + std::string(max + 1, ']')),
              "line 1, column " + std::to_string(max + 1) + ": the text is nested too deeply");
}

}  // namespace
}  // namespace mcpgw::model
