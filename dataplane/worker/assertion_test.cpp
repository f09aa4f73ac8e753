// Identity assertions on their way: servers get the gateway's own, never the client's, and find the
// keys at a page for everybody.
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

std::string new_key() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
    return text;
}

std::string value_of(const std::string& head, const std::string& name) {
    const std::size_t at = head.find(name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

// What a server gets for a request that claims to bring an assertion of its own.
std::string request_seen(const Harness::Special& special) {
    std::string seen;
    ScriptedServer server([&seen](Line& line) {
        seen = read_request(line);
        line.send(answer(R"({"id":1,"result":{}})"));
    });
    Harness gateway({server.port()}, special);
    Line client = gateway.connect();
    client.send(Harness::post(R"({"id":1,"method":"ping"})", "X-Mcp-Identity: forged\r\n"));
    client.read_until("}}");
    return seen;
}

TEST(AssertionsSent, a_server_that_wants_to_know_gets_the_gateways_word) {
    Harness::Special special;
    special.assertion_key = new_key();
    const std::string seen = request_seen(special);
    const std::string token = value_of(seen, "X-Mcp-Identity");
    EXPECT_EQ(std::ranges::count(token, '.'), 2) << seen;
    EXPECT_EQ(seen.find("forged"), std::string::npos);
    std::string claims(token.size(), '\0');
    const std::size_t begin = token.find('.') + 1;
    const auto size =
        base64url_decode(std::string_view(token).substr(begin, token.find('.', begin) - begin),
                         reinterpret_cast<std::byte*>(claims.data()));
    ASSERT_TRUE(size);
    EXPECT_TRUE(claims.starts_with(R"({"iss":"mcp-gateway","aud":"a","sub":"dev","roles":[)"))
        << claims;
}

TEST(AssertionsSent, other_servers_get_none) {
    EXPECT_EQ(request_seen({}).find("X-Mcp-Identity"), std::string::npos);
}

TEST(AssertionsSent, the_keys_are_there_for_everybody) {
    Harness::Special special;
    special.assertion_key = new_key();
    Harness gateway({}, special);
    Line client = gateway.connect();
    client.send(
        "GET /.well-known/mcp-gateway/jwks.json HTTP/1.1\r\nHost: localhost\r\n"
        "X-Dev-UserId: not a name\r\n\r\n");
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
    EXPECT_EQ(value_of(head, "Content-Type"), "application/jwk-set+json");
    const std::string keys = client.read_until("]}");
    EXPECT_NE(keys.find(R"("kid":"a1")"), std::string::npos) << keys;
    EXPECT_EQ(keys.find("\"d\""), std::string::npos) << keys;
}

}  // namespace
}  // namespace mcpgw::worker
