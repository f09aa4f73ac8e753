// The value of Date for answers that come without one (RFC 9110 section 6.6.1), kept as text.
//
// It is written when the second has changed, not for every answer. One per worker.
#pragma once

#include <array>
#include <string_view>

#include "common/time.h"
#include "dataplane/io/wall_clock.h"

namespace mcpgw::client {

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7).
using DateText = std::array<char, 29>;
[[nodiscard]] DateText http_date(std::uint64_t unix_seconds);

class DateClock {
  public:
    explicit DateClock(io::WallClock& clock) : clock_(clock) {}
    // `now` is the time of the tick; the view lives until the next call.
    [[nodiscard]] std::string_view text(Nanos now) {
        const std::uint64_t seconds = clock_.unix_seconds(now);
        if (seconds != written_for_) write(seconds);
        return {text_.data(), text_.size()};
    }

  private:
    void write(std::uint64_t seconds);

    io::WallClock& clock_;
    std::uint64_t written_for_ = 0;
    DateText text_{};
};

}  // namespace mcpgw::client
