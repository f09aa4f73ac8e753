// AES-256-GCM over the parts of a session id, with OpenSSL contexts that keep the expanded key.
//
// Per value OpenSSL only gets a new nonce: initialising with a key would cost more than the rest.
// Everything is assembled in arrays on the stack; sizes are known before the first byte is written.
#include "dataplane/session/seal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw {
namespace {

constexpr std::string_view kVersion = "v1.";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kFixedPlain = 8 + 8 + 4;
constexpr std::size_t kPlainMax = kFixedPlain + limits::server_session_id_bytes_max;
constexpr std::size_t kBinaryMax = kNonce + kPlainMax + kTag;

static_assert(kVersion.size() + limits::key_id_bytes_max + 1 + base64url_size(kBinaryMax) <=
                  limits::sealed_id_bytes_max,
              "the longest value is within its limit");
static_assert(Sealer::kScratchBytes >= kBinaryMax, "what can be sealed can be opened");

unsigned char* raw(std::byte* bytes) {
    return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* raw(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}

template <class Integer>
void put_big_endian(std::byte* out, Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        out[i] = static_cast<std::byte>(value >> (8 * (sizeof(Integer) - 1 - i)));
}
template <class Integer>
Integer get_big_endian(const std::byte* in) {
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        value = static_cast<Integer>(value << 8 | std::to_integer<Integer>(in[i]));
    return value;
}

bool is_key_id(std::string_view id) {
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    };
    return !id.empty() && id.size() <= limits::key_id_bytes_max &&
           std::all_of(id.begin(), id.end(), is_alphanumeric);
}

bool add_principal(EVP_CIPHER_CTX* context, std::string_view principal, bool encrypting) {
    if (principal.empty()) return true;
    int written = 0;
    const auto* data = raw(as_bytes(principal).data());
    const auto size = static_cast<int>(principal.size());
    return (encrypting ? EVP_EncryptUpdate(context, nullptr, &written, data, size)
                       : EVP_DecryptUpdate(context, nullptr, &written, data, size)) == 1;
}

// binary: nonce | plaintext (becomes ciphertext) | room for the tag.
bool encrypt(EVP_CIPHER_CTX* context, std::string_view principal, MutableBytes binary) {
    check(binary.size() > kNonce + kTag, "a sealed value has a body");
    std::byte* body = binary.data() + kNonce;
    const std::size_t body_bytes = binary.size() - kNonce - kTag;
    int written = 0;
    if (EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, raw(binary.data())) != 1 ||
        !add_principal(context, principal, true) ||
        EVP_EncryptUpdate(context, raw(body), &written, raw(body), static_cast<int>(body_bytes)) !=
            1 ||
        EVP_EncryptFinal_ex(context, raw(body + body_bytes), &written) != 1)
        return false;
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, body + body_bytes) == 1;
}

// The reverse, in place; false for a wrong tag, and then the body means nothing.
bool decrypt(EVP_CIPHER_CTX* context, std::string_view principal, MutableBytes binary) {
    check(binary.size() > kNonce + kTag, "a sealed value has a body");
    std::byte* body = binary.data() + kNonce;
    const std::size_t body_bytes = binary.size() - kNonce - kTag;
    int written = 0;
    if (EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, raw(binary.data())) != 1 ||
        !add_principal(context, principal, false) ||
        EVP_DecryptUpdate(context, raw(body), &written, raw(body), static_cast<int>(body_bytes)) !=
            1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, body + body_bytes) != 1)
        return false;
    return EVP_DecryptFinal_ex(context, raw(body + body_bytes), &written) == 1;
}

// A context with the key expanded, waiting for nonces; nullptr if OpenSSL has none.
EVP_CIPHER_CTX* make_context(const std::string& key, bool encrypting) {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    if (context == nullptr) return nullptr;
    const auto* bytes = raw(as_bytes(key).data());
    if (EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nullptr, bytes, nullptr,
                          encrypting ? 1 : 0) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return nullptr;
}

}  // namespace

std::uint64_t adapter_identity(std::string_view name) {
    std::array<std::byte, SHA256_DIGEST_LENGTH> digest{};
    SHA256(raw(as_bytes(name).data()), name.size(), raw(digest.data()));
    return get_big_endian<std::uint64_t>(digest.data());
}

