// `mcp-gateway tokens` against a stand-in for the management routes.
#include "tools/gateway/tokens.h"

#include "tools/gateway/fake_gateway.h"

namespace mcpgw::cli {
namespace {

TEST(Tokens, a_token_alone_is_on_standard_output) {
    FakeGateway gateway;
    gateway.status = 201;
    gateway.body = R"({"id":"0123456789abcdef","user":"ci","token":"mcpgw_secret"})";
    const auto made = gateway.run(
        run_tokens, {"tokens", "create", "--user", "ci", "--roles", "a,b c", "--adapters", "x"});
    EXPECT_EQ(made.status, 0) << made.err;
    EXPECT_EQ(made.out, "mcpgw_secret\n");
    EXPECT_NE(made.err.find("0123456789abcdef for ci"), std::string::npos) << made.err;
    EXPECT_EQ(made.err.find("mcpgw_secret"), std::string::npos);
    ASSERT_EQ(gateway.seen().size(), 1U);
    EXPECT_EQ(gateway.seen()[0].line, "POST /tokens");
    EXPECT_EQ(gateway.seen()[0].body,
              R"({"user":"ci","roles":["a","b c"],"scopes":[],"adapters":["x"]})");
    const auto json =
        gateway.run(run_tokens, {"tokens", "create", "--user", "ci", "--expires", "30d", "--json"});
    EXPECT_NE(json.out.find("\"token\": \"mcpgw_secret\""), std::string::npos) << json.out;
    EXPECT_NE(gateway.seen()[1].body.find("\"expiresAt\":\"20"), std::string::npos);
}

TEST(Tokens, wrong_usage_asks_nobody) {
    const FakeGateway gateway;
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"tokens"},
             {"tokens", "create"},
             {"tokens", "revoke"},
             {"tokens", "create", "--user", "ci", "--expires", "soon"}})
        EXPECT_EQ(gateway.run(run_tokens, words).status, 2) << words.back();
    EXPECT_TRUE(gateway.seen().empty());
}

TEST(Tokens, tokens_are_listed_and_revoked) {
    FakeGateway gateway;
    gateway.body = R"([{"id":"0123456789abcdef","user":"ci","roles":["a","b"],"scopes":[],
                        "adapters":["x"],"createdBy":"root"}])";
    const auto listed = gateway.run(run_tokens, {"tokens", "list"});
    for (const char* part : {"0123456789abcdef", "a,b", "never", "root"})
        EXPECT_NE(listed.out.find(part), std::string::npos) << listed.out;
    gateway.status = 204;
    EXPECT_EQ(gateway.run(run_tokens, {"tokens", "revoke", "0123456789abcdef"}).out,
              "revoked 0123456789abcdef\n");
    EXPECT_EQ(gateway.seen().back().line, "DELETE /tokens/0123456789abcdef");
}

}  // namespace
}  // namespace mcpgw::cli
