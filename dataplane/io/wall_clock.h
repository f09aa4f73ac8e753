// Seconds since 1970 for what need not know them to the instant: the date of an answer, whether a
// token is still good.
//
// The clock is asked again when the last answer is older than a tenth of a second, and not for each
// request. Owned by the worker's context. Windows of quotas ask the ring itself: all workers have
// to agree on when one begins.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "dataplane/io/ring.h"

namespace mcpgw::io {

class WallClock {
  public:
    explicit WallClock(const Ring& ring) : ring_(ring) {}

    // `now` is the time of the tick.
    [[nodiscard]] std::uint64_t unix_seconds(Nanos now) {
        if (now >= good_until_) {
            good_until_ = now + kGoodFor;
            seconds_ = ring_.unix_seconds();
        }
        return seconds_;
    }

  private:
    static constexpr Nanos kGoodFor = 100 * kMillisecond;

    const Ring& ring_;
    Nanos good_until_ = 0;
    std::uint64_t seconds_ = 0;
};

}  // namespace mcpgw::io
