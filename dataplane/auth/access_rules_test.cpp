// Who may do what by an adapter's rules, as a table; and the matcher of patterns.
#include "dataplane/auth/access_rules.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/time.h"

namespace mcpgw::auth {
namespace {

using contract::AccessRule;
using List = std::vector<AccessRule>;
using Texts = std::vector<std::string>;

constexpr auto kAllow = AccessRule::Effect::allow;
constexpr auto kDeny = AccessRule::Effect::deny;

AccessRule methods(AccessRule::Effect effect, Texts roles, Texts patterns) {
    return {effect, std::move(roles), std::move(patterns), {}};
}
AccessRule tools(AccessRule::Effect effect, Texts roles, Texts patterns) {
    return {effect, std::move(roles), {}, std::move(patterns)};
}
bool method(const List& rules, std::string_view roles, std::string_view name) {
    return method_is_allowed(rules, rules_concerning(rules, roles), name);
}
bool tool(const List& rules, std::string_view roles, std::string_view name) {
    return tool_is_allowed(rules, rules_concerning(rules, roles), name);
}

TEST(AccessRules, a_star_stands_for_any_bytes) {
    struct Row {
        const char* pattern;
        const char* text;
        bool matches;
    };
    for (const Row& row : {Row{"", "", true},
                           {"", "a", false},
                           {"a", "a", true},
                           {"a", "A", false},
                           {"a", "ab", false},
                           {"*", "", true},
                           {"*", "anything/at all", true},
                           {"**", "", true},
                           {"a*", "a", true},
                           {"a*", "ba", false},
                           {"*a", "ba", true},
                           {"*a", "ab", false},
                           {"a*a", "a", false},
                           {"a*a", "aa", true},
                           {"a*b*c", "a-b-b-c", true},
                           {"a*b*c", "a-c-b", false},
                           {"*ab*ab*", "abab", true},
                           {"*ab*ab", "ab", false},
                           {"*ab*ab", "aab-ab", true},
                           {"read_*", "read_file", true},
                           {"read_*", "unread_file", false},
                           {"?", "x", false},
                           {"[a]", "a", false}})
        EXPECT_EQ(glob_matches(row.pattern, row.text), row.matches)
            << row.pattern << " on " << row.text;
}

// With backtracking this would take longer than the age of the universe.
TEST(AccessRules, no_pattern_takes_long) {
    std::string pattern;
    for (int i = 0; i < 1000; ++i)
        pattern += "*a";
    const std::string text = std::string(2000, 'a') + "b";
    const Nanos begun = monotonic_now();
    EXPECT_FALSE(glob_matches(pattern, text));
    EXPECT_TRUE(glob_matches(pattern + "*", text));
    EXPECT_LT(monotonic_now() - begun, kSecond);
}

TEST(AccessRules, without_rules_everything_is_allowed) {
    EXPECT_TRUE(method({}, "", "tools/call"));
    EXPECT_TRUE(tool({}, "", "delete_everything"));
    EXPECT_FALSE(lists_depend_on(List{}));
}

TEST(AccessRules, deny_wins_wherever_it_stands) {
    const List rules = {tools(kAllow, {}, {"*"}), tools(kDeny, {}, {"delete_*"}),
                        tools(kAllow, {"admin"}, {"delete_*"})};
    EXPECT_TRUE(tool(rules, "", "read"));
    EXPECT_FALSE(tool(rules, "", "delete_all"));
    EXPECT_FALSE(tool(rules, "admin", "delete_all"));
}

TEST(AccessRules, where_something_is_allowed_the_rest_is_not) {
    const List rules = {tools(kAllow, {"analyst"}, {"read_*", "list"})};
    EXPECT_TRUE(tool(rules, "analyst", "read_file"));
    EXPECT_TRUE(tool(rules, "other, Analyst", "list"));
    EXPECT_FALSE(tool(rules, "analyst", "write_file"));
    // A rule for others makes the question one of permission for everybody.
    EXPECT_FALSE(tool(rules, "", "read_file"));
    EXPECT_FALSE(tool(rules, "mcp.admin", "read_file"));
}

TEST(AccessRules, a_deny_rule_for_a_role_concerns_no_other) {
    const List rules = {methods(kDeny, {"guest"}, {"resources/*"})};
    EXPECT_FALSE(method(rules, "guest", "resources/read"));
    EXPECT_TRUE(method(rules, "guest", "tools/list"));
    EXPECT_TRUE(method(rules, "member", "resources/read"));
}

TEST(AccessRules, methods_and_tools_are_two_questions) {
    const List rules = {methods(kAllow, {}, {"tools/*"}), tools(kDeny, {}, {"rm"})};
    EXPECT_TRUE(method(rules, "", "tools/call"));
    EXPECT_FALSE(method(rules, "", "prompts/list"));
    EXPECT_TRUE(tool(rules, "", "ls"));  // no rule allows tools
    EXPECT_FALSE(tool(rules, "", "rm"));
}

TEST(AccessRules, what_every_client_speaks_only_a_deny_rule_takes_away) {
    const List rules = {methods(kAllow, {"nobody"}, {"tools/list"}),
                        methods(kDeny, {}, {"notifications/cancelled", "ping"})};
    for (const char* spoken : {"initialize", "server/discover", "notifications/initialized"})
        EXPECT_TRUE(method(rules, "", spoken)) << spoken;
    EXPECT_FALSE(method(rules, "", "notifications/cancelled"));
    EXPECT_FALSE(method(rules, "", "ping"));
    EXPECT_FALSE(method(rules, "", "tools/list"));
}

TEST(AccessRules, a_list_shows_what_may_be_called) {
    const List no_calls = {methods(kDeny, {"guest"}, {"tools/call"})};
    EXPECT_FALSE(tool_is_shown(no_calls, rules_concerning(no_calls, "guest"), "x"));
    EXPECT_TRUE(tool_is_shown(no_calls, rules_concerning(no_calls, ""), "x"));
    EXPECT_TRUE(lists_depend_on(no_calls));
    EXPECT_FALSE(has_tool_rules(no_calls));
    EXPECT_FALSE(lists_depend_on(List{methods(kDeny, {}, {"resources/*"})}));
    EXPECT_TRUE(lists_depend_on(List{methods(kAllow, {}, {"resources/*"})}));
}

}  // namespace
}  // namespace mcpgw::auth
