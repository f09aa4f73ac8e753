// May this request pass: quotas and rates of up to four subjects, all or nothing; and event streams
// that are open at a time.
//
// Shared by all workers; lock-free. A request that one limit refuses has used up none of the
// others: all are looked at first, then taken from the narrow to the wide (a user at an adapter, a
// user in a tenant, an adapter, a tenant), and given back if one that was free a moment ago is not
// any more. What docs/internals/quotas.md says of exactness rests on that order. A subject that
// finds no counter passes and is said to be uncounted: only users can meet that, and the limits of
// all together still hold. Streams die with the process, so they are counted in its memory.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/limit/counter_table.h"
#include "dataplane/limit/subjects.h"
#include "dataplane/session/session_counts.h"

namespace mcpgw::limit {

// What a client is told of one limit (draft-ietf-httpapi-ratelimit-headers).
struct Standing {
    LimitKind kind = LimitKind::quota;
    std::uint64_t allowed = 0;  // in each window; 0: there is nothing to tell
    std::uint64_t window_seconds = 0;
    std::uint64_t left = 0;
    std::uint64_t reset_seconds = 0;
};

struct Verdict {
    bool allowed = true;
    std::uint8_t uncounted = 0;             // subjects for which there was no counter
    LimitScope scope = LimitScope::tenant;  // of the limit that refuses
    std::uint32_t retry_after_seconds = 0;  // at least 1 for a refusal
    Standing standing;                      // of the limit that refuses, or has the least left
};

// The place of one stream in the counts that it counts in. Plain memory of its owner.
struct StreamPlaces {
    std::array<std::uint64_t, 4> names{};  // by LimitScope; 0: not limited
    std::array<SlotHandle, 4> counters{};
};

struct Usage {
    std::uint64_t used = 0;
    std::uint64_t resets_unix_seconds = 0;  // 0: no window runs
};

class Limiter {
  public:
    struct Options {
        CounterTable::Options table = {};
        std::uint32_t stream_counters = limits::stream_counters_max;
    };
    explicit Limiter(const Options& options);

    // One request. Only if the subjects are limited.
    [[nodiscard]] Verdict take(const Subjects& subjects, Now now);
    // What the quota of a tenant says now.
    [[nodiscard]] Usage usage_of(const contract::Tenant& tenant, Now now) const;

    // Whether one of the limits is of streams; then `places` knows in which counts it would be.
    [[nodiscard]] bool limits_streams(const Subjects& subjects, StreamPlaces& places) const;
    // Takes a place in each. Nothing: done; else whose limit is reached, and no place is taken.
    [[nodiscard]] std::optional<LimitScope> enter_stream(const Subjects& subjects,
                                                         StreamPlaces& places);
    // The same for a stream that is not refused any more. May be called twice.
    void count_stream(StreamPlaces& places);
    void leave_stream(StreamPlaces& places);
    [[nodiscard]] std::uint32_t streams_of(const contract::Tenant& tenant) const;

    // By the janitor, again and again.
    void sweep(Now now);
    [[nodiscard]] const CounterTable& table() const { return table_; }

  private:
    // A subject with a quota or a rate.
    struct Claim {
        LimitScope scope = LimitScope::tenant;
        const contract::Limits* limits = nullptr;
        SlotHandle counter;
        std::uint32_t window_start = 0;  // in which it was counted
    };
    struct Claims {
        std::array<Claim, 4> all;
        std::size_t size = 0;
    };
    enum class Taking : std::uint8_t { taken, refused, lost };

    [[nodiscard]] SubjectKey key_of(const Subjects& subjects, LimitScope scope) const;
    [[nodiscard]] Claims claims_of(const Subjects& subjects, Now now, Verdict& verdict);
    [[nodiscard]] bool look(const Claims& claims, Now now, Verdict& verdict) const;
    [[nodiscard]] Taking take_all(Claims& claims, Now now, Verdict& verdict) const;
    [[nodiscard]] bool take_one(Claim& claim, Now now, Verdict& verdict) const;
    [[nodiscard]] bool take_rate(const Claim& claim, Now now, Verdict& verdict) const;
    void give_back(const Claim& claim) const;
    void give_back_rate(const Claim& claim) const;

    CounterTable table_;
    SessionCounts streams_;
};

}  // namespace mcpgw::limit
