// The value of Date for answers that come without one (RFC 9110 section 6.6.1), kept as text.
//
// The clock is read again when the text is older than a tenth of a second, so a busy worker formats
// it ten times a second and not once an answer. One per worker.
#pragma once

#include <array>
#include <string_view>

#include "common/time.h"
#include "dataplane/io/ring.h"

namespace mcpgw::client {

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7).
using DateText = std::array<char, 29>;
[[nodiscard]] DateText http_date(std::uint64_t unix_seconds);

class DateClock {
  public:
    explicit DateClock(const io::Ring& ring) : ring_(ring) {}
    // `now` is the time of the tick; the view lives until the next call.
    [[nodiscard]] std::string_view text(Nanos now) {
        if (now >= good_until_) read_clock(now);
        return {text_.data(), text_.size()};
    }

  private:
    void read_clock(Nanos now);

    const io::Ring& ring_;
    Nanos good_until_ = 0;
    std::uint64_t unix_seconds_ = 0;
    DateText text_{};
};

}  // namespace mcpgw::client
