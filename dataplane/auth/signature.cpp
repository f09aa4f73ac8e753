// OpenSSL behind one class. A signature of ECDSA is two numbers of fixed size in a token, and a DER
// structure in OpenSSL.
#include "dataplane/auth/signature.h"

#include <array>
#include <climits>
#include <utility>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/check.h"

namespace mcpgw::auth {
namespace {

constexpr int kRsaBitsMin = 2048;  // CONTRACT section 7; RFC 7518 section 3.3

constexpr std::pair<std::string_view, Algorithm> kNames[] = {
    {"RS256", Algorithm::rs256}, {"RS384", Algorithm::rs384},   {"RS512", Algorithm::rs512},
    {"PS256", Algorithm::ps256}, {"ES256", Algorithm::es256},   {"ES384", Algorithm::es384},
    {"EdDSA", Algorithm::eddsa}, {"Ed25519", Algorithm::eddsa},
};

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

const unsigned char* raw(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

const EVP_MD* digest_of(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::rs256:
        case Algorithm::ps256:
        case Algorithm::es256:
            return EVP_sha256();
        case Algorithm::rs384:
        case Algorithm::es384:
            return EVP_sha384();
        case Algorithm::rs512:
            return EVP_sha512();
        case Algorithm::eddsa:
            break;
    }
    return nullptr;
}

bool is_on_curve(EVP_PKEY* key, std::string_view curve) {
    std::array<char, 32> name{};
    std::size_t bytes = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, name.data(), name.size(), &bytes) == 1 &&
           std::string_view(name.data(), bytes) == curve;
}

PublicKey::Fit fit_of_rsa(EVP_PKEY* key) {
    return EVP_PKEY_get_bits(key) < kRsaBitsMin ? PublicKey::Fit::too_short : PublicKey::Fit::fits;
}

// The DER of a signature of two numbers; 0 bytes if it has another size.
constexpr std::size_t kDerMax = 2 * (48 + 3) + 4;
std::size_t to_der(Bytes signature, std::size_t number_bytes,
                   std::array<unsigned char, kDerMax>& out) {
    if (signature.size() != 2 * number_bytes) return 0;
    const auto size = static_cast<int>(number_bytes);
    const std::unique_ptr<ECDSA_SIG, FreeSignature> numbers(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(raw(signature), size, nullptr);
    BIGNUM* s = BN_bin2bn(raw(signature.subspan(number_bytes)), size, nullptr);
    if (numbers == nullptr || ECDSA_SIG_set0(numbers.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    unsigned char* end = out.data();
    const int bytes = i2d_ECDSA_SIG(numbers.get(), &end);
    check(bytes <= static_cast<int>(out.size()), "the room holds the longest");
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool verify_with(EVP_PKEY* key, Algorithm algorithm, Bytes text, Bytes signature) {
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* settings = nullptr;  // belongs to the context
    if (context == nullptr ||
        EVP_DigestVerifyInit(context.get(), &settings, digest_of(algorithm), nullptr, key) != 1)
        return false;
    if (algorithm == Algorithm::ps256 &&
        (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text),
                            text.size()) == 1;
}

}  // namespace

std::optional<Algorithm> algorithm_of(std::string_view name) {
    for (const auto& [known, algorithm] : kNames)
        if (known == name) return algorithm;
    return std::nullopt;
}

void PublicKey::Free::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

PublicKey::PublicKey(std::string_view spki) {
    if (spki.size() > LONG_MAX) return;
    const unsigned char* at = raw(as_bytes(spki));
    const unsigned char* const end = at + spki.size();
    key_.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    if (at != end) key_.reset();
    ERR_clear_error();
}

PublicKey::Fit PublicKey::fit_for(Algorithm algorithm) const {
    EVP_PKEY* key = key_.get();
    if (key == nullptr) return Fit::other_kind;
    const auto fits_if = [](bool fits) { return fits ? Fit::fits : Fit::other_kind; };
    switch (algorithm) {
        case Algorithm::rs256:
        case Algorithm::rs384:
        case Algorithm::rs512:
            return EVP_PKEY_is_a(key, "RSA") == 1 ? fit_of_rsa(key) : Fit::other_kind;
        case Algorithm::ps256:
            return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1
                       ? fit_of_rsa(key)
                       : Fit::other_kind;
        case Algorithm::es256:
            return fits_if(is_on_curve(key, "prime256v1"));
        case Algorithm::es384:
            return fits_if(is_on_curve(key, "secp384r1"));
        case Algorithm::eddsa:
            return fits_if(EVP_PKEY_is_a(key, "ED25519") == 1);
    }
    return Fit::other_kind;
}

bool PublicKey::verify(Algorithm algorithm, Bytes text, Bytes signature) const {
    check(key_ != nullptr, "a key that fits");
    bool good = false;
    if (algorithm == Algorithm::es256 || algorithm == Algorithm::es384) {
        std::array<unsigned char, kDerMax> der;
        const std::size_t bytes = to_der(signature, algorithm == Algorithm::es256 ? 32 : 48, der);
        const Bytes of_openssl = std::as_bytes(std::span(der.data(), bytes));
        good = bytes > 0 && verify_with(key_.get(), algorithm, text, of_openssl);
    } else {
        // RFC 8017 sections 8.1.2 and 8.2.2; for PSS OpenSSL would let zeros in front be left out.
        const auto bytes = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
        good = signature.size() == bytes && verify_with(key_.get(), algorithm, text, signature);
    }
    // A signature that is wrong leaves errors behind, which nobody reads.
    if (!good) ERR_clear_error();
    return good;
}

}  // namespace mcpgw::auth
