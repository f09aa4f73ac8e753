// Keys that sign what the gateway asserts about callers: ECDSA on P-256, private keys in PKCS #8.
//
//   made ---- signs ---- 30 days: its successor is made ---- is published on ---- a day: dropped
//
// Servers fetch the public halves again when they meet an id that they do not know, so a new key
// signs at once. Pure but for the randomness of a new key; the caller keeps the ring (store/).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/contract/access.h"
#include "common/result.h"

namespace mcpgw::keys {

struct AssertionRingKey {
    std::string id;  // as that of a sealing key
    std::string pkcs8;
    std::uint64_t created_unix_ms = 0;
    bool operator==(const AssertionRingKey&) const = default;
};

// Oldest first; the youngest signs. Empty until somebody needs one.
using AssertionRing = std::vector<AssertionRingKey>;

[[nodiscard]] Result<AssertionRingKey> make_assertion_key(std::uint64_t now_unix_ms);
// The youngest is 30 days old, or there is none. One from further in the future counts as well.
[[nodiscard]] bool is_assertion_key_due(const AssertionRing& ring, std::uint64_t now_unix_ms);
// Those whose successor has signed for a day go. True if there were any.
bool drop_old_assertion_keys(AssertionRing& ring, std::uint64_t now_unix_ms);
[[nodiscard]] std::vector<contract::AssertionKey> published_assertion_keys(
    const AssertionRing& ring);

}  // namespace mcpgw::keys
