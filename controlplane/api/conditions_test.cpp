// If-Match, entity tags, pages.
#include "controlplane/api/conditions.h"

#include <gtest/gtest.h>

namespace mcpgw::api {
namespace {

TEST(IfNoneMatch, weak_tags_match_and_nonsense_names_nothing) {
    for (const std::vector<std::string>& lines : std::vector<std::vector<std::string>>{
             {"\"7\""}, {"W/\"7\""}, {"*"}, {"\"6\", \"7\""}, {"\"6\"", "\"7\""}})
        EXPECT_TRUE(if_none_match_names(lines, etag_of(7))) << lines[0];
    for (const std::vector<std::string>& lines : std::vector<std::vector<std::string>>{
             {}, {""}, {"7"}, {"\"6\""}, {"\"77\""}, {"\"7"}, {"x, \"7\""}})
        EXPECT_FALSE(if_none_match_names(lines, etag_of(7)));
}

TEST(IfMatch, a_list_matches_if_one_strong_tag_does) {
    struct Case {
        std::vector<std::string> lines;
        bool holds;
    };
    const Case cases[] = {
        {{}, true},
        {{"*"}, true},
        {{" * "}, true},
        {{"\"7\""}, true},
        {{"\"6\""}, false},
        {{"\"6\", \"7\""}, true},
        {{"\"6\",\"7\",\"8\""}, true},
        {{"\"6\"", "\"7\""}, true},
        {{", ,\"7\","}, true},
        {{"W/\"7\""}, false},
        {{"W/\"7\", \"7\""}, true},
        {{"\"77\""}, false},
        {{"\"a,b\""}, false},
    };
    for (const Case& c : cases) {
        const auto holds = if_match_holds(c.lines, etag_of(7));
        ASSERT_TRUE(holds) << c.lines.front();
        EXPECT_EQ(*holds, c.holds) << (c.lines.empty() ? "" : c.lines.front());
    }
}

TEST(IfMatch, what_is_no_entity_tag_is_an_error) {
    for (const char* line :
         {"7", "\"7", "7\"", "\"7\" \"8\"", "*, \"7\"", "", ",", "W/7", "w/\"7\"", "**"}) {
        const auto holds = if_match_holds({line}, etag_of(7));
        ASSERT_FALSE(holds) << line;
        EXPECT_EQ(holds.error().code, Code::invalid_argument);
    }
    EXPECT_FALSE(if_match_holds({"*", "\"7\""}, etag_of(7)));
}

Result<Page> page(std::vector<std::pair<std::string, std::string>> query) {
    Call call;
    call.query = std::move(query);
    return page_of(call);
}

TEST(Page, without_parameters_the_list_is_as_long_as_allowed) {
    EXPECT_EQ(page({})->limit, 1000U);
    EXPECT_EQ(page({})->after, "");
    EXPECT_EQ(page({{"cursor", cursor_of("abc")}})->limit, 100U);
    EXPECT_EQ(page({{"cursor", cursor_of("abc")}, {"limit", "3"}})->limit, 3U);
    EXPECT_EQ(page({{"cursor", cursor_of("abc")}})->after, "abc");
    EXPECT_EQ(page({{"limit", "1000"}})->limit, 1000U);
}

TEST(Page, limits_and_cursors_that_make_no_sense_are_refused) {
    for (const char* limit :
         {"0", "-1", "1001", "", "x", "1x", " 1", "1.0", "99999999999999999999"})
        EXPECT_FALSE(page({{"limit", limit}})) << limit;
    for (const std::string& cursor :
         {std::string(""), std::string("!"), std::string("a"), cursor_of("Not A Name"),
          cursor_of("abc") + "=", cursor_of("")})
        EXPECT_FALSE(page({{"cursor", cursor}})) << cursor;
}

}  // namespace
}  // namespace mcpgw::api
