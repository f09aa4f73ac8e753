// Sealed session ids that were opened lately.
//
// A client sends the same id with every request of its session; comparing it with the one that was
// opened before costs a tenth of opening it again. Entries are found by the last bytes of the id,
// which are a part of its authentication tag; they hold only for the keys they were opened with,
// and only for the same principal. A fixed number of entries, one per place: a newer one replaces
// an older one, and what is too long is not remembered. Owned by the sealer of one worker; pages
// that no session needs are never touched.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/limits.h"

namespace mcpgw {

struct SealedParts;

class OpenedIds {
  public:
    OpenedIds();

    // What the id holds if it was remembered for this principal and generation of keys; the
    // server's id is copied to `scratch`.
    [[nodiscard]] std::optional<SealedParts> find(std::string_view sealed,
                                                  std::string_view principal,
                                                  std::span<std::byte> scratch) const;
    void remember(std::string_view sealed, std::string_view principal, const SealedParts& parts);
    // Forgets everything that was opened with other keys.
    void set_generation(std::uint64_t generation) { generation_ = generation; }

  private:
    struct Entry {
        std::uint64_t generation;
        std::uint64_t adapter;
        std::uint64_t instance;
        std::uint32_t issued_unix_seconds;
        std::uint16_t sealed_bytes;  // 0: free
        std::uint8_t principal_bytes;
        std::uint8_t server_id_bytes;
        std::array<char, limits::opened_id_bytes_max> sealed;
        std::array<char, limits::opened_principal_bytes_max> principal;
        std::array<char, limits::opened_server_id_bytes_max> server_id;
    };
    struct Free {
        void operator()(Entry* entries) const;
    };
    [[nodiscard]] Entry& place_of(std::string_view sealed) const;

    std::unique_ptr<Entry[], Free> entries_;
    std::uint64_t generation_ = 0;
};

}  // namespace mcpgw
