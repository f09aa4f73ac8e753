// Assertions as a server checks them: with nothing but the published keys.
#include "dataplane/auth/assertion.h"

#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::auth {
namespace {

using Access = std::shared_ptr<contract::Access>;

std::string pkcs8_of(EVP_PKEY* key) {
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
    return text;
}

std::string new_key(const char* curve = "P-256") {
    return pkcs8_of(EVP_EC_gen(curve));
}

Access access_with(std::vector<contract::AssertionKey> keys) {
    auto access = std::make_shared<contract::Access>();
    access->assertion_keys = std::move(keys);
    return access;
}

std::string decoded(std::string_view text) {
    std::string bytes(text.size(), '\0');
    const auto size = base64url_decode(text, reinterpret_cast<std::byte*>(bytes.data()));
    EXPECT_TRUE(size) << text;
    bytes.resize(size.value_or(0));
    return bytes;
}

// The value of a member that is a text, in JSON without white space.
std::string member(std::string_view json, const std::string& name, std::size_t from = 0) {
    const std::string mark = "\"" + name + "\":\"";
    const std::size_t at = json.find(mark, from);
    if (at == std::string_view::npos) return "";
    const std::string_view rest = json.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find('"')));
}

struct Parts {
    std::string head;
    std::string claims;
    std::string input;  // that is signed
    std::string signature;
};
Parts parts_of(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t second = token.find('.', first + 1);
    return {decoded(token.substr(0, first)), decoded(token.substr(first + 1, second - first - 1)),
            std::string(token.substr(0, second)), decoded(token.substr(second + 1))};
}

