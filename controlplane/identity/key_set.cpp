// Members of a key, then OpenSSL, which judges the numbers.
#include "controlplane/identity/key_set.h"

#include <algorithm>
#include <array>
#include <expected>
#include <memory>
#include <optional>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <picojson.h>

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/model/json.h"

namespace mcpgw::identity {
namespace {

using model::text_of;

template <auto function>
struct Frees {
    template <class T>
    void operator()(T* pointer) const {
        function(pointer);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Frees<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Frees<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Frees<BN_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, Frees<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Frees<OSSL_PARAM_free>>;

// A value, or why there is none.
template <class T>
using Or = std::expected<T, std::string>;

// The bytes of a base64url member; empty if it has none.
std::string bytes_of(const picojson::value& key, const char* name) {
    const std::string* text = text_of(key, name);
    if (text == nullptr || text->size() > base64url_size(limits::public_key_bytes_max)) return {};
    std::string bytes(text->size(), '\0');
    const auto size = base64url_decode(*text, reinterpret_cast<std::byte*>(bytes.data()));
    bytes.resize(size.value_or(0));
    return bytes;
}

const unsigned char* data_of(const std::string& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Number number_of(const std::string& bytes) {
    return Number(BN_bin2bn(data_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

Key key_of(const char* type, OSSL_PARAM_BLD* builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return nullptr;
    Key key(made);
    const KeyContext checks(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    return checks && EVP_PKEY_public_check(checks.get()) == 1 ? std::move(key) : nullptr;
}

Or<Key> rsa_key(const picojson::value& member) {
    const Number modulus = number_of(bytes_of(member, "n"));
    const Number exponent = number_of(bytes_of(member, "e"));
    if (!modulus || !exponent || BN_is_zero(modulus.get()) || BN_is_zero(exponent.get()))
        return std::unexpected("has no usable n and e");
    if (BN_num_bits(modulus.get()) < limits::rsa_key_bits_min)
        return std::unexpected("has fewer than 2048 bits");
    if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get()))
        return std::unexpected("has an exponent that hides nothing");
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
        return std::unexpected("does not fit into memory");
    Key key = key_of("RSA", builder.get());
    if (!key) return std::unexpected("is no RSA key");
    return key;
}

struct Curve {
    std::string_view name;  // in a JWK
    const char* group;      // in OpenSSL
    std::size_t bytes;      // of a coordinate
    std::string_view algorithm;
};
constexpr std::array<Curve, 2> kCurves = {
    Curve{"P-256", "prime256v1", 32, "ES256"},
    Curve{"P-384", "secp384r1", 48, "ES384"},
};

Or<Key> curve_key(const picojson::value& member, const Curve& curve) {
    const std::string x = bytes_of(member, "x");
    const std::string y = bytes_of(member, "y");
    if (x.size() != curve.bytes || y.size() != curve.bytes)
        return std::unexpected("has coordinates of another length than its curve");
    const std::string point = "\x04" + x + y;
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group,
                                        0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1)
        return std::unexpected("does not fit into memory");
    Key key = key_of("EC", builder.get());
    if (!key) return std::unexpected("is no point of its curve");
    return key;
}

Or<Key> edwards_key(const picojson::value& member) {
    const std::string x = bytes_of(member, "x");
    if (x.size() != 32) return std::unexpected("does not have 32 bytes");
    Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data_of(x), x.size()));
    if (!key) return std::unexpected("is no key of Ed25519");
    return key;
}

bool is_among(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

// The key, if `alg` is none or one that it can be used with.
Or<Key> key_of_type(const picojson::value& member, std::string_view algorithm) {
    const auto fits = [algorithm](std::initializer_list<std::string_view> words) {
        return algorithm.empty() || is_among(algorithm, words);
    };
    const auto unknown = std::unexpected("has an algorithm that is not taken");
    const std::string* type = text_of(member, "kty");
    if (type == nullptr) return std::unexpected("has no kty");
    if (*type == "RSA") {
        if (!fits({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})) return unknown;
        return rsa_key(member);
    }
    const std::string* curve = text_of(member, "crv");
    if (*type == "OKP" && curve != nullptr && *curve == "Ed25519") {
        if (!fits({"EdDSA", "Ed25519"})) return unknown;
        return edwards_key(member);
    }
    const auto known = std::ranges::find(kCurves, curve == nullptr ? "" : *curve, &Curve::name);
    if (*type != "EC" || known == kCurves.end())
        return std::unexpected("has a type that is not taken");
    if (!fits({known->algorithm})) return unknown;
    return curve_key(member, *known);
}

// Why a key is not for checking signatures; nullptr: it is.
const char* purpose_complaint(const picojson::value& member) {
    if (member.contains("use") && (!text_of(member, "use") || *text_of(member, "use") != "sig"))
        return "is not for signatures";
    if (!member.contains("key_ops")) return nullptr;
    const picojson::value& uses = member.get("key_ops");
    if (!uses.is<picojson::array>()) return "has key_ops that are no array";
    for (const picojson::value& use : uses.get<picojson::array>())
        if (use.is<std::string>() && use.get<std::string>() == "verify") return nullptr;
    return "is not for checking signatures";
}

bool is_plain(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

Or<contract::VerifyingKey> verifying_key(const picojson::value& member) {
    if (!member.is<picojson::object>()) return std::unexpected("is no object");
    if (const char* complaint = purpose_complaint(member)) return std::unexpected(complaint);
    contract::VerifyingKey out;
    if (const std::string* id = text_of(member, "kid")) out.id = *id;
    if (const std::string* algorithm = text_of(member, "alg")) out.algorithm = *algorithm;
    if (out.id.size() > limits::verifying_key_id_bytes_max || !is_plain(out.id))
        return std::unexpected("has a kid that is too long or has control characters");
    const auto key = key_of_type(member, out.algorithm);
    if (!key) return std::unexpected(key.error());
    unsigned char* bytes = nullptr;
    const int size = i2d_PUBKEY(key->get(), &bytes);
    const std::unique_ptr<unsigned char, Frees<[](void* memory) { OPENSSL_free(memory); }>> owner(
        bytes);
    if (size <= 0 || static_cast<std::size_t>(size) > limits::public_key_bytes_max)
        return std::unexpected("is too large");
    out.spki.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    return out;
}

}  // namespace

Result<KeySet> read_key_set(std::string_view text) {
    const auto document = model::parse_json(text);
    if (!document)
        return failure(Code::protocol, "the key set is not JSON: " + document.error().detail);
    if (!document->is<picojson::object>() || !document->contains("keys") ||
        !document->get("keys").is<picojson::array>())
        return failure(Code::protocol, "the key set has no array of keys");
    KeySet set;
    const auto& members = document->get("keys").get<picojson::array>();
    for (std::size_t i = 0; i < members.size(); ++i) {
        auto key = verifying_key(members[i]);
        if (key && set.keys.size() == limits::issuer_keys_max)
            key = std::unexpected("is one too many");
        if (key)
            set.keys.push_back(std::move(*key));
        else
            set.left_out.push_back("key " + std::to_string(i + 1) + " " + key.error());
    }
    return set;
}

}  // namespace mcpgw::identity
