// OpenSSL makes a key; the rest compares times.
#include "controlplane/keys/assertion_key.h"

#include <memory>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::keys {
namespace {

constexpr std::uint64_t kHourMs = 60ULL * 60 * 1000;
constexpr std::uint64_t kSignsMs = limits::assertion_key_days * 24 * kHourMs;
constexpr std::uint64_t kOverlapMs = limits::assertion_key_overlap_hours * kHourMs;

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : b - a;
}

}  // namespace

Result<AssertionRingKey> make_assertion_key(std::uint64_t now_unix_ms) {
    const auto no_key = failure(Code::internal, "OpenSSL makes no key on P-256");
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  &EVP_PKEY_free);
    if (!key) return no_key;
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(
        EVP_PKEY2PKCS8(key.get()), &PKCS8_PRIV_KEY_INFO_free);
    if (!info) return no_key;
    AssertionRingKey made;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
    std::uint64_t number = 0;
    if (size <= 0 || RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) != 1)
        return no_key;
    made.pkcs8.resize(static_cast<std::size_t>(size));
    auto* out = reinterpret_cast<unsigned char*>(made.pkcs8.data());
    if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &out) != size) return no_key;
    made.id = to_hex(number).substr(0, 8);
    made.created_unix_ms = now_unix_ms;
    return made;
}

bool is_assertion_key_due(const AssertionRing& ring, std::uint64_t now_unix_ms) {
    return ring.empty() || distance(now_unix_ms, ring.back().created_unix_ms) >= kSignsMs;
}

bool drop_old_assertion_keys(AssertionRing& ring, std::uint64_t now_unix_ms) {
    std::size_t old = 0;
    while (old + 1 < ring.size() &&
           distance(now_unix_ms, ring[old + 1].created_unix_ms) >= kOverlapMs)
        ++old;
    ring.erase(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(old));
    return old > 0;
}

std::vector<contract::AssertionKey> published_assertion_keys(const AssertionRing& ring) {
    std::vector<contract::AssertionKey> keys;
    for (std::size_t i = 0; i < ring.size(); ++i)
        keys.push_back({ring[i].id, ring[i].pkcs8, i + 1 == ring.size()});
    return keys;
}

}  // namespace mcpgw::keys
