// The route table of CONTRACT section 3, and what must not slip past it.
#include "dataplane/route/target.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw {

using Kind = Target::Kind;

void PrintTo(Kind kind, std::ostream* out) {
    *out << "kind " << static_cast<int>(kind);
}

namespace {

void expect(std::string_view path, Kind kind, std::string_view adapter, std::string_view allow) {
    const Target target = classify(path);
    EXPECT_EQ(target.kind, kind) << path;
    EXPECT_EQ(target.adapter, adapter) << path;
    EXPECT_EQ(target.allow, allow) << path;
}

TEST(TargetTest, adapters_have_three_endpoints) {
    expect("/adapters/x/mcp", Kind::adapter_mcp, "x", "GET, POST, DELETE, OPTIONS");
    expect("/adapters/x/sse", Kind::adapter_sse, "x", "GET, OPTIONS");
    expect("/adapters/a-1/messages", Kind::adapter_messages, "a-1", "POST, OPTIONS");
}

TEST(TargetTest, only_mcp_endpoints_may_end_in_a_slash) {
    expect("/adapters/x/mcp/", Kind::adapter_mcp, "x", "GET, POST, DELETE, OPTIONS");
    expect("/mcp/", Kind::router_mcp, "", "GET, POST, DELETE, OPTIONS");
    for (const auto* path :
         {"/adapters/x/mcp//", "/mcp//", "/adapters/mcp/", "/adapters/x/sse/",
          "/adapters/x/messages/", "/adapters/", "/adapters/x/", "/tools/", "/tools/mcp/",
          "/tenants/", "/tenants/mcp/", "/sessions/mcp/", "/ping/", "/tools/x/mcp/",
          "/adapters/x/status/", "/adapters/x/y/mcp/"})
        expect(path, Kind::unknown, "", "");
}

TEST(TargetTest, names_that_break_the_rule_stay_adapters) {
    expect("/adapters/UPPER_case/mcp", Kind::adapter_mcp, "UPPER_case",
           "GET, POST, DELETE, OPTIONS");
    const std::string name(5000, 'n');
    expect("/adapters/" + name + "/mcp", Kind::adapter_mcp, name, "GET, POST, DELETE, OPTIONS");
}

TEST(TargetTest, an_adapter_named_mcp_is_not_the_router) {
    expect("/adapters/mcp/mcp", Kind::adapter_mcp, "mcp", "GET, POST, DELETE, OPTIONS");
    expect("/adapters/mcp", Kind::management, "", "GET, PUT, DELETE, OPTIONS");
    expect("/mcp", Kind::router_mcp, "", "GET, POST, DELETE, OPTIONS");
}

TEST(TargetTest, management_has_its_methods) {
    for (const std::string kind : {"/adapters", "/tools"}) {
        expect(kind, Kind::management, "", "GET, POST, OPTIONS");
        expect(kind + "/x", Kind::management, "", "GET, PUT, DELETE, OPTIONS");
        expect(kind + "/x/status", Kind::management, "", "GET, OPTIONS");
        expect(kind + "/x/logs", Kind::management, "", "GET, OPTIONS");
    }
    expect("/tenants", Kind::management, "", "GET, OPTIONS");
    expect("/tenants/t1", Kind::management, "", "GET, PUT, DELETE, OPTIONS");
    expect("/sessions", Kind::management, "", "GET, OPTIONS");
    expect("/sessions/abc", Kind::management, "", "DELETE, OPTIONS");
    expect("/tokens", Kind::management, "", "GET, POST, OPTIONS");
    expect("/tokens/abc", Kind::management, "", "GET, DELETE, OPTIONS");
    expect("/audit", Kind::management, "", "GET, OPTIONS");
    expect("/openapi.json", Kind::management, "", "GET, HEAD, OPTIONS");
}

TEST(TargetTest, the_gateway_answers_for_itself) {
    expect("/ping", Kind::ping, "", "GET, HEAD, OPTIONS");
    expect("/healthz", Kind::healthz, "", "GET, HEAD, OPTIONS");
    expect("/readyz", Kind::readyz, "", "GET, HEAD, OPTIONS");
}

TEST(TargetTest, the_asterisk_is_the_whole_server) {
    expect("*", Kind::whole_server, "", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    expect("*x", Kind::unknown, "", "");
}

TEST(TargetTest, well_known_keeps_the_path_behind_it) {
    const std::string base = "/.well-known/oauth-protected-resource";
    expect(base, Kind::well_known, "", "GET, OPTIONS");
    EXPECT_EQ(classify(base).resource, "");
    EXPECT_EQ(classify(base + "/adapters/x/mcp").resource, "/adapters/x/mcp");
    EXPECT_EQ(classify(base + "/adapters/x/mcp/").resource, "/adapters/x/mcp/");
    expect(base + "s", Kind::unknown, "", "");
    EXPECT_FALSE(classify(base).of_issuer);
    for (const std::string of_issuer :
         {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}) {
        expect(of_issuer, Kind::well_known, "", "GET, OPTIONS");
        EXPECT_EQ(classify(of_issuer + "/mcp").resource, "/mcp");
        EXPECT_TRUE(classify(of_issuer).of_issuer);
        expect(of_issuer + "x", Kind::unknown, "", "");
    }
    expect("/.well-known/security.txt", Kind::unknown, "", "");
    expect("/.well-known/", Kind::unknown, "", "");
    expect("/.well-known", Kind::unknown, "", "");
}

TEST(TargetTest, nothing_is_decoded_or_resolved) {
    for (const auto* path : {"/adapters/%78/mcp",
                             "/adapters/x%2fmcp",
                             "/adapters/x/%6dcp",
                             "/%6dcp",
                             "/mcp%00",
                             "/adapters/../mcp",
                             "/adapters/x/../mcp",
                             "/adapters/x/./mcp",
                             "/adapters/./mcp",
                             "/adapters/..",
                             "/adapters/.",
                             "/../mcp",
                             "/./mcp",
                             "/adapters/x/..",
                             "//mcp",
                             "/adapters//mcp",
                             "//adapters/x/mcp",
                             "/adapters/x//mcp",
                             "/tenants/..",
                             "/.well-known/oauth-protected-resource/../../mcp",
                             "/.well-known/oauth-protected-resource/%2e%2e/x"})
        expect(path, Kind::unknown, "", "");
}

TEST(TargetTest, everything_else_is_unknown) {
    for (const auto* path : {"",
                             "/",
                             "mcp",
                             "adapters/x/mcp",
                             "/MCP",
                             "/Adapters",
                             "/adapters/x/MCP",
                             "/adapters/x/y",
                             "/adapters/x/mcp/y",
                             "/tools/x/mcp",
                             "/tools/x/sse",
                             "/ping/x",
                             "/pings",
                             "/tenants/a/b",
                             "/sessions/a/b",
                             "/mcp/x",
                             "/adapter",
                             "/openapi.json/x",
                             "/audit/1",
                             "/metrics",
                             "/debug/sessions",
                             "/mcp/mcp",
                             "/a/b/c/d/e/f"})
        expect(path, Kind::unknown, "", "");
}

TEST(TargetTest, what_is_posted_beside_a_stream_belongs_to_the_stream) {
    const auto facts = [](std::string_view path) { return target_facts(classify(path).kind); };
    EXPECT_EQ(facts("/adapters/x/mcp").endpoint, "mcp");
    EXPECT_EQ(facts("/mcp").endpoint, "mcp");
    EXPECT_EQ(facts("/adapters/x/sse").endpoint, "sse");
    EXPECT_EQ(facts("/adapters/x/messages").endpoint, "sse");
    EXPECT_FALSE(facts("/adapters/x/messages").is_resource);
    for (const auto* path : {"/adapters/x/mcp", "/adapters/x/sse", "/mcp"})
        EXPECT_TRUE(facts(path).is_resource) << path;
    for (const auto* path : {"/adapters", "/ping", "*", "/.well-known/oauth-protected-resource"}) {
        EXPECT_FALSE(facts(path).is_mcp()) << path;
        EXPECT_FALSE(facts(path).is_resource) << path;
    }
}

TEST(TargetTest, pages_of_the_gateway_itself_are_for_everybody_and_nothing_else_is) {
    for (const auto* path : {"/ping", "/healthz", "/readyz", "/.well-known/mcp-gateway/jwks.json",
                             "/.well-known/oauth-protected-resource/mcp", "*"})
        EXPECT_TRUE(target_facts(classify(path).kind).is_own_page) << path;
    for (const auto* path : {"/adapters", "/adapters/x/mcp", "/adapters/x/sse", "/mcp",
                             "/adapters/x/messages", "/openapi.json", "/tokens", "/unknown"})
        EXPECT_FALSE(target_facts(classify(path).kind).is_own_page) << path;
}

}  // namespace
}  // namespace mcpgw
