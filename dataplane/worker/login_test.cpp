// Bearer tokens through a worker on real sockets: who comes in, who that is for servers and the
// control plane, and what everybody else is told.
#include "dataplane/worker/login_for_test.h"

namespace mcpgw::worker {
namespace {

TEST(Login, a_good_token_comes_in_and_goes_no_further) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    const std::string token =
        good_token({{"name", R"("Ann Lee")"}, {"tid", R"("t1")"}, {"scope", R"("a b")"}});
    EXPECT_EQ(
        call(gateway, bearer(token) + "X-Dev-UserId: root\r\nX-Mcp-Roles: mcp.admin\r\n").status(),
        "200");
    const std::string request = echo.last();
    EXPECT_TRUE(request.contains("X-Mcp-UserId: ann\r\n")) << request;
    EXPECT_TRUE(request.contains("X-Mcp-UserName: Ann Lee\r\n")) << request;
    EXPECT_TRUE(request.contains("X-Mcp-Roles: team\r\n")) << request;
    EXPECT_TRUE(request.contains("X-Mcp-Tenant: t1\r\n")) << request;
    EXPECT_FALSE(request.contains(token)) << request;
    EXPECT_FALSE(request.contains("Authorization")) << request;
    EXPECT_FALSE(request.contains("X-Dev")) << request;
}

TEST(Login, every_algorithm_comes_in) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    for (const auto& [algorithm, key] :
         std::initializer_list<std::pair<std::string, std::string>>{{"RS256", "rsa"},
                                                                    {"RS384", "rsa"},
                                                                    {"RS512", "rs512-only"},
                                                                    {"PS256", "rsa"},
                                                                    {"ES256", "p256"},
                                                                    {"ES384", "p384"},
                                                                    {"EdDSA", "ed25519"}}) {
        const std::string signer = key == "rs512-only" ? "rsa" : key;
        const std::string token =
            auth::token_of(header_of(algorithm, key), claims_with({}), signer, algorithm);
        EXPECT_EQ(call(gateway, bearer(token)).status(), "200") << algorithm;
    }
}

TEST(Login, types_and_schemes_compare_ignoring_case) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    for (const char* type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"}) {
        const std::string header =
            header_of("ES256", "p256", R"(,"typ":")" + std::string(type) + "\"");
        const std::string token = auth::token_of(header, claims_with({}), "p256", "ES256");
        EXPECT_EQ(call(gateway, "authorization: bEARER   " + token + "\r\n").status(), "200")
            << type;
    }
}

TEST(Login, who_may_not_read_an_adapter_does_not_learn_of_it) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    const Answer hidden = call(gateway, bearer(good_token({{"roles", ""}})));
    EXPECT_EQ(hidden.status(), "404");
    const Answer absent = ask(gateway, "POST /adapters/none/mcp HTTP/1.1\r\nHost: localhost\r\n" +
                                           bearer(good_token()) +
                                           "Content-Length: " + std::to_string(kListTools.size()) +
                                           "\r\n\r\n" + std::string(kListTools));
    EXPECT_EQ(absent.status(), "404");
    EXPECT_EQ(hidden.body, absent.body);
}

