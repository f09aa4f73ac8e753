// JWK Sets: which keys come through, byte for byte, and which are left out.
#include "controlplane/identity/key_set.h"

#include "common/limits.h"
#include "controlplane/identity/fake_provider.h"

namespace mcpgw::identity {
namespace {

KeySet read(const std::string& text) {
    auto set = read_key_set(text);
    EXPECT_TRUE(set) << (set ? "" : set.error().detail);
    return set ? std::move(*set) : KeySet{};
}

TEST(KeySet, keys_of_every_kind_become_what_openssl_says_of_them) {
    const TestKey rsa = new_rsa_key();
    const TestKey p256 = new_curve_key("P-256");
    const TestKey p384 = new_curve_key("P-384");
    const TestKey edwards = new_edwards_key();
    const KeySet set = read(key_set_of(
        {rsa.rsa_members() + R"(,"kid":"r","alg":"RS256","use":"sig")",
         p256.curve_members("P-256", 32) + R"(,"kid":"e","alg":"ES256","key_ops":["verify"])",
         p384.curve_members("P-384", 48), edwards.edwards_members() + R"(,"alg":"EdDSA")"}));
    EXPECT_TRUE(set.left_out.empty()) << set.left_out.front();
    using Key = contract::VerifyingKey;
    EXPECT_EQ(set.keys, (std::vector<Key>{{"r", "RS256", rsa.spki()},
                                          {"e", "ES256", p256.spki()},
                                          {"", "", p384.spki()},
                                          {"", "EdDSA", edwards.spki()}}));
}

TEST(KeySet, certificates_and_private_members_are_not_looked_at) {
    const TestKey key = new_curve_key("P-256");
    const KeySet set = read(
        key_set_of({key.curve_members("P-256", 32) + R"(,"d":"AAAA","x5c":["nonsense"],"x5t":7)"}));
    ASSERT_EQ(set.keys.size(), 1U);
    EXPECT_EQ(set.keys[0].spki, key.spki());
}

TEST(KeySet, what_cannot_check_a_signature_is_left_out_and_the_rest_stays) {
    const TestKey rsa = new_rsa_key();
    const TestKey p256 = new_curve_key("P-256");
    const TestKey other = new_curve_key("P-256");
    const TestKey edwards = new_edwards_key();
    const std::string good = rsa.rsa_members();
    const std::string x = p256.number(OSSL_PKEY_PARAM_EC_PUB_X, 32);
    const std::string off_curve = R"("kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" +
                                  other.number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"";
    const std::string cases[] = {
        good + R"(,"use":"enc")",
        good + R"(,"use":7)",
        good + R"(,"key_ops":["encrypt"])",
        good + R"(,"key_ops":"verify")",
        good + R"(,"alg":"RSA-OAEP")",
        good + R"(,"alg":"HS256")",
        good + R"(,"alg":"none")",
        good + R"(,"alg":"ES256")",
        good + R"(,"kid":")" + std::string(257, 'k') + "\"",
        good + R"(,"kid":"a\nb")",
        new_rsa_key(1024).rsa_members(),
        R"("kty":"RSA","n":"!!","e":"AQAB")",
        R"("kty":"RSA","e":"AQAB")",
        R"("kty":"RSA","n":")" + rsa.number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":"AQ")",
        R"("kty":"RSA","n":")" + rsa.number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":"AA")",
        off_curve,
        p256.curve_members("P-384", 32),
        p256.curve_members("P-256", 32) + R"(,"alg":"ES384")",
        p256.curve_members("P-256", 33),
        p256.curve_members("secp256k1", 32),
        R"("kty":"OKP","crv":"X25519","x":")" + std::string(43, 'A') + "\"",
        R"("kty":"OKP","crv":"Ed25519","x":"AAAA")",
        edwards.edwards_members() + R"(,"alg":"RS256")",
        R"("kty":"oct","k":"c2VjcmV0")",
        R"("n":"a")",
    };
    for (const std::string& bad : cases) {
        const KeySet set = read(key_set_of({bad, good + R"(,"kid":"good")"}));
        ASSERT_EQ(set.keys.size(), 1U) << bad;
        EXPECT_EQ(set.keys[0].id, "good");
        ASSERT_EQ(set.left_out.size(), 1U) << bad;
        EXPECT_TRUE(set.left_out[0].starts_with("key 1 ")) << set.left_out[0];
    }
}

TEST(KeySet, there_is_a_limit_of_keys) {
    const std::string key = new_edwards_key().edwards_members();
    std::string text = R"({"keys":[)";
    for (std::size_t i = 0; i <= limits::issuer_keys_max; ++i)
        text += (i == 0 ? "{" : ",{") + key + "}";
    const KeySet set = read(text + "]}");
    EXPECT_EQ(set.keys.size(), limits::issuer_keys_max);
    EXPECT_EQ(set.left_out.size(), 1U);
}

TEST(KeySet, what_is_no_key_set_is_an_error) {
    for (const char* text : {"", "[]", "{}", R"({"keys":{}})", "<html>"})
        EXPECT_EQ(read_key_set(text).error().code, Code::protocol) << text;
    EXPECT_EQ(read(R"({"keys":[7,"a",null]})").left_out.size(), 3U);
}

}  // namespace
}  // namespace mcpgw::identity
