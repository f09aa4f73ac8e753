// Where clients find out how to log in, and requests whose token is signed with a key that is not
// known yet.
#include "dataplane/worker/login_for_test.h"

namespace mcpgw::worker {
namespace {

// --- Metadata -----------------------------------------------------------------------------------

TEST(Login, metadata_is_there_for_every_resource_that_there_could_be) {
    Harness gateway({}, with_tokens());
    const auto document = [](const std::string& path) {
        return R"({"resource":"https://gw.example)" + path +
               R"(","authorization_servers":["https://idp.example/t1","https://second.example",)"
               R"("https://silent.example"],"scopes_supported":["mcp"],)"
               R"("bearer_methods_supported":["header"]})";
    };
    for (const char* path :
         {"", "/adapters/a/mcp", "/adapters/a/sse", "/adapters/none/mcp", "/mcp"}) {
        const Answer answer =
            get(gateway, "/.well-known/oauth-protected-resource" + std::string(path));
        EXPECT_EQ(answer.status(), "200") << path;
        EXPECT_EQ(answer.body, document(path));
        EXPECT_EQ(answer.field("Content-Type"), "application/json");
        EXPECT_EQ(answer.field("Access-Control-Allow-Origin"), "*");
        EXPECT_EQ(answer.field("Cache-Control"), "public, max-age=60");
    }
    for (const char* path : {"/adapters", "/adapters/a", "/adapters/a/messages", "/x", "//",
                             "/adapters//mcp", "/ping"})
        EXPECT_EQ(
            get(gateway, "/.well-known/oauth-protected-resource" + std::string(path)).status(),
            "404")
            << path;
    const Answer preflight = ask(gateway,
                                 "OPTIONS /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: "
                                 "localhost\r\nOrigin: http://localhost:1\r\n"
                                 "Access-Control-Request-Method: GET\r\n\r\n");
    EXPECT_EQ(preflight.status(), "204");
    EXPECT_EQ(preflight.field("Access-Control-Allow-Origin"), "http://localhost:1");
}

TEST(Login, a_proxy_may_hand_over_the_public_host) {
    Harness gateway({}, with_tokens());
    const std::string path = "/.well-known/oauth-protected-resource";
    EXPECT_EQ(get(gateway, path, "", "gw.example").status(), "200");
    EXPECT_EQ(get(gateway, path, "", "other.example").status(), "403");
}

TEST(Login, a_prefix_is_understood_with_and_without_it) {
    Harness::Special special = with_tokens();
    special.public_url = "https://gw.example/mcp-gw";
    Harness gateway({}, special);
    EXPECT_TRUE(
        call(gateway, "")
            .field("WWW-Authenticate")
            .contains(
                "https://gw.example/.well-known/oauth-protected-resource/mcp-gw/adapters/a/mcp\""));
    const std::string with = "/.well-known/oauth-protected-resource/mcp-gw/adapters/a/mcp";
    const std::string without = "/.well-known/oauth-protected-resource/adapters/a/mcp";
    EXPECT_EQ(get(gateway, with).status(), "200");
    EXPECT_EQ(get(gateway, with).body, get(gateway, without).body);
    EXPECT_TRUE(get(gateway, without)
                    .body.starts_with(R"({"resource":"https://gw.example/mcp-gw/adapters/a/mcp")"));
    EXPECT_EQ(get(gateway, "/.well-known/oauth-protected-resource/mcp-gw").status(), "200");
    EXPECT_EQ(get(gateway, "/.well-known/oauth-protected-resource/mcp-gwx").status(), "404");
}

TEST(Login, what_a_stranger_says_of_the_origin_does_not_count) {
    const std::string path = "/.well-known/oauth-protected-resource/mcp";
    const std::string lines =
        "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /p\r\n";
    Harness::Special special = with_tokens();
    special.public_url = "";
    {
        Harness gateway({}, special);
        EXPECT_TRUE(get(gateway, path, lines, "localhost:8000")
                        .body.starts_with(R"({"resource":"http://localhost:8000/mcp")"));
    }
    special.trusted_proxies = {*transport::Network::parse("127.0.0.0/8")};
    Echo echo;
    Harness gateway({echo.server.port()}, special);
    EXPECT_TRUE(
        get(gateway, path, lines).body.starts_with(R"({"resource":"https://evil.example/p/mcp")"))
        << "but if a trusted proxy has said it";
    EXPECT_EQ(
        call(gateway, bearer(good_token()) + lines + "X-Forwarded-For: 203.0.113.9\r\n").status(),
        "200");
    EXPECT_TRUE(
        echo.last().contains("Forwarded: for=203.0.113.9;host=\"evil.example\";proto=https\r\n"))
        << echo.last();
}

TEST(Login, metadata_of_an_issuer_is_passed_on_if_it_is_given) {
    Harness::Special special = with_tokens();
    special.access.issuers[1].metadata = R"({"issuer":"https://second.example"})";
    Harness gateway({}, special);
    for (const char* path : {"/.well-known/oauth-authorization-server",
                             "/.well-known/oauth-authorization-server/adapters/a/mcp",
                             "/.well-known/openid-configuration"}) {
        const Answer answer = get(gateway, path);
        EXPECT_EQ(answer.status(), "200") << path;
        EXPECT_EQ(answer.body, R"({"issuer":"https://second.example"})");
    }
    EXPECT_EQ(get(gateway, "/.well-known/openid-configuration/x").status(), "404");
}

TEST(Login, without_an_issuer_there_is_no_metadata) {
    Harness::Special special = with_tokens();
    special.access.issuers.clear();
    Harness gateway({}, special);
    EXPECT_EQ(get(gateway, "/.well-known/oauth-protected-resource").status(), "404");
    EXPECT_EQ(call(gateway, "").field("WWW-Authenticate"), "Bearer scope=\"mcp\"");
}

// --- Keys that are not known yet ----------------------------------------------------------------

std::string token_with_new_key() {
    return auth::token_of(header_of("ES256", "new"), claims_with({}), "p256-other", "ES256");
}

bool wait_for_question(Harness& gateway) {
    InstanceEvent event;
    return Harness::until([&] { return gateway.events().pop(event); }) &&
           event.kind == InstanceEvent::Kind::unknown_key &&
           event.instance == fnv1a("https://idp.example/t1");
}

TEST(Login, a_request_waits_for_a_key_that_is_on_its_way) {
    Echo echo;
    Harness::Special special = with_tokens();
    Harness gateway({echo.server.port()}, special);
    Line client = gateway.connect();
    const std::string body(200'000, 'x');  // more than is held while it is undecided
    const std::string message =
        R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"n","x":")" + body +
        "\"}}";
    std::thread sender([&] { client.send(Harness::post(message, bearer(token_with_new_key()))); });
    EXPECT_TRUE(wait_for_question(gateway));
    special.access.issuers[0].keys.push_back({"new", "", auth::TestKey::of("p256-other").spki()});
    gateway.set_access(special.access);
    gateway.publish({echo.server.port()});
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    sender.join();
    EXPECT_TRUE(echo.last().ends_with(body + "\"}}")) << echo.last().size();
}

TEST(Login, a_key_that_does_not_come_is_401_after_a_while) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    const Nanos start = monotonic_now();
    const Answer answer = call(gateway, bearer(token_with_new_key()));
    EXPECT_EQ(answer.status(), "401");
    EXPECT_TRUE(answer.field("WWW-Authenticate")
                    .contains("error_description=\"The issuer has no such key\""));
    EXPECT_GE(monotonic_now() - start, (limits::key_wait_ms - 100) * kMillisecond);
    EXPECT_TRUE(wait_for_question(gateway));
}

TEST(Login, who_waits_for_a_key_may_leave) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    {
        Line client = gateway.connect();
        client.send(Harness::post(kListTools, bearer(token_with_new_key())));
        EXPECT_TRUE(wait_for_question(gateway));
        client.reset();
    }
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.connections == 0; }));
    EXPECT_EQ(call(gateway, bearer(good_token())).status(), "200");
}

TEST(Login, an_issuer_is_not_asked_for_again_and_again) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    std::vector<Line> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(gateway.connect());
        clients.back().send(Harness::post(kListTools, bearer(token_with_new_key())));
    }
    for (Line& client : clients)
        EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 401 "));
    InstanceEvent event;
    int asked = 0;
    while (gateway.events().pop(event))
        ++asked;
    EXPECT_GE(asked, 1);
    EXPECT_LE(asked, 5) << "at most once a second";
}

}  // namespace
}  // namespace mcpgw::worker