TEST(Login, management_needs_a_token_and_what_is_public_does_not) {
    Harness gateway({}, with_tokens());
    const Answer refused = get(gateway, "/adapters");
    EXPECT_EQ(refused.status(), "401");
    EXPECT_EQ(refused.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(refused.field("WWW-Authenticate"),
              "Bearer " + std::string(kMetadata) + "\", scope=\"mcp\"");
    EXPECT_EQ(get(gateway, "/adapters", bearer(good_token())).status(), "503")
        << "goes to the control plane, which is not there";
    for (const char* path : {"/ping", "/healthz", "/readyz"})
        EXPECT_EQ(get(gateway, path).status(), "200") << path;
    EXPECT_EQ(get(gateway, "/openapi.json").status(), "503");
    EXPECT_EQ(ask(gateway, "OPTIONS /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n").status(),
              "204");
    for (const char* path :
         {"/authorize", "/token", "/register", "/.well-known/x", "/nothing",
          "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}) {
        const Answer answer = get(gateway, path);
        EXPECT_EQ(answer.status(), "404") << path;
        EXPECT_EQ(answer.field("WWW-Authenticate"), "") << path;
    }
}

// --- Who does not -------------------------------------------------------------------------------

TEST(Login, without_a_token_the_challenge_says_where_to_get_one) {
    Harness gateway({}, with_tokens());
    const std::string expected =
        "Bearer " + std::string(kMetadata) + "/adapters/a/mcp\", scope=\"mcp\"";
    for (const char* lines : {"", "Authorization: Basic YTpi\r\n", "Authorization: Bearer\r\n",
                              "Authorization: Bearer \r\n", "Authorization: Bearerx y\r\n",
                              "Authorization: \r\n", "X-Dev-UserId: root\r\n"}) {
        const Answer answer = call(gateway, lines);
        EXPECT_EQ(answer.status(), "401") << lines;
        EXPECT_EQ(answer.field("WWW-Authenticate"), expected) << lines;
        EXPECT_EQ(answer.field("Content-Type"), "application/json");
        EXPECT_TRUE(answer.body.contains(R"("id":7,"error":{"code":-32000)")) << answer.body;
    }
    const Answer probe =
        ask(gateway, Harness::post(R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})"));
    EXPECT_EQ(probe.status(), "401") << "or the client would not log in";
    const Answer stream = get(gateway, "/adapters/a/sse");
    EXPECT_EQ(stream.field("WWW-Authenticate"),
              "Bearer " + std::string(kMetadata) + "/adapters/a/sse\", scope=\"mcp\"");
    const Answer posted = ask(gateway,
                              "POST /adapters/a/messages?sessionId=x HTTP/1.1\r\nHost: "
                              "localhost\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(posted.field("WWW-Authenticate"), stream.field("WWW-Authenticate"))
        << "the client knows the stream only";
}

TEST(Login, credentials_that_can_be_read_in_two_ways_are_an_invalid_request) {
    Harness gateway({}, with_tokens());
    for (const std::string& lines :
         {bearer(good_token()) + bearer(good_token()), bearer("a b"), bearer("a,b"),
          bearer("\"x\""), bearer("=x"), bearer("a=b"), bearer("t\xc3\xb6ken")}) {
        const Answer answer = call(gateway, lines);
        EXPECT_EQ(answer.status(), "400") << lines;
        EXPECT_TRUE(
            answer.field("WWW-Authenticate").starts_with("Bearer error=\"invalid_request\""))
            << answer.head;
    }
}

TEST(Login, a_scope_that_is_missing_is_asked_for) {
    Echo echo;
    Harness::Special special = with_tokens();
    special.required_scopes = {"mcp:a", "mcp:write"};
    Harness gateway({echo.server.port()}, special);
    const Answer answer = call(gateway, bearer(good_token({{"scope", R"("mcp:a")"}})));
    EXPECT_EQ(answer.status(), "403");
    EXPECT_EQ(answer.field("WWW-Authenticate"),
              "Bearer error=\"insufficient_scope\", scope=\"mcp:a mcp:write\", " +
                  std::string(kMetadata) + "/adapters/a/mcp\"");
    EXPECT_EQ(call(gateway, bearer(good_token({{"scope", R"("mcp:write x mcp:a")"}}))).status(),
              "200");
    EXPECT_EQ(call(gateway, bearer(good_token({{"roles", ""}}))).status(), "404")
        << "who may not read it is not told its scopes";
    EXPECT_EQ(call(gateway, "").field("WWW-Authenticate"),
              "Bearer " + std::string(kMetadata) + "/adapters/a/mcp\", scope=\"mcp\"");
}

TEST(Login, a_token_for_a_resource_opens_that_one) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    const auto with_audience = [&gateway](const char* audience) {
        return call(gateway, bearer(good_token({{"aud", audience}}))).status();
    };
    EXPECT_EQ(with_audience(R"("https://gw.example/adapters/a/mcp")"), "200");
    EXPECT_EQ(with_audience(R"("https://gw.example/adapters/a/mcp/")"), "200");
    EXPECT_EQ(with_audience(R"("https://gw.example")"), "200");
    EXPECT_EQ(with_audience(R"("https://gw.example/adapters/a/sse")"), "401");
    EXPECT_EQ(with_audience(R"("http://localhost/adapters/a/mcp")"), "401")
        << "the public origin is another one";
    EXPECT_EQ(get(gateway, "/adapters",
                  bearer(good_token({{"aud", R"("https://gw.example/adapters/a/mcp")"}})))
                  .status(),
              "401")
        << "nor the management";
}

TEST(Login, an_api_token_opens_its_adapters_only) {
    Echo echo;
    Harness::Special special = with_tokens();
    const std::string narrow = "mcpgw_" + auth::base64url(std::string(32, 'n'));
    const std::string wide = "mcpgw_" + auth::base64url(std::string(32, 'w'));
    special.access.tokens = {{.hash = auth::sha256(narrow),
                              .id = "n",
                              .user = "dev",
                              .roles = {},
                              .tenant = "",
                              .scopes = {},
                              .adapters = {"b"}},
                             {.hash = auth::sha256(wide),
                              .id = "w",
                              .user = "dev",
                              .roles = {},
                              .tenant = "",
                              .scopes = {},
                              .adapters = {}}};
    std::ranges::sort(special.access.tokens, {}, &contract::ApiToken::hash);
    Harness gateway({echo.server.port()}, special);
    EXPECT_EQ(call(gateway, bearer(wide)).status(), "200");
    EXPECT_TRUE(echo.last().contains("X-Mcp-UserId: dev\r\n"));
    EXPECT_EQ(get(gateway, "/adapters", bearer(wide)).status(), "503");
    const Answer refused = call(gateway, bearer(narrow));
    EXPECT_EQ(refused.status(), "403");
    EXPECT_EQ(refused.field("WWW-Authenticate"), "") << "logging in would not help";
    EXPECT_EQ(get(gateway, "/adapters", bearer(narrow)).status(), "403");
}

TEST(Login, nobody_comes_in_before_anything_is_known) {
    Echo echo;
    Harness::Special special = with_tokens();
    special.access = {};
    Harness gateway({echo.server.port()}, special);
    EXPECT_EQ(call(gateway, bearer(good_token())).status(), "401");
    EXPECT_EQ(call(gateway, "").field("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(call(gateway, bearer("mcpgw_x")).status(), "401");
}

TEST(Login, an_issuer_without_keys_is_503_for_a_moment) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    const Answer answer =
        call(gateway, bearer(good_token({{"iss", R"("https://silent.example")"}})));
    EXPECT_EQ(answer.status(), "503");
    EXPECT_EQ(answer.field("Retry-After"), "5");
    EXPECT_EQ(answer.field("WWW-Authenticate"), "");
}

}  // namespace
}  // namespace mcpgw::worker