bool is_server_session_id(std::string_view id) {
    return !id.empty() && id.size() <= limits::server_session_id_bytes_max &&
           std::all_of(id.begin(), id.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

std::string_view nonce_of(std::string_view sealed) {
    static_assert(kNonce % 3 == 0, "the nonce ends with a character of base64");
    const std::size_t begin = sealed.find('.', kVersion.size()) + 1;
    check(begin != 0 && sealed.size() >= begin + base64url_size(kNonce), "it is a sealed value");
    return sealed.substr(begin, base64url_size(kNonce));
}

bool system_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

void Sealer::FreeContext::operator()(evp_cipher_ctx_st* context) const {
    EVP_CIPHER_CTX_free(context);
}

Sealer::Sealer(RandomSource random) : random_(random) {}
Sealer::~Sealer() = default;

void Sealer::set_keys(std::span<const contract::SealingKey> keys, std::uint64_t generation) {
    if (generation_ == generation) return;
    generation_ = generation;
    opened_.set_generation(generation);
    current_ = nullptr;
    keys_.clear();
    keys_.reserve(keys.size());  // current_ points into it
    for (const contract::SealingKey& key : keys) {
        if (key.key.size() != kKeyBytes || !is_key_id(key.id)) continue;
        ReadyKey ready;
        std::copy(key.id.begin(), key.id.end(), ready.id.begin());
        ready.id_bytes = static_cast<std::uint8_t>(key.id.size());
        ready.open.reset(make_context(key.key, false));
        if (key.current) ready.seal.reset(make_context(key.key, true));
        if (ready.open == nullptr || (key.current && ready.seal == nullptr)) continue;
        keys_.push_back(std::move(ready));
        if (key.current) current_ = &keys_.back();
    }
}

std::size_t Sealer::seal(const SealedParts& parts, std::string_view principal,
                         std::span<char> out) {
    if (current_ == nullptr || !is_server_session_id(parts.server_id)) return 0;
    if (principal.size() > limits::principal_bytes_max) return 0;
    const std::size_t binary_bytes = kNonce + kFixedPlain + parts.server_id.size() + kTag;
    const std::string_view key_id = current_->id_text();
    const std::size_t needed = kVersion.size() + key_id.size() + 1 + base64url_size(binary_bytes);
    if (out.size() < needed) return 0;

    std::array<std::byte, kBinaryMax> binary;
    if (!next_nonce(binary.data())) return 0;
    std::byte* plain = binary.data() + kNonce;
    put_big_endian(plain, parts.adapter);
    put_big_endian(plain + 8, parts.instance);
    put_big_endian(plain + 16, parts.issued_unix_seconds);
    std::memcpy(plain + kFixedPlain, parts.server_id.data(), parts.server_id.size());
    if (!encrypt(current_->seal.get(), principal, MutableBytes(binary.data(), binary_bytes)))
        return 0;

    char* text = std::copy(kVersion.begin(), kVersion.end(), out.data());
    text = std::copy(key_id.begin(), key_id.end(), text);
    *text++ = '.';
    text += base64url_encode(Bytes(binary.data(), binary_bytes), text);
    check(static_cast<std::size_t>(text - out.data()) == needed, "the size was known");
    return needed;
}

std::optional<SealedParts> Sealer::open(std::string_view sealed, std::string_view principal,
                                        std::span<std::byte> scratch) {
    check(scratch.size() >= kScratchBytes, "open() has room for the longest value");
    if (sealed.size() > limits::sealed_id_bytes_max || !sealed.starts_with(kVersion))
        return std::nullopt;
    if (principal.size() > limits::principal_bytes_max) return std::nullopt;
    if (auto known = opened_.find(sealed, principal, scratch)) return known;
    const auto parts = decrypt_id(sealed, principal, scratch);
    if (parts) opened_.remember(sealed, principal, *parts);
    return parts;
}

std::optional<SealedParts> Sealer::decrypt_id(std::string_view sealed, std::string_view principal,
                                              std::span<std::byte> scratch) {
    sealed.remove_prefix(kVersion.size());
    const std::size_t dot = sealed.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const ReadyKey* key = key_of(sealed.substr(0, dot));
    if (key == nullptr) return std::nullopt;
    const std::optional<std::size_t> size =
        base64url_decode(sealed.substr(dot + 1), scratch.data());
    if (!size || *size <= kNonce + kFixedPlain + kTag) return std::nullopt;
    if (!decrypt(key->open.get(), principal, scratch.first(*size))) return std::nullopt;

    const std::byte* plain = scratch.data() + kNonce;
    SealedParts parts;
    parts.adapter = get_big_endian<std::uint64_t>(plain);
    parts.instance = get_big_endian<std::uint64_t>(plain + 8);
    parts.issued_unix_seconds = get_big_endian<std::uint32_t>(plain + 16);
    parts.server_id = as_text(Bytes(plain + kFixedPlain, *size - kNonce - kFixedPlain - kTag));
    // The tag vouches for the bytes, but a key that is shared may be used by another version.
    if (!is_server_session_id(parts.server_id)) return std::nullopt;
    return parts;
}

bool Sealer::next_nonce(std::byte* out) {
    if (nonces_left_ == 0) {
        if (!random_(nonces_)) return false;
        nonces_left_ = kNoncesInBatch;
    }
    --nonces_left_;
    std::memcpy(out, nonces_.data() + nonces_left_ * kNonceBytes, kNonceBytes);
    return true;
}

Sealer::ReadyKey* Sealer::key_of(std::string_view id) {
    for (ReadyKey& key : keys_)
        if (key.id_text() == id) return &key;
    return nullptr;
}

}  // namespace mcpgw
