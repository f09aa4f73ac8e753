// What a counter is found by: a keyed hash of whom it counts.
//
// SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): who chooses his name or tenant, but
// does not know the key, can neither share another one's counter nor crowd the table. The key lies
// in the file of the counters, so that a subject has the same hash in the next process.
#pragma once

#include <array>
#include <cstdint>

#include "common/bytes.h"

namespace mcpgw::limit {

using HashKey = std::array<std::uint64_t, 2>;

struct SubjectKey {
    std::uint64_t first = 0;
    std::uint64_t second = 0;

    bool operator==(const SubjectKey&) const = default;
};

[[nodiscard]] SubjectKey siphash(const HashKey& key, Bytes input);

}  // namespace mcpgw::limit
