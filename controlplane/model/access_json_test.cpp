// Limits, rules and tenants as JSON: what is taken, what is refused under which name, and that what
// is written reads back as it was.
#include "controlplane/model/access_json.h"

#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/model/adapter_json.h"
#include "controlplane/model/field_errors_for_test.h"
#include "controlplane/model/json.h"
#include "controlplane/model/tenant.h"

namespace mcpgw::model {
namespace {

using contract::AccessRule;

TenantReading tenant(const std::string& text) {
    const auto tree = parse_json(text);
    EXPECT_TRUE(tree) << text;
    return read_tenant(tree ? *tree : picojson::value());
}
AdapterReading adapter(const std::string& members) {
    const auto tree = parse_json(R"({"name":"x","url":"http://h/mcp",)" + members + "}");
    EXPECT_TRUE(tree) << members;
    return read_adapter(tree ? *tree : picojson::value());
}
std::string written(const Tenant& tenant) {
    JsonWriter out;
    out.object();
    write_tenant_members(out, tenant);
    out.end();
    return out.take();
}

constexpr const char* kWholeTenant =
    R"({"id":"t","quota":{"requests":1000,"perSeconds":3600},
        "rateLimit":{"requestsPerSecond":5,"burst":20},"maxSessions":7,"maxStreams":8,
        "perUser":{"quota":{"requests":10,"perSeconds":60},"rateLimit":{"requestsPerSecond":2},
                   "maxSessions":1,"maxStreams":2}})";

TEST(TenantJson, every_member_is_taken_and_reads_back) {
    const auto reading = tenant(kWholeTenant);
    ASSERT_TRUE(reading.errors.empty()) << fields_of(reading.errors);
    EXPECT_EQ(reading.tenant.id, "t");
    EXPECT_EQ(reading.tenant.limits.all, (contract::Limits{1000, 3600, 5, 20, 7, 8}));
    EXPECT_EQ(reading.tenant.limits.per_user, (contract::Limits{10, 60, 2, 2, 1, 2}))
        << "a burst is one second's worth unless it is said";
    const auto again = tenant(written(reading.tenant));
    ASSERT_TRUE(again.errors.empty()) << fields_of(again.errors);
    EXPECT_EQ(again.tenant.limits, reading.tenant.limits);
}

TEST(TenantJson, what_is_not_said_is_not_limited_and_not_written) {
    const auto reading = tenant("{}");
    ASSERT_TRUE(reading.errors.empty());
    EXPECT_EQ(reading.tenant.limits, contract::LimitPair{});
    for (const char* member : {"quota", "rateLimit", "maxSessions", "maxStreams", "perUser"})
        EXPECT_EQ(written(reading.tenant).find(member), std::string::npos) << member;
}

TEST(TenantJson, mistakes_are_told_by_their_path) {
    struct Case {
        const char* text;
        const char* fields;
    };
    const Case cases[] = {
        {R"({"quota":{"requests":5}})", "quota.perSeconds"},
        {R"({"quota":{}})", "quota.perSeconds quota.requests"},
        {R"({"quota":{"requests":0,"perSeconds":1}})", "quota.requests"},
        {R"({"quota":{"requests":1,"perSeconds":2678401}})", "quota.perSeconds"},
        {R"({"quota":{"requests":1.5,"perSeconds":1}})", "quota.requests"},
        {R"({"quota":7})", "quota quota.perSeconds quota.requests"},
        {R"({"quota":{"requests":1,"perSeconds":1,"per":1}})", "quota.per"},
        {R"({"rateLimit":{"burst":1}})", "rateLimit.requestsPerSecond"},
        {R"({"rateLimit":{"requestsPerSecond":1000001}})", "rateLimit.requestsPerSecond"},
        {R"({"maxSessions":-1,"maxStreams":"1"})", "maxSessions maxStreams"},
        {R"({"perUser":{"perUser":{}}})", "perUser.perUser"},
        {R"({"perUser":{"quota":{"requests":1}}})", "perUser.quota.perSeconds"},
        {R"({"id":"a/b"})", "id"},
        {R"({"limit":1})", "limit"},
        {"[]", ""},
    };
    for (const Case& c : cases) {
        const auto reading = tenant(c.text);
        EXPECT_FALSE(reading.errors.empty()) << c.text;
        EXPECT_EQ(fields_of(reading.errors), c.fields) << c.text;
    }
}

TEST(TenantJson, what_the_gateway_answers_can_be_put_back) {
    EXPECT_TRUE(tenant(R"({"used":1,"resetsAt":"x","sessions":1,"streams":1,"createdBy":"a",
                           "createdAt":"b","lastUpdatedAt":"c","version":3})")
                    .errors.empty());
}

