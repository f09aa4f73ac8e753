// A small set-associative memory of hashes. Nonces are random and nobody chooses them, so that two
// sessions have the same hash is a matter of chance alone: one of 2^64.
#include "dataplane/session/ended_sessions.h"

#include "common/bytes.h"

namespace mcpgw {

EndedSessions::EndedSessions() : sets_(std::make_unique<std::array<Set, kSets>>()) {}

EndedSessions::Mark EndedSessions::mark_of(std::string_view nonce) {
    Mark hash = fnv1a(nonce);
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 33;
    return hash == 0 ? 1 : hash;
}

void EndedSessions::add(Mark mark) {
    if (contains(mark)) return;
    Set& set = (*sets_)[mark & (kSets - 1)];
    const std::uint32_t way = set.next.fetch_add(1, std::memory_order_relaxed) % kWays;
    set.marks[way].store(mark, std::memory_order_release);
}

bool EndedSessions::contains(Mark mark) const {
    for (const auto& known : (*sets_)[mark & (kSets - 1)].marks)
        if (known.load(std::memory_order_acquire) == mark) return true;
    return false;
}

}  // namespace mcpgw
