// Pieces of JSON as they were written.
#include "controlplane/model/json_slice.h"

#include <gtest/gtest.h>

namespace mcpgw::model {
namespace {

TEST(JsonSlice, a_member_is_found_as_it_was_written) {
    constexpr std::string_view kText =
        " { \"a\" : 1.50e3 , \"b\":{\"x\":[1,{\"b\":2}], \"y\":\"}\\\"{\"},\t\"c\":\"]\",\n"
        "\"d\":[ ], \"\":null,\"e\":true}";
    EXPECT_EQ(member_text(kText, "a"), "1.50e3");
    EXPECT_EQ(member_text(kText, "b"), R"({"x":[1,{"b":2}], "y":"}\"{"})");
    EXPECT_EQ(member_text(kText, "c"), R"("]")");
    EXPECT_EQ(member_text(kText, "d"), "[ ]");
    EXPECT_EQ(member_text(kText, ""), "null");
    EXPECT_EQ(member_text(kText, "e"), "true");
    EXPECT_EQ(member_text(kText, "x"), std::nullopt) << "only members of the object itself";
    EXPECT_EQ(member_text(R"({"a":-1})", "a"), "-1");
}

TEST(JsonSlice, keys_may_be_written_with_escapes) {
    EXPECT_EQ(member_text(R"({"to\u006fl":1})", "tool"), "1");
    EXPECT_EQ(member_text(R"({"a\"b":1,"c":2})", "c"), "2");
    EXPECT_EQ(member_text(R"({"tool\\":1})", "tool"), std::nullopt);
}

TEST(JsonSlice, what_is_no_object_has_no_members) {
    for (const std::string_view text : {"", "{}", "{ }", "[1]", "\"a\"", "7"})
        EXPECT_EQ(member_text(text, "a"), std::nullopt) << text;
}

TEST(JsonSlice, white_space_goes_but_not_that_of_strings) {
    EXPECT_EQ(without_spaces(" { \"a b\" : [ 1 , \"\\\" x\" ] ,\r\n\t\"c\" : null } "),
              R"({"a b":[1,"\" x"],"c":null})");
    EXPECT_EQ(without_spaces(" \" \" "), "\" \"");
    EXPECT_EQ(without_spaces(""), "");
}

}  // namespace
}  // namespace mcpgw::model