TEST(AccessRulesJson, rules_speak_of_methods_or_of_tools) {
    const auto reading = adapter(
        R"("accessRules":[{"effect":"deny","roles":["guest"],"methods":["tools/*","prompts/get"]},
                          {"effect":"allow","tools":["read_*"]}],
           "requiredScopes":["mcp:read","api://x/.default"],"identityAssertion":true,
           "limits":{"maxSessions":3,"perUser":{"maxStreams":1}})");
    ASSERT_TRUE(reading.errors.empty()) << fields_of(reading.errors);
    const Adapter& made = reading.adapter;
    ASSERT_EQ(made.access_rules.size(), 2U);
    EXPECT_EQ(made.access_rules[0],
              (AccessRule{AccessRule::Effect::deny, {"guest"}, {"tools/*", "prompts/get"}, {}}));
    EXPECT_EQ(made.access_rules[1], (AccessRule{AccessRule::Effect::allow, {}, {}, {"read_*"}}));
    EXPECT_EQ(made.required_scopes, (std::vector<std::string>{"mcp:read", "api://x/.default"}));
    EXPECT_TRUE(made.identity_assertion);
    EXPECT_EQ(made.limits.all.sessions_max, 3U);
    EXPECT_EQ(made.limits.per_user.streams_max, 1U);
    JsonWriter out;
    write_adapter(out, made, Audience::reader);
    const auto again = read_adapter(*parse_json(out.take()));
    ASSERT_TRUE(again.errors.empty()) << fields_of(again.errors);
    EXPECT_EQ(again.adapter.access_rules, made.access_rules);
    EXPECT_EQ(again.adapter.limits, made.limits);
    EXPECT_EQ(again.adapter.required_scopes, made.required_scopes);
    EXPECT_TRUE(again.adapter.identity_assertion);
}

TEST(AccessRulesJson, mistakes_are_told_by_their_path) {
    const std::string too_many = [] {
        std::string text = R"("accessRules":[)";
        for (std::size_t i = 0; i <= limits::access_rules_max; ++i)
            text += std::string(i == 0 ? "" : ",") + R"({"effect":"allow","tools":["a"]})";
        return text + "]";
    }();
    struct Case {
        std::string members;
        const char* fields;
    };
    const Case cases[] = {
        {R"("accessRules":{})", "accessRules"},
        {too_many, "accessRules"},
        {R"("accessRules":[7])", "accessRules[0] accessRules[0].effect accessRules[0].methods"},
        {R"("accessRules":[{"tools":["a"]}])", "accessRules[0].effect"},
        {R"("accessRules":[{"effect":"maybe","tools":["a"]}])", "accessRules[0].effect"},
        {R"("accessRules":[{"effect":"deny"}])", "accessRules[0].methods"},
        {R"("accessRules":[{"effect":"deny","tools":["a"],"methods":["b"]}])",
         "accessRules[0].methods"},
        {R"("accessRules":[{"effect":"deny","tools":[]}])", "accessRules[0].tools"},
        {R"("accessRules":[{"effect":"deny","tools":["a",""]}])", "accessRules[0].tools[1]"},
        {R"("accessRules":[{"effect":"deny","tools":["a\n"]}])", "accessRules[0].tools[0]"},
        {R"("accessRules":[{"effect":"deny","tools":["a"],"roles":["a,b"]}])",
         "accessRules[0].roles[0]"},
        {R"("accessRules":[{"effect":"deny","tools":["a"],"users":["b"]}])",
         "accessRules[0].users"},
        {R"("requiredScopes":["a b"])", "requiredScopes[0]"},
        {R"("limits":{"quota":{"requests":1}})", "limits.quota.perSeconds"},
        {R"("limits":{"id":"t"})", "limits.id"},
        {R"("identityAssertion":1)", "identityAssertion"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(fields_of(adapter(c.members).errors), c.fields) << c.members;
}

TEST(AccessRulesJson, a_tool_has_no_rules_about_tools) {
    const std::string text =
        R"({"name":"x","url":"http://h/x","accessRules":[],"requiredScopes":["s"],
            "limits":{"maxSessions":1},
            "toolDefinition":{"tool":{"name":"x","inputSchema":{"type":"object"}}}})";
    const auto reading = read_resource(Kind::tool, *parse_json(text), text);
    EXPECT_EQ(fields_of(reading.errors), "accessRules");
    EXPECT_EQ(reading.adapter.required_scopes.size(), 1U);
    EXPECT_EQ(reading.adapter.limits.all.sessions_max, 1U);
}

}  // namespace
}  // namespace mcpgw::model
