// Compare-and-swap on single cells. Two workers that meet a new address in the same instant may
// take a cell each; then the address has a little more than its limit until one cell is empty.
#include "dataplane/client/address_counts.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include <arpa/inet.h>

#include "common/check.h"

namespace mcpgw::client {
namespace {

constexpr std::uint64_t kCountMask = (std::uint64_t{1} << 20) - 1;
// Four cells for each connection there can be: a bucket is then hardly ever full.
constexpr std::size_t kConnectionsPerBucket = 2;
constexpr int kLooks = 3;

std::uint64_t fingerprint_of(std::uint64_t hash) {
    return hash & ~kCountMask;
}

std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

}  // namespace

AddressCounts::AddressCounts(const Options& options)
    : options_(options),
      buckets_(std::bit_ceil(
          std::max<std::size_t>(1, options.connections_max / kConnectionsPerBucket))) {
    check(options.per_address_max > 0 && options.per_address_max < kCountMask,
          "a cell can hold the limit");
}

std::uint64_t AddressCounts::hash_of(std::string_view address) const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.empty() || address.size() >= text.size()) return 0;
    address.copy(text.data(), text.size());
    std::uint64_t value = 0;
    in_addr v4{};
    in6_addr v6{};
    bool is_v4 = inet_pton(AF_INET, text.data(), &v4) == 1;
    if (!is_v4) {
        if (inet_pton(AF_INET6, text.data(), &v6) != 1) return 0;
        is_v4 = IN6_IS_ADDR_V4MAPPED(&v6);
        if (is_v4) std::memcpy(&v4, &v6.s6_addr[12], sizeof v4);
    }
    const bool loopback = is_v4 ? ntohl(v4.s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&v6) != 0;
    if (loopback && options_.loopback == Loopback::exempt) return 0;
    if (is_v4)
        value = v4.s_addr;
    else
        std::memcpy(&value, v6.s6_addr, sizeof value);
    const std::uint64_t hash = mix(mix(value + options_.seed) ^ (is_v4 ? 4U : 6U));
    // A fingerprint of 0 would be an empty cell.
    return fingerprint_of(hash) == 0 ? hash | (kCountMask + 1) : hash;
}

AddressCounts::Bucket& AddressCounts::bucket_of(std::uint64_t hash) {
    return buckets_[hash & kCountMask & (buckets_.size() - 1)];
}

bool AddressCounts::enter(std::string_view address) {
    const std::uint64_t hash = hash_of(address);
    if (hash == 0) return true;
    const std::uint64_t fingerprint = fingerprint_of(hash);
    Bucket& bucket = bucket_of(hash);
    while (true) {
        std::atomic<std::uint64_t>* free = nullptr;
        std::atomic<std::uint64_t>* own = nullptr;
        std::uint64_t seen = 0;
        for (auto& cell : bucket.cells) {
            const std::uint64_t word = cell.load(std::memory_order_relaxed);
            if (word == 0 && free == nullptr) free = &cell;
            if (word == 0 || fingerprint_of(word) != fingerprint) continue;
            own = &cell;
            seen = word;
            break;
        }
        if (own != nullptr && (seen & kCountMask) >= options_.per_address_max) return false;
        if (own == nullptr && free == nullptr) return true;
        const std::uint64_t next = own != nullptr ? seen + 1 : fingerprint | 1U;
        std::atomic<std::uint64_t>& cell = own != nullptr ? *own : *free;
        if (cell.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
    }
}

void AddressCounts::leave(std::string_view address) {
    const std::uint64_t hash = hash_of(address);
    if (hash == 0) return;
    // Its count may just be moving between two cells; whoever is never found was not counted.
    for (int looks = 0; looks < kLooks; ++looks) {
        for (auto& cell : bucket_of(hash).cells) {
            std::uint64_t word = cell.load(std::memory_order_relaxed);
            while (word != 0 && fingerprint_of(word) == fingerprint_of(hash)) {
                const std::uint64_t next = (word & kCountMask) == 1 ? 0 : word - 1;
                if (cell.compare_exchange_weak(word, next, std::memory_order_relaxed)) return;
            }
        }
    }
}

}  // namespace mcpgw::client
