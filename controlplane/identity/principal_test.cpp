// Who may do what.
#include "controlplane/identity/principal.h"

#include <gtest/gtest.h>

namespace mcpgw::identity {
namespace {

TEST(Principal, roles_are_split_at_commas) {
    const auto who = principal_of(" alice ", "a, b c ,, d,");
    ASSERT_TRUE(who);
    EXPECT_EQ(who->user_id, "alice");
    EXPECT_EQ(who->roles, (std::vector<std::string>{"a", "b c", "d"}));
    EXPECT_TRUE(principal_of("alice", "")->roles.empty());
}

TEST(Principal, a_request_without_a_usable_user_is_nobody) {
    EXPECT_FALSE(principal_of("", "mcp.admin"));
    EXPECT_FALSE(principal_of("  ", "mcp.admin"));
    EXPECT_FALSE(principal_of("a\nb", ""));
    EXPECT_FALSE(principal_of(std::string(257, 'a'), ""));
    EXPECT_FALSE(principal_of("a", std::string(2049, 'a')));
    EXPECT_FALSE(principal_of("a", "r\x01"));
}

TEST(Principal, a_tenant_is_taken_or_refused_as_a_whole) {
    EXPECT_EQ(principal_of("alice", "", " t1 ")->tenant, "t1");
    EXPECT_EQ(principal_of("alice", "")->tenant, "");
    EXPECT_FALSE(principal_of("alice", "", std::string(257, 't')));
    EXPECT_FALSE(principal_of("alice", "", "a\x01"));
}

TEST(AccessRules, access_follows_creator_administrator_and_roles) {
    model::Adapter adapter;
    adapter.created_by = "alice";
    adapter.required_roles = {"Engineer", "ops"};
    struct Case {
        const char* user;
        const char* roles;
        bool reads;
        bool writes;
    };
    const Case cases[] = {
        {"alice", "", true, true},        {"bob", "", false, false},
        {"Alice", "", false, false},      {"bob", "mcp.admin", true, true},
        {"bob", "MCP.Admin", true, true}, {"bob", "engineer", true, false},
        {"bob", "x,OPS", true, false},    {"bob", "engineering", false, false},
        {"bob", "mcp", false, false},
    };
    const AccessRules rules;
    for (const Case& c : cases) {
        const auto who = principal_of(c.user, c.roles);
        EXPECT_EQ(rules.may_read(*who, adapter), c.reads) << c.user << " " << c.roles;
        EXPECT_EQ(rules.may_write(*who, adapter), c.writes) << c.user << " " << c.roles;
    }
    adapter.required_roles.clear();
    EXPECT_FALSE(rules.may_read(*principal_of("bob", "engineer"), adapter));
}

TEST(AccessRules, creating_can_be_a_privilege) {
    AccessRules rules;
    const auto plain = principal_of("bob", "");
    EXPECT_TRUE(rules.may_create(*plain));
    rules.create_roles = {"creator"};
    rules.admin_role = "root";
    EXPECT_FALSE(rules.may_create(*plain));
    EXPECT_FALSE(rules.may_create(*principal_of("bob", "mcp.admin")));
    EXPECT_TRUE(rules.may_create(*principal_of("bob", "Creator")));
    EXPECT_TRUE(rules.may_create(*principal_of("bob", "ROOT")));
}

TEST(AccessRules, workload_identity_needs_a_role) {
    AccessRules rules;
    EXPECT_FALSE(rules.may_use_workload_identity(*principal_of("bob", "w")));
    EXPECT_TRUE(rules.may_use_workload_identity(*principal_of("bob", "mcp.admin")));
    rules.workload_identity_roles = {"W"};
    EXPECT_TRUE(rules.may_use_workload_identity(*principal_of("bob", "w")));
}

}  // namespace
}  // namespace mcpgw::identity
