// Where clients are sent to log in, and the URL of the gateway that this is made of.
#include "dataplane/auth/challenge.h"

#include <gtest/gtest.h>

namespace mcpgw::auth {
namespace {

contract::Access access_of(std::vector<std::string> scopes) {
    contract::Access access;
    access.issuers = {{"https://idp.example/t1", {}, ""}, {"https://other.example", {}, ""}};
    access.scopes = std::move(scopes);
    return access;
}

TEST(Challenge, has_no_error_when_no_token_was_sent) {
    const PublicUrl url("https://gw.example");
    const std::vector<std::string> scopes{"mcp:read", "mcp:write"};
    EXPECT_EQ(challenge_text({"", "", scopes, url, "/adapters/a/mcp", true}),
              "Bearer resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource"
              "/adapters/a/mcp\", scope=\"mcp:read mcp:write\"");
    EXPECT_EQ(challenge_text({"", "", {}, PublicUrl(), "/mcp", true}), "Bearer");
    EXPECT_EQ(challenge_text({"", "", {}, url, "/mcp", false}), "Bearer");
}

TEST(Challenge, says_what_is_wrong_with_a_token) {
    const PublicUrl url("https://gw.example");
    EXPECT_EQ(
        challenge_text({kInvalidToken, description_of(TokenFault::expired), {}, url, "/mcp", true}),
        "Bearer error=\"invalid_token\", error_description=\"The token has expired\", "
        "resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource/mcp\"");
    const std::vector<std::string> scopes{"a", "b\"c", "d"};
    EXPECT_EQ(challenge_text({kInsufficientScope, "", scopes, url, "/adapters/a/mcp", true}),
              "Bearer error=\"insufficient_scope\", scope=\"a d\", resource_metadata=\"https://"
              "gw.example/.well-known/oauth-protected-resource/adapters/a/mcp\"");
}

TEST(Challenge, every_description_fits_into_quotes) {
    for (int i = 1; i <= static_cast<int>(TokenFault::expired_api_token); ++i) {
        const std::string_view text = description_of(static_cast<TokenFault>(i));
        EXPECT_FALSE(text.empty()) << i;
        for (const char c : text)
            EXPECT_TRUE(c >= ' ' && c <= '~' && c != '"' && c != '\\') << text;
    }
}

TEST(Challenge, a_prefix_stands_behind_the_well_known_part) {
    const PublicUrl url("https://gw.example/mcp-gw");
    EXPECT_EQ(challenge_text({"", "", {}, url, "/adapters/a/mcp", true}),
              "Bearer resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource"
              "/mcp-gw/adapters/a/mcp\"");
}

TEST(Metadata, names_the_resource_and_who_gives_tokens_for_it) {
    EXPECT_EQ(
        resource_metadata(access_of({"mcp"}), PublicUrl("https://gw.example/x"), "/adapters/a/mcp"),
        R"({"resource":"https://gw.example/x/adapters/a/mcp",)"
        R"("authorization_servers":["https://idp.example/t1","https://other.example"],)"
        R"("scopes_supported":["mcp"],"bearer_methods_supported":["header"]})");
    contract::Access access = access_of({});
    access.resource = "api://gateway";
    EXPECT_EQ(resource_metadata(access, PublicUrl("https://gw.example"), ""),
              R"({"resource":"api://gateway",)"
              R"("authorization_servers":["https://idp.example/t1","https://other.example"],)"
              R"("bearer_methods_supported":["header"]})");
}

TEST(PublicUrl, is_normalised_or_refused) {
    EXPECT_EQ(PublicUrl::normalised("HTTPS://GW.Example:443/Mcp/"), "https://gw.example/Mcp");
    EXPECT_EQ(PublicUrl::normalised("http://localhost:8000"), "http://localhost:8000");
    EXPECT_EQ(PublicUrl::normalised("http://[::1]:80/"), "http://[::1]");
    for (const char* bad : {"", "gw.example", "ftp://gw.example", "https://", "https:///x",
                            "https://u@gw.example", "https://gw.example?x", "https://gw.example#x",
                            "https://gw.example/a//b", "https://gw.example/../b", "https://a b"})
        EXPECT_FALSE(PublicUrl::normalised(bad)) << bad;
    EXPECT_FALSE(PublicUrl::normalised("https://" + std::string(600, 'a')));
}

class PublicUrlOfRequest : public testing::Test {
  protected:
    std::string ask(const char* host) {
        return std::string(public_url(configured, words, host, rules).whole());
    }
    std::string configured;
    ProxyWords words;
    std::vector<std::string> hosts{"gw.example"};
    OriginRules rules{.loopback_listener = true, .allowed_hosts = hosts, .allowed_origins = {}};
};

TEST_F(PublicUrlOfRequest, what_is_configured_is_never_overruled) {
    configured = "https://gw.example/x";
    words.host = "evil.example";
    EXPECT_EQ(ask("evil.example"), "https://gw.example/x");
}

TEST_F(PublicUrlOfRequest, a_trusted_proxy_comes_before_the_host_of_the_request) {
    words = {{}, "https", "Outer.example", "/p"};
    EXPECT_EQ(ask("localhost:8000"), "https://outer.example/p");
}

TEST_F(PublicUrlOfRequest, a_host_counts_if_it_is_local_or_listed) {
    EXPECT_EQ(ask("127.0.0.1:8000"), "http://127.0.0.1:8000");
    EXPECT_EQ(ask("GW.example:81"), "http://gw.example:81");
    EXPECT_EQ(ask("evil.example"), "");
    rules.loopback_listener = false;
    EXPECT_EQ(ask("127.0.0.1:8000"), "") << "only a loopback listener is reached by that name";
}

}  // namespace
}  // namespace mcpgw::auth
