// A rate with a burst as one word: the generic cell rate algorithm (ITU-T I.371).
//
// The word is the time at which everything that was let through is paid for, in nanoseconds of
// CLOCK_MONOTONIC; each request adds its price. A request may pass if the debt afterwards is at
// most a burst. A word further in the future than any debt (the limit has become lower) counts as
// a full debt, so a change holds at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/contract/access.h"
#include "common/limits.h"
#include "common/time.h"

namespace mcpgw::limit {

class Rate {
  public:
    // Of a limit that has a rate.
    explicit constexpr Rate(const contract::Limits& limits)
        : price_(kSecond / limits.requests_per_second), burst_(limits.burst) {
        const std::uint64_t least =
            std::uint64_t{limits.requests_per_second} * limits::rate_burst_ms_min / 1000;
        debt_max_ = std::max<std::uint64_t>({burst_, least, 1}) * price_;
    }

    // The word after one more request; nothing: it has to wait.
    [[nodiscard]] constexpr std::optional<Nanos> add(Nanos word, Nanos now) const {
        const Nanos debt = debt_at(word, now) + price_;
        return debt <= debt_max_ ? std::optional(now + debt) : std::nullopt;
    }
    // The word without one request that was let through.
    [[nodiscard]] constexpr Nanos without(Nanos word) const {
        return word - std::min(word, price_);
    }
    // Until one more may pass; 0: now.
    [[nodiscard]] constexpr Nanos wait(Nanos word, Nanos now) const {
        const Nanos debt = debt_at(word, now) + price_;
        return debt > debt_max_ ? debt - debt_max_ : 0;
    }
    // Requests that may pass now.
    [[nodiscard]] constexpr std::uint64_t left(Nanos word, Nanos now) const {
        return std::min<std::uint64_t>((debt_max_ - debt_at(word, now)) / price_, burst_);
    }
    // Until nothing is owed.
    [[nodiscard]] constexpr Nanos debt_at(Nanos word, Nanos now) const {
        return word <= now ? 0 : std::min(word - now, debt_max_);
    }

  private:
    Nanos price_;
    std::uint64_t burst_;
    Nanos debt_max_ = 0;
};

}  // namespace mcpgw::limit
