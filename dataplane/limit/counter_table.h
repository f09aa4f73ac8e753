// The counters of everybody who is limited, shared by all workers: found by a key, counted in by
// compare-and-swap, without locks and without allocation.
//
//   SlotDirectory (memory): key ──▶ slot number, one live slot for a key     slot_directory.h
//   CounterFile (a file):   record of the same number: key, window, rate, keep_until
//
// The directory is made from the file at start; what is kept is moved to the front. A counter that
// limits nothing any more is taken away by the janitor: it marks the slot as watched, then reads
// its times; whoever counts does so first and looks for the mark afterwards (confirm()), so one of
// the two sees the other. Users have three quarters of the counters, so that tenants and adapters
// always find one.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "common/limits.h"
#include "common/time.h"
#include "dataplane/limit/counter_file.h"
#include "dataplane/observe/metrics.h"
#include "dataplane/session/slot_directory.h"

namespace mcpgw::limit {

// Both clocks, as the caller has them.
struct Now {
    Nanos monotonic = 0;
    std::uint32_t unix_seconds = 0;
};

struct Subject {
    LimitScope scope = LimitScope::tenant;
    SubjectKey key;
};

class CounterTable {
  public:
    struct Options {
        std::string directory = {};  // empty: nothing outlives the process
        std::uint32_t counters = limits::use_counters_max;
        std::uint32_t reserved = limits::use_counters_reserved;
        Now now = {};  // what is of no use any more is left out
    };
    explicit CounterTable(const Options& options);

    // The counter of the subject, made if there is none. No handle: none is free.
    [[nodiscard]] SlotHandle counter_of(const Subject& subject, Now now);
    // The same without making one.
    [[nodiscard]] SlotHandle find(const Subject& subject) const;
    [[nodiscard]] CounterRecord& at(SlotHandle counter) const { return file_.at(counter.slot); }
    // Before counting: what is counted matters until then.
    void keep_until(SlotHandle counter, std::uint64_t unix_seconds) const;
    // After counting. False: the counter had been taken away, and nothing was counted that lasts.
    [[nodiscard]] bool confirm(SlotHandle counter) const;

    // Looks at the next `counters` ones and takes away those of no use. One thread at a time.
    void sweep(Now now, std::uint32_t counters);

    [[nodiscard]] const HashKey& hash_key() const { return file_.hash_key(); }
    [[nodiscard]] std::uint32_t size() const { return directory_.size(); }
    [[nodiscard]] std::uint32_t touched() const { return directory_.high_water(); }
    [[nodiscard]] bool is_lasting() const { return file_.is_lasting(); }

  private:
    // What a new counter begins with.
    struct Values {
        std::uint64_t window = 0;
        std::uint64_t rate = 0;
        std::uint64_t keep_until = 0;
    };
    void load(Now now);
    void put(const CounterRecord& found);
    [[nodiscard]] SlotHandle add(const Subject& subject, const Values& values);
    void fill(std::uint32_t slot, const Subject& subject, const Values& values) const;
    void sweep_one(std::uint32_t slot, Now now);

    CounterFile file_;
    SlotDirectory directory_;
    const std::uint32_t of_users_max_;
    alignas(64) std::atomic<std::uint32_t> of_users_{0};
    std::uint32_t swept_ = 0;  // the janitor's
};

}  // namespace mcpgw::limit
