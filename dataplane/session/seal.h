// Sealed session ids: what a client holds as its Mcp-Session-Id (DESIGN section 3).
//
//   v1.<key id>.<base64url( nonce 12 | ciphertext | tag 16 )>           AES-256-GCM
//   plaintext: adapter id 8 | instance id 8 | issued 4 (all big endian) | server's own id 1...1024
//
// The principal is the additional data, so an id opens only for the user it was made for. The key
// id needs no authentication of its own: another key id selects another key, whose tag then fails.
// Nonces are 96 random bits; one key is good for 2^32 seals (NIST SP 800-38D section 8.3), which
// rotation must undercut. A Sealer belongs to one worker and holds ready cipher contexts, so that
// seal and open neither allocate nor expand a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/contract/snapshot.h"
#include "common/limits.h"
#include "dataplane/session/opened_ids.h"

struct evp_cipher_ctx_st;  // EVP_CIPHER_CTX

namespace mcpgw {

struct SealedParts {
    std::uint64_t adapter = 0;   // adapter_identity(name)
    std::uint64_t instance = 0;  // contract::Instance::id
    std::uint32_t issued_unix_seconds = 0;
    std::string_view server_id;  // after open(): a view into the scratch
};

// Names an adapter inside a sealed id: the first 8 bytes (big endian) of SHA-256 over the name.
[[nodiscard]] std::uint64_t adapter_identity(std::string_view name);

// 1...limits::server_session_id_bytes_max bytes of 0x21...0x7E (MCP 2025-11-25, Session
// Management).
[[nodiscard]] bool is_server_session_id(std::string_view id);

// The nonce of a value that seal() has written or open() accepted, as it is in the text: no two
// values have the same, also if they are of the same session.
[[nodiscard]] std::string_view nonce_of(std::string_view sealed);

// Fills the span with unpredictable bytes; false if the machine cannot.
using RandomSource = bool (*)(std::span<std::byte> out);
[[nodiscard]] bool system_random(std::span<std::byte> out);

class Sealer {
  public:
    // Room that open() needs.
    static constexpr std::size_t kScratchBytes = limits::sealed_id_bytes_max * 3 / 4;

    explicit Sealer(RandomSource random = system_random);
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;
    ~Sealer();

    // Makes the contexts for these keys; does nothing when the generation is the one in force. Keys
    // that are not 32 bytes or whose id breaks the rule of contract::SealingKey are left out.
    void set_keys(std::span<const contract::SealingKey> keys, std::uint64_t generation);

    // Writes the sealed id and returns its size; 0 when no key is current, the server's id is not
    // one, or `out` is too small (limits::sealed_id_bytes_max always suffices).
    [[nodiscard]] std::size_t seal(const SealedParts& parts, std::string_view principal,
                                   std::span<char> out);

    // Nothing for anything but a value that seal() made with a known key for this principal.
    // `scratch` has kScratchBytes and keeps the server's id. An id that was opened before is only
    // compared (opened_ids.h).
    [[nodiscard]] std::optional<SealedParts> open(std::string_view sealed,
                                                  std::string_view principal,
                                                  std::span<std::byte> scratch);

  private:
    struct FreeContext {
        void operator()(evp_cipher_ctx_st* context) const;
    };
    using Context = std::unique_ptr<evp_cipher_ctx_st, FreeContext>;
    struct ReadyKey {
        std::array<char, limits::key_id_bytes_max> id{};
        std::uint8_t id_bytes = 0;
        Context open;
        Context seal;  // of the current key only

        [[nodiscard]] std::string_view id_text() const { return {id.data(), id_bytes}; }
    };
    static constexpr std::size_t kNonceBytes = 12;
    static constexpr std::size_t kNoncesInBatch = 64;

    [[nodiscard]] bool next_nonce(std::byte* out);
    [[nodiscard]] ReadyKey* key_of(std::string_view id);

    [[nodiscard]] std::optional<SealedParts> decrypt_id(std::string_view sealed,
                                                        std::string_view principal,
                                                        std::span<std::byte> scratch);

    RandomSource random_;
    OpenedIds opened_;
    std::optional<std::uint64_t> generation_;
    std::vector<ReadyKey> keys_;
    ReadyKey* current_ = nullptr;
    std::array<std::byte, kNonceBytes * kNoncesInBatch> nonces_{};
    std::size_t nonces_left_ = 0;
};

}  // namespace mcpgw
