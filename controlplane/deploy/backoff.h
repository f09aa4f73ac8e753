// How long to wait before the next start of a server that keeps ending.
//
// Doubles from `first_ms` to `last_ms`, scattered by a fifth either way so that servers which died
// together do not come back together. Pure: the random number comes from outside.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/time.h"

namespace mcpgw::deploy {

class Backoff {
  public:
    Backoff(std::uint32_t first_ms, std::uint32_t last_ms)
        : first_ms_(first_ms), last_ms_(last_ms), next_ms_(first_ms) {}

    [[nodiscard]] Nanos next(std::uint64_t random) {
        const std::uint64_t base = next_ms_ * kMillisecond;
        next_ms_ = std::min<std::uint64_t>(next_ms_ * 2, last_ms_);
        const std::uint64_t span = base / 5 * 2;
        return base - base / 5 + (span == 0 ? 0 : random % span);
    }
    void reset() { next_ms_ = first_ms_; }

  private:
    std::uint64_t first_ms_;
    std::uint64_t last_ms_;
    std::uint64_t next_ms_;
};

}  // namespace mcpgw::deploy
