// Sealing keys with their times: which of them seals at a given moment, and when that changes.
//
//   created                seals_from                 successor's seals_from          dropped
//      |---- only opens -----|-------- seals -----------|-------- only opens ---------|
//
// A key opens from the moment it is known until it is dropped; the one that began to seal last is
// current. Pure: the caller tells the time, and keeps the ring (store/, key_file.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/contract/snapshot.h"
#include "common/result.h"

namespace mcpgw::keys {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::uint64_t kNeverUnixMs = UINT64_MAX;

struct RingKey {
    std::string id;   // 1...limits::key_id_bytes_max of [A-Za-z0-9]
    std::string key;  // kKeyBytes, raw
    std::uint64_t created_unix_ms = 0;
    std::uint64_t seals_from_unix_ms = 0;
    bool operator==(const RingKey&) const = default;
};

// Oldest first, ids differ, at most limits::sealing_keys_max. One that is in use is never empty.
using KeyRing = std::vector<RingKey>;

[[nodiscard]] bool is_key_id(std::string_view id);

// A sentence that names what breaks the rules above (and no key), or "".
[[nodiscard]] std::string problem_of(const KeyRing& ring);

// Made now, sealing `lead_ms` later; random, with an id that the ring does not have.
[[nodiscard]] Result<RingKey> make_key(const KeyRing& ring, std::uint64_t now_unix_ms,
                                       std::uint64_t lead_ms);

// The index of the key that seals at `now`. While none does yet, as after a clock was set back, it
// is the one that will be the first.
[[nodiscard]] std::size_t current_at(const KeyRing& ring, std::uint64_t now_unix_ms);
// When the next key begins to seal, or kNeverUnixMs.
[[nodiscard]] std::uint64_t next_change_after(const KeyRing& ring, std::uint64_t now_unix_ms);
// What data planes are told at `now`. `shared`: other gateways have the keys, too.
[[nodiscard]] std::vector<contract::SealingKey> keys_at(const KeyRing& ring,
                                                        std::uint64_t now_unix_ms, bool shared);

// Adds the youngest key. Where there are too many, the oldest goes that does not seal at `now`.
void add_key(KeyRing& ring, RingKey key, std::uint64_t now_unix_ms);

// The youngest key is this old. One from further in the future than that counts as well: a clock
// that was wrong once must not end rotation for years.
[[nodiscard]] bool is_successor_due(const KeyRing& ring, std::uint64_t now_unix_ms,
                                    std::uint64_t age_ms_max);

}  // namespace mcpgw::keys