// Whether the signature is that of the key `kid` in the set.
bool verifies(const Parts& parts, std::string_view jwks) {
    const std::size_t at = jwks.find("\"kid\":\"" + member(parts.head, "kid") + "\"");
    if (at == std::string_view::npos || parts.signature.size() != 64) return false;
    const std::string point =
        "\x04" + decoded(member(jwks, "x", at)) + decoded(member(jwks, "y", at));
    OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX* making = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(making);
    EXPECT_EQ(EVP_PKEY_fromdata(making, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    ECDSA_SIG* signature = ECDSA_SIG_new();
    const auto* raw = reinterpret_cast<const unsigned char*>(parts.signature.data());
    ECDSA_SIG_set0(signature, BN_bin2bn(raw, 32, nullptr), BN_bin2bn(raw + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int der_bytes = i2d_ECDSA_SIG(signature, &der);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
    const bool good = EVP_DigestVerify(context, der, static_cast<std::size_t>(der_bytes),
                                       reinterpret_cast<const unsigned char*>(parts.input.data()),
                                       parts.input.size()) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(making);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return good;
}

const Identity kAnn{.user = "ann", .roles = "a, b c,,d", .name = "Ann \"A\""};
constexpr std::uint64_t kNow = 1'800'000'000;

std::string made_by(Assertions& assertions, std::uint64_t now = kNow,
                    std::string_view adapter = "files", const Identity& who = kAnn) {
    return std::string(assertions.of(
        {.identity = who, .tenant = "blue", .adapter = adapter, .issuer = "https://gw"}, now));
}

TEST(Assertions, a_server_can_check_who_calls_with_the_published_keys) {
    Assertions assertions;
    assertions.set_access(access_with({{"k0", new_key(), false}, {"k1", new_key(), true}}));
    const Parts parts = parts_of(made_by(assertions));
    EXPECT_EQ(parts.head, R"({"alg":"ES256","typ":"JWT","kid":"k1"})");
    EXPECT_EQ(parts.claims, R"({"iss":"https://gw","aud":"files","sub":"ann","name":"Ann \"A\"",)"
                            R"("roles":["a","b c","d"],"tenant":"blue","iat":1800000000,)"
                            R"("exp":1800000060})");
    EXPECT_TRUE(verifies(parts, assertions.jwks()));
    EXPECT_NE(assertions.jwks().find(R"("kid":"k0")"), std::string_view::npos);
    Parts changed = parts;
    changed.input += "x";
    EXPECT_FALSE(verifies(changed, assertions.jwks()));
}

TEST(Assertions, a_name_is_told_as_people_write_it) {
    Assertions assertions;
    assertions.set_access(access_with({{"k1", new_key(), true}}));
    const auto name_in = [&assertions](std::string_view name) {
        const Identity who{.user = "ann", .roles = "", .name = name};
        return member(parts_of(made_by(assertions, kNow, "files", who)).claims, "name");
    };
    EXPECT_EQ(name_in("J%C3%B6rg"), "J\xC3\xB6rg");
    EXPECT_EQ(name_in("%E6%9D%8E%20%F0%9F%A6%8A"), "\xE6\x9D\x8E \xF0\x9F\xA6\x8A");
    EXPECT_EQ(name_in("100%25 %2541"), "100% %41") << "decoded once";
    // Developers say what they like, without encoding it first.
    for (const char* plain : {"Ann", "%", "%4", "%4x", "%x4", "% 4", "%+4", "100% Ann"})
        EXPECT_EQ(name_in(plain), plain);
    EXPECT_EQ(name_in("%C3"), "\xEF\xBF\xBD") << "a document is UTF-8 whatever a name is";
    EXPECT_EQ(name_in("%0A"), "\\n");
}

// The numbers of a signature have leading zeroes now and then.
TEST(Assertions, every_signature_has_64_bytes) {
    Assertions assertions;
    assertions.set_access(access_with({{"k1", new_key(), true}}));
    for (std::uint64_t i = 0; i < 600; ++i) {
        const Parts parts = parts_of(made_by(assertions, kNow + i * limits::assertion_seconds));
        ASSERT_EQ(parts.signature.size(), 64U);
        ASSERT_TRUE(verifies(parts, assertions.jwks()));
    }
}

TEST(Assertions, one_serves_for_half_its_life_and_for_its_caller_and_adapter_alone) {
    Assertions assertions;
    assertions.set_access(access_with({{"k1", new_key(), true}}));
    const std::string first = made_by(assertions);
    EXPECT_EQ(made_by(assertions, kNow + limits::assertion_seconds / 2 - 1), first);
    EXPECT_NE(made_by(assertions, kNow, "other"), first);
    EXPECT_NE(made_by(assertions, kNow, "files", Identity{.user = "bob", .roles = ""}), first);
    EXPECT_NE(made_by(assertions, kNow, "files", Identity{.user = "ann", .roles = "a"}), first);
    EXPECT_EQ(made_by(assertions), first);
    EXPECT_NE(made_by(assertions, kNow + limits::assertion_seconds / 2), first);
    EXPECT_NE(made_by(assertions, kNow - 1), first);
}

TEST(Assertions, another_key_signs_from_its_first_use_on) {
    Assertions assertions;
    const std::string old_key = new_key();
    const Access before = access_with({{"k1", old_key, true}});
    assertions.set_access(before);
    const std::string first = made_by(assertions);
    assertions.set_access(before);
    EXPECT_EQ(made_by(assertions), first);
    assertions.set_access(access_with({{"k1", old_key, false}, {"k2", new_key(), true}}));
    const Parts second = parts_of(made_by(assertions));
    EXPECT_EQ(member(second.head, "kid"), "k2");
    EXPECT_TRUE(verifies(second, assertions.jwks()));
    EXPECT_TRUE(verifies(parts_of(first), assertions.jwks()));
}

TEST(Assertions, without_a_usable_key_there_is_none) {
    Assertions assertions;
    EXPECT_EQ(made_by(assertions), "");
    assertions.set_access(access_with({{"k0", new_key(), false},
                                       {"k1", "no key", true},
                                       {"k2", new_key("P-384"), true},
                                       {"k3", pkcs8_of(EVP_RSA_gen(2048)), true}}));
    EXPECT_EQ(made_by(assertions), "");
    EXPECT_EQ(assertions.jwks().find(R"("kid":"k1")"), std::string_view::npos);
    EXPECT_EQ(assertions.jwks().find(R"("kid":"k3")"), std::string_view::npos);
}

}  // namespace
}  // namespace mcpgw::auth
