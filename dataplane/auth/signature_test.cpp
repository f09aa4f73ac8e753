// Signatures of every algorithm: good ones, and each way in which one may be bad.
#include "dataplane/auth/signature.h"

#include "dataplane/auth/tokens_for_test.h"

namespace mcpgw::auth {
namespace {

struct Row {
    const char* algorithm;
    const char* key;
};
constexpr Row kRows[] = {{"RS256", "rsa"},     {"RS384", "rsa"},      {"RS512", "rsa"},
                         {"PS256", "rsa"},     {"ES256", "p256"},     {"ES384", "p384"},
                         {"EdDSA", "ed25519"}, {"Ed25519", "ed25519"}};
constexpr std::string_view kText = "header.claims";

bool is_good(const char* key, const char* algorithm, std::string_view text,
             std::string_view signature) {
    const PublicKey ready(TestKey::of(key).spki());
    const auto known = algorithm_of(algorithm);
    EXPECT_TRUE(known) << algorithm;
    EXPECT_EQ(ready.fit_for(*known), PublicKey::Fit::fits) << algorithm;
    return ready.verify(*known, as_bytes(text), as_bytes(signature));
}

TEST(Signature, what_the_key_has_signed_is_good) {
    for (const auto& [algorithm, key] : kRows)
        EXPECT_TRUE(is_good(key, algorithm, kText, TestKey::of(key).sign_as(algorithm, kText)))
            << algorithm;
}

TEST(Signature, any_flipped_bit_makes_it_bad) {
    for (const auto& [algorithm, key] : kRows) {
        const std::string good = TestKey::of(key).sign_as(algorithm, kText);
        for (std::size_t i = 0; i < good.size(); i += 7) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
            EXPECT_FALSE(is_good(key, algorithm, kText, bad)) << algorithm << " at " << i;
        }
        EXPECT_FALSE(is_good(key, algorithm, "header.claimt", good)) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, "", good)) << algorithm;
    }
}

TEST(Signature, another_length_makes_it_bad) {
    for (const auto& [algorithm, key] : kRows) {
        const std::string good = TestKey::of(key).sign_as(algorithm, kText);
        EXPECT_FALSE(is_good(key, algorithm, kText, "")) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, good.substr(1))) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, good.substr(0, good.size() - 1))) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, good + '\0')) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, '\0' + good)) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, good + good)) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, std::string(good.size(), '\0'))) << algorithm;
        EXPECT_FALSE(is_good(key, algorithm, kText, std::string(good.size(), '\xff'))) << algorithm;
    }
}

// One of 256 begins with a zero.
TEST(Signature, a_zero_in_front_cannot_be_left_out) {
    for (const char* algorithm : {"RS256", "PS256"}) {
        std::string text(kText);
        std::string good = TestKey::of("rsa").sign_as(algorithm, text);
        while (good.front() != '\0') {
            text += '.';
            good = TestKey::of("rsa").sign_as(algorithm, text);
        }
        EXPECT_TRUE(is_good("rsa", algorithm, text, good)) << algorithm;
        EXPECT_FALSE(is_good("rsa", algorithm, text, good.substr(1))) << algorithm;
    }
}

TEST(Signature, another_key_of_the_same_kind_is_not_fooled) {
    EXPECT_FALSE(is_good("rsa-other", "RS256", kText, TestKey::of("rsa").sign_as("RS256", kText)));
    EXPECT_FALSE(
        is_good("p256-other", "ES256", kText, TestKey::of("p256").sign_as("ES256", kText)));
}

TEST(Signature, ecdsa_is_two_numbers_and_not_der) {
    EXPECT_FALSE(is_good("p256", "ES256", kText, TestKey::of("p256").sign(kText, EVP_sha256())));
    EXPECT_FALSE(is_good("p384", "ES384", kText, TestKey::of("p384").sign(kText, EVP_sha384())));
    const std::string good = TestKey::of("p256").sign_as("ES256", kText);
    EXPECT_FALSE(is_good("p256", "ES256", kText, std::string(32, '\0') + good.substr(32)))
        << "r is 0";
    EXPECT_FALSE(is_good("p256", "ES256", kText, good.substr(0, 32) + std::string(32, '\0')))
        << "s is 0";
    EXPECT_FALSE(is_good("p256", "ES256", kText, good.substr(32) + good.substr(0, 32)))
        << "the numbers in the wrong order";
}

TEST(Signature, the_hash_must_be_that_of_the_algorithm) {
    const TestKey& rsa = TestKey::of("rsa");
    EXPECT_FALSE(is_good("rsa", "RS256", kText, rsa.sign_as("RS384", kText)));
    EXPECT_FALSE(is_good("rsa", "RS512", kText, rsa.sign_as("RS256", kText)));
    EXPECT_FALSE(is_good("rsa", "RS256", kText, rsa.sign_as("PS256", kText)));
    EXPECT_FALSE(is_good("rsa", "PS256", kText, rsa.sign_as("RS256", kText)));
    EXPECT_FALSE(
        is_good("p256", "ES256", kText, TestKey::of("p256").sign_raw(kText, EVP_sha384(), 32)));
}

TEST(Signature, the_salt_of_pss_is_as_long_as_the_hash) {
    const TestKey& rsa = TestKey::of("rsa");
    EXPECT_TRUE(is_good("rsa", "PS256", kText, rsa.sign(kText, EVP_sha256(), 32)));
    for (const int salt : {0, 20, 31, 33, 64})
        EXPECT_FALSE(is_good("rsa", "PS256", kText, rsa.sign(kText, EVP_sha256(), salt))) << salt;
    EXPECT_FALSE(is_good("rsa", "PS256", kText, rsa.sign(kText, EVP_sha384(), 32)));
}

TEST(Signature, an_algorithm_fits_its_own_kind_of_key_only) {
    using Fit = PublicKey::Fit;
    for (const auto& [algorithm, own] : kRows) {
        for (const char* key : {"rsa", "p256", "p384", "p521", "ed25519", "ed448"}) {
            const Fit fit = PublicKey(TestKey::of(key).spki()).fit_for(*algorithm_of(algorithm));
            EXPECT_EQ(fit == Fit::fits, key == std::string_view(own)) << algorithm << " " << key;
        }
    }
    const PublicKey weak(TestKey::of("rsa-short").spki());
    EXPECT_EQ(weak.fit_for(Algorithm::rs256), Fit::too_short);
    EXPECT_EQ(weak.fit_for(Algorithm::ps256), Fit::too_short);
    const std::string spki = TestKey::of("rsa").spki();
    for (const std::string& junk : {std::string(), std::string("x"), spki + "x", spki.substr(1)})
        EXPECT_EQ(PublicKey(junk).fit_for(Algorithm::rs256), Fit::other_kind);
}

TEST(Signature, there_are_no_other_algorithms) {
    for (const char* name :
         {"none", "None", "HS256", "HS384", "HS512", "RS1", "rs256", "RS256 ", "PS384", "PS512",
          "ES512", "ES256K", "ed25519", "Ed448", "A128KW", "dir", ""})
        EXPECT_FALSE(algorithm_of(name)) << name;
}

}  // namespace
}  // namespace mcpgw::auth
