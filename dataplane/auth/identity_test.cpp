// The development identity and the rule of read access.
#include "dataplane/auth/identity.h"

#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::auth {
namespace {

http::Fields fields_of(std::initializer_list<http::Field> items) {
    http::Fields fields;
    for (const http::Field& item : items)
        EXPECT_TRUE(fields.add(item.name, item.value));
    return fields;
}

TEST(Identity, defaults_stand_in_for_absent_headers) {
    Identity identity;
    ASSERT_TRUE(identify_developer(fields_of({}), identity));
    EXPECT_EQ(identity.user, "dev");
    EXPECT_EQ(identity.roles, "mcp.dev");
}

TEST(Identity, headers_name_user_and_roles) {
    Identity identity;
    ASSERT_TRUE(identify_developer(fields_of({{"x-dev-userid", "ann"}, {"X-DEV-ROLES", "a, b"}}),
                                   identity));
    EXPECT_EQ(identity.user, "ann");
    EXPECT_TRUE(has_role(identity.roles, "B"));
    EXPECT_FALSE(has_role(identity.roles, "c"));
}

TEST(Identity, name_tenant_and_scopes_can_be_given) {
    Identity identity;
    ASSERT_TRUE(identify_developer(fields_of({{"X-Dev-Name", "Ann Lee"},
                                              {"X-Dev-Tenant", "t1"},
                                              {"X-Dev-Scopes", "mcp.read mcp.write"}}),
                                   identity));
    EXPECT_EQ(identity.user, "dev");
    EXPECT_EQ(identity.name, "Ann Lee");
    EXPECT_EQ(identity.tenant, "t1");
    EXPECT_TRUE(has_scopes(identity, std::vector<std::string>{"mcp.write", "mcp.read"}));
    EXPECT_FALSE(has_scopes(identity, std::vector<std::string>{"mcp.read", "mcp"}));
    EXPECT_FALSE(has_scopes(identity, std::vector<std::string>{"MCP.read"}));
    EXPECT_TRUE(has_scopes(identity, {}));
}

TEST(Identity, without_scopes_a_developer_has_all) {
    Identity identity;
    ASSERT_TRUE(identify_developer(fields_of({{"X-Dev-Name", "Ann"}}), identity));
    EXPECT_TRUE(has_scopes(identity, std::vector<std::string>{"anything"}));
    ASSERT_TRUE(identify_developer(fields_of({{"X-Dev-Scopes", ""}}), identity));
    EXPECT_FALSE(has_scopes(identity, std::vector<std::string>{"anything"})) << "none was given";
}

TEST(Identity, bad_headers_are_refused) {
    Identity identity;
    const std::string long_user(limits::principal_bytes_max + 1, 'u');
    const std::string long_roles(limits::roles_bytes_max + 1, 'r');
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-UserId", ""}}), identity));
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-UserId", "a b"}}), identity));
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-UserId", "\xc3\xa4"}}), identity));
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-UserId", long_user}}), identity));
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-Roles", long_roles}}), identity));
    EXPECT_FALSE(identify_developer(fields_of({{"X-Dev-Tenant", "a b"}}), identity));
    EXPECT_FALSE(
        identify_developer(fields_of({{"X-Dev-Name", "a"}, {"x-dev-name", "b"}}), identity));
    EXPECT_FALSE(
        identify_developer(fields_of({{"X-Dev-UserId", "a"}, {"X-Dev-UserId", "b"}}), identity));
}

TEST(Identity, creator_admin_and_required_role_may_read_others_not) {
    const std::vector<std::string> required{"team.a", "Team.B"};
    EXPECT_TRUE(may_read({"ann", ""}, "ann", {}, "mcp.admin"));
    EXPECT_TRUE(may_read({"bob", "x, MCP.Admin"}, "ann", {}, "mcp.admin"));
    EXPECT_TRUE(may_read({"bob", "team.b"}, "ann", required, "mcp.admin"));
    EXPECT_FALSE(may_read({"bob", "team.c"}, "ann", required, "mcp.admin"));
    EXPECT_FALSE(may_read({"bob", "team"}, "ann", required, "mcp.admin"));
    EXPECT_FALSE(may_read({"bob", ""}, "ann", {}, "mcp.admin"));
    EXPECT_FALSE(may_read({"bob", ",,"}, "ann", {}, ""));
}

}  // namespace
}  // namespace mcpgw::auth
