// How many sessions (or event streams) each user, tenant and adapter has, exactly, over all
// workers: nobody is to have more than a limit.
//
//   directory: key {kind, hash of the name} ──▶ slot, whose state word has the count
//
// A counter exists while its count is above 0. The one CAS that takes the last away also ends the
// counter, so a count is never split between two slots and never forgotten (slot_directory.h). Two
// names with the same 64-bit hash would share a counter. Whoever has entered keeps the handle of
// the counter and leaves with it; no name is looked up again.
#pragma once

#include <cstdint>

#include "dataplane/session/slot_directory.h"

namespace mcpgw {

class SessionCounts {
  public:
    enum class Kind : std::uint8_t {
        principal = 1,
        tenant = 2,
        tenant_user = 3,  // a user within a tenant
        adapter = 4,
        adapter_user = 5,
        stream = 6,  // of whom is in the name
    };

    // With so many counters.
    SessionCounts(std::uint32_t counters, std::uint64_t seed);

    // One more, unless there are `max` (0: no limit): then, or when no counter is free, no handle.
    [[nodiscard]] SlotHandle enter(Kind kind, std::uint64_t name_hash, std::uint32_t max);
    // Once for each successful enter().
    void leave(SlotHandle counter);

    [[nodiscard]] std::uint32_t of(Kind kind, std::uint64_t name_hash) const;
    // Names that have a session.
    [[nodiscard]] std::uint32_t counters() const { return directory_.size(); }

  private:
    enum class Step : std::uint8_t { entered, full, gone };
    [[nodiscard]] Step add_one(SlotHandle counter, std::uint32_t max);
    [[nodiscard]] SlotDirectory::Added add_counter(const SlotKey& key);

    SlotDirectory directory_;
};

}  // namespace mcpgw
