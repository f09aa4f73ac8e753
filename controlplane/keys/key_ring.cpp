// Comparisons of times, and one call for random bytes.
#include "controlplane/keys/key_ring.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::keys {

bool is_key_id(std::string_view id) {
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    };
    return !id.empty() && id.size() <= limits::key_id_bytes_max &&
           std::ranges::all_of(id, is_alphanumeric);
}

std::string problem_of(const KeyRing& ring) {
    if (ring.empty()) return "there is no sealing key";
    if (ring.size() > limits::sealing_keys_max)
        return "there are more than " + std::to_string(limits::sealing_keys_max) + " sealing keys";
    for (auto key = ring.begin(); key != ring.end(); ++key) {
        if (!is_key_id(key->id))
            return "a sealing key has an id that is not 1 to " +
                   std::to_string(limits::key_id_bytes_max) + " letters and digits";
        if (key->key.size() != kKeyBytes)
            return "the sealing key " + key->id + " does not have 32 bytes";
        const auto is_twin = [&key](const RingKey& other) { return other.id == key->id; };
        if (std::any_of(ring.begin(), key, is_twin))
            return "two sealing keys have the id " + key->id;
    }
    return {};
}

Result<RingKey> make_key(const KeyRing& ring, std::uint64_t now_unix_ms, std::uint64_t lead_ms) {
    RingKey made;
    const auto is_twin = [&made](const RingKey& other) { return other.id == made.id; };
    do {
        std::array<char, sizeof(std::uint64_t) + kKeyBytes> noise{};
        // Up to 256 bytes come whole (getrandom(2)).
        if (::getrandom(noise.data(), noise.size(), 0) != static_cast<ssize_t>(noise.size()))
            return std::unexpected(error_from_errno(errno, "no random numbers"));
        std::uint64_t number = 0;
        std::memcpy(&number, noise.data(), sizeof number);
        made.id = to_hex(number).substr(0, 8);
        made.key.assign(noise.data() + sizeof number, kKeyBytes);
    } while (std::ranges::any_of(ring, is_twin));
    made.created_unix_ms = now_unix_ms;
    made.seals_from_unix_ms = now_unix_ms + lead_ms;
    return made;
}

std::size_t current_at(const KeyRing& ring, std::uint64_t now_unix_ms) {
    check(!ring.empty(), "there is a key to seal with");
    std::size_t best = 0;
    for (std::size_t i = 1; i < ring.size(); ++i) {
        const std::uint64_t from = ring[i].seals_from_unix_ms;
        const std::uint64_t best_from = ring[best].seals_from_unix_ms;
        const bool seals = from <= now_unix_ms;
        const bool best_seals = best_from <= now_unix_ms;
        if (seals ? !best_seals || from >= best_from : !best_seals && from < best_from) best = i;
    }
    return best;
}

std::uint64_t next_change_after(const KeyRing& ring, std::uint64_t now_unix_ms) {
    std::uint64_t next = kNeverUnixMs;
    for (const RingKey& key : ring)
        if (key.seals_from_unix_ms > now_unix_ms) next = std::min(next, key.seals_from_unix_ms);
    return next;
}

std::vector<contract::SealingKey> keys_at(const KeyRing& ring, std::uint64_t now_unix_ms,
                                          bool shared) {
    const std::size_t current = current_at(ring, now_unix_ms);
    std::vector<contract::SealingKey> keys;
    for (std::size_t i = 0; i < ring.size(); ++i)
        keys.push_back({ring[i].id, ring[i].key, i == current, shared});
    return keys;
}

void add_key(KeyRing& ring, RingKey key, std::uint64_t now_unix_ms) {
    while (ring.size() >= limits::sealing_keys_max) {
        const std::size_t oldest = current_at(ring, now_unix_ms) == 0 ? 1 : 0;
        ring.erase(ring.begin() + static_cast<std::ptrdiff_t>(oldest));
    }
    ring.push_back(std::move(key));
    check(problem_of(ring).empty(), "a ring stays one");
}

bool is_successor_due(const KeyRing& ring, std::uint64_t now_unix_ms, std::uint64_t age_ms_max) {
    check(!ring.empty(), "there is a key to follow");
    const std::uint64_t created = ring.back().created_unix_ms;
    const std::uint64_t distance =
        now_unix_ms > created ? now_unix_ms - created : created - now_unix_ms;
    return distance >= age_ms_max;
}

}  // namespace mcpgw::keys
