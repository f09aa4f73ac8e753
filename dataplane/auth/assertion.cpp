// OpenSSL behind three steps: a key from its DER, its point for the JWK, a signature from ASN.1 to
// the 64 bytes that JWS wants.
#include "dataplane/auth/assertion.h"

#include <algorithm>
#include <charconv>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/bytes.h"
#include "common/json_writer.h"
#include "common/limits.h"

namespace mcpgw::auth {
namespace {

constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kPointBytes = 1 + 2 * kCoordinateBytes;  // SEC 1 section 2.3.3, uncompressed
using Point = std::array<unsigned char, kPointBytes>;

std::string base64url(std::string_view bytes) {
    std::string text(base64url_size(bytes.size()), '\0');
    base64url_encode(as_bytes(bytes), text.data());
    return text;
}

bool is_p256(EVP_PKEY* key) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
           (std::string_view(group.data(), size) == "prime256v1" ||
            std::string_view(group.data(), size) == "P-256");
}

bool point_of(EVP_PKEY* key, Point& point) {
    std::size_t size = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                           &size) == 1 &&
           size == point.size() && point[0] == 4;
}

void add_jwk(JsonWriter& out, const std::string& id, const Point& point) {
    const auto coordinate = [&point](std::size_t which) {
        const auto* bytes = reinterpret_cast<const char*>(point.data()) + 1;
        return base64url({bytes + which * kCoordinateBytes, kCoordinateBytes});
    };
    out.object().key("kty").string("EC").key("crv").string("P-256");
    out.key("alg").string("ES256").key("use").string("sig").key("kid").string(id);
    out.key("x").string(coordinate(0)).key("y").string(coordinate(1)).end();
}

// A name as it was in the caller's token: in an Identity, which becomes a header, it is
// percent-encoded (claims.h).
std::string plain_name(std::string_view encoded) {
    std::string plain;
    while (!encoded.empty()) {
        unsigned char octet = 0;
        const char* const digits = encoded.data() + 1;
        const bool is_octet = encoded.size() >= 3 && encoded[0] == '%' &&
                              std::from_chars(digits, digits + 2, octet, 16).ptr == digits + 2;
        plain += is_octet ? static_cast<char>(octet) : encoded[0];
        encoded.remove_prefix(is_octet ? 3 : 1);
    }
    return plain;
}

// The claims of a subject but iat and exp, as the beginning of an object.
void write_claims(const Assertions::Subject& subject, std::string& out) {
    JsonWriter json;
    json.object().key("iss").string(subject.issuer).key("aud").string(subject.adapter);
    json.key("sub").string(subject.identity.user);
    if (!subject.identity.name.empty()) json.key("name").string(plain_name(subject.identity.name));
    json.key("roles").array();
    for (std::string_view rest = subject.identity.roles; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string_view role = rest.substr(0, comma);
        while (role.starts_with(' '))
            role.remove_prefix(1);
        while (role.ends_with(' '))
            role.remove_suffix(1);
        if (!role.empty()) json.string(role);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    json.end();
    if (!subject.tenant.empty()) json.key("tenant").string(subject.tenant);
    json.end();
    out = json.take();
    out.pop_back();
}

// r and s, 32 bytes each (RFC 7518 section 3.4), from what OpenSSL makes.
std::string raw_signature(const unsigned char* der, std::size_t der_bytes) {
    std::string raw(2 * kCoordinateBytes, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(raw.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(der_bytes));
    const int size = static_cast<int>(kCoordinateBytes);
    const bool fits = signature != nullptr &&
                      BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, size) == size &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + size, size) == size;
    ECDSA_SIG_free(signature);
    return fits ? raw : std::string();
}

}  // namespace

void Assertions::FreeKey::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

Assertions::Assertions() = default;
Assertions::~Assertions() = default;

void Assertions::set_access(const std::shared_ptr<const contract::Access>& access) {
    if (access == access_) return;
    access_ = access;
    signing_.reset();
    places_.reset();
    JsonWriter jwks;
    jwks.object().key("keys").array();
    for (const contract::AssertionKey& described : access->assertion_keys) {
        const auto* der = reinterpret_cast<const unsigned char*>(described.pkcs8.data());
        Key key(d2i_AutoPrivateKey(nullptr, &der, static_cast<long>(described.pkcs8.size())));
        Point point;
        if (key == nullptr || !is_p256(key.get()) || !point_of(key.get(), point)) continue;
        add_jwk(jwks, described.id, point);
        if (!described.current) continue;
        JsonWriter head;
        head.object().key("alg").string("ES256").key("typ").string("JWT");
        head.key("kid").string(described.id).end();
        head_ = base64url(head.take());
        signing_ = std::move(key);
    }
    jwks.end().end();
    jwks_ = jwks.take();
}

std::string_view Assertions::of(const Subject& subject, std::uint64_t unix_seconds) {
    if (signing_ == nullptr) return {};
    if (places_ == nullptr) places_ = std::make_unique<std::array<Place, kPlaces>>();
    write_claims(subject, claims_);
    Place& place = (*places_)[fnv1a(claims_) % kPlaces];
    const bool fresh = unix_seconds >= place.issued_unix_s &&
                       unix_seconds < place.issued_unix_s + limits::assertion_seconds / 2;
    if (place.claims == claims_ && fresh) return place.token;
    place.token = sign(claims_, unix_seconds);
    place.claims = claims_;
    place.issued_unix_s = unix_seconds;
    return place.token;
}

std::string Assertions::sign(std::string_view claims, std::uint64_t unix_seconds) const {
    std::string text =
        head_ + "." +
        base64url(std::string(claims) + ",\"iat\":" + std::to_string(unix_seconds) +
                  ",\"exp\":" + std::to_string(unix_seconds + limits::assertion_seconds) + "}");
    std::array<unsigned char, 128> der;
    std::size_t der_bytes = der.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const bool is_signed =
        context != nullptr &&
        EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, signing_.get()) == 1 &&
        EVP_DigestSign(context, der.data(), &der_bytes,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(context);
    const std::string raw = is_signed ? raw_signature(der.data(), der_bytes) : std::string();
    if (raw.empty()) return {};
    return text + "." + base64url(raw);
}

}  // namespace mcpgw::auth
