// Keys of every kind and tokens signed with them, made in the test itself: an identity provider
// without a network. A key is made once in a process, because making one of RSA takes a while.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/bytes.h"
#include "common/contract/access.h"

namespace mcpgw::auth {

inline std::string base64url(std::string_view text) {
    std::string out(base64url_size(text.size()), '\0');
    base64url_encode(as_bytes(text), out.data());
    return out;
}

inline std::string sha256(std::string_view text) {
    std::string out(32, '\0');
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
               EVP_sha256(), nullptr);
    return out;
}

class TestKey {
  public:
    // "rsa" (2048 bits), "rsa-other", "rsa-short" (1024), "p256", "p256-other", "p384", "p521",
    // "ed25519", "ed448".
    static const TestKey& of(const std::string& name) {
        static std::map<std::string, TestKey> keys;
        const auto found = keys.find(name);
        return found != keys.end() ? found->second
                                   : keys.emplace(name, TestKey(name)).first->second;
    }
    [[nodiscard]] std::string spki() const {
        unsigned char* der = nullptr;
        const int size = i2d_PUBKEY(key_.get(), &der);
        std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
        return out;
    }
    // As OpenSSL has it: of ECDSA in DER. `digest` is nullptr for Ed25519; a salt of -3 is PKCS #1.
    [[nodiscard]] std::string sign(std::string_view text, const EVP_MD* digest,
                                   int pss_salt = kNoPss) const {
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                         &EVP_MD_CTX_free);
        EVP_PKEY_CTX* settings = nullptr;
        EXPECT_EQ(EVP_DigestSignInit(context.get(), &settings, digest, nullptr, key_.get()), 1);
        if (pss_salt != kNoPss) {
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING), 1);
            EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, pss_salt), 1);
        }
        const auto* data = reinterpret_cast<const unsigned char*>(text.data());
        std::string out(1024, '\0');
        std::size_t size = out.size();
        EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                 data, text.size()),
                  1);
        out.resize(size);
        return out;
    }
    // Of ECDSA as tokens have it: two numbers of a fixed size.
    [[nodiscard]] std::string sign_raw(std::string_view text, const EVP_MD* digest,
                                       int number_bytes) const {
        const std::string der = sign(text, digest);
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> numbers(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
        std::string out(static_cast<std::size_t>(2 * number_bytes), '\0');
        auto* to = reinterpret_cast<unsigned char*>(out.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), to, number_bytes);
        BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), to + number_bytes, number_bytes);
        return out;
    }
    // As the algorithm of that name wants it.
    [[nodiscard]] std::string sign_as(const std::string& algorithm, std::string_view text) const {
        const EVP_MD* digest = algorithm.ends_with("384")   ? EVP_sha384()
                               : algorithm.ends_with("512") ? EVP_sha512()
                                                            : EVP_sha256();
        if (algorithm == "EdDSA" || algorithm == "Ed25519") return sign(text, nullptr);
        if (algorithm.starts_with("PS")) return sign(text, digest, RSA_PSS_SALTLEN_DIGEST);
        if (algorithm == "ES256") return sign_raw(text, digest, 32);
        if (algorithm == "ES384") return sign_raw(text, digest, 48);
        if (algorithm == "ES512") return sign_raw(text, digest, 66);
        return sign(text, digest);
    }

  private:
    static constexpr int kNoPss = -100;
    explicit TestKey(const std::string& name) {
        const auto rsa = [](unsigned bits) {
            return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits});
        };
        const auto ec = [](const char* curve) {
            return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve);
        };
        EVP_PKEY* key = nullptr;
        if (name == "rsa" || name == "rsa-other") key = rsa(2048);
        if (name == "rsa-short") key = rsa(1024);
        if (name == "p256" || name == "p256-other") key = ec("P-256");
        if (name == "p384") key = ec("P-384");
        if (name == "p521") key = ec("P-521");
        if (name == "ed25519") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
        if (name == "ed448") key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
        key_.reset(key, &EVP_PKEY_free);
        EXPECT_NE(key, nullptr) << name;
    }
    std::shared_ptr<EVP_PKEY> key_;
};

// A token; header and claims are JSON. `algorithm` says how it is signed, whatever the header says.
inline std::string token_of(std::string_view header, std::string_view claims,
                            const std::string& key, const std::string& algorithm) {
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(TestKey::of(key).sign_as(algorithm, text));
}

inline constexpr std::uint64_t kTestNow = 1'700'000'000;

// One issuer with a key of each kind, and a second one.
inline contract::Access access_for_test() {
    contract::Access access;
    contract::Issuer first{.issuer = "https://idp.example/t1", .keys = {}, .metadata = {}};
    for (const char* name : {"rsa", "rsa-short", "p256", "p384", "p521", "ed25519", "ed448"})
        first.keys.push_back({name, "", TestKey::of(name).spki()});
    first.keys.push_back({"rs512-only", "RS512", TestKey::of("rsa").spki()});
    first.keys.push_back({"junk", "", "no key"});
    contract::Issuer second{.issuer = "https://second.example", .keys = {}, .metadata = {}};
    second.keys = {{"other", "", TestKey::of("p256-other").spki()}};
    const contract::Issuer silent{.issuer = "https://silent.example", .keys = {}, .metadata = {}};
    access.issuers = {first, second, silent};
    access.audiences = {"gateway"};
    return access;
}

}  // namespace mcpgw::auth
