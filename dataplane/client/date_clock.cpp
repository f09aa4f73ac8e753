// Days to years, months and weekdays, and the text of it.
#include "dataplane/client/date_clock.h"

#include <cstdio>
#include <cstring>

#include <time.h>

#include "common/check.h"

namespace mcpgw::client {
namespace {

constexpr Nanos kGoodFor = 100 * kMillisecond;
constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

DateText http_date(std::uint64_t unix_seconds) {
    const auto seconds = static_cast<time_t>(unix_seconds);
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> room{};
    const int size = std::snprintf(room.data(), room.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                                   kMonths[static_cast<std::size_t>(parts.tm_mon)],
                                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    DateText text{};
    check(size == static_cast<int>(text.size()), "a date before the year 10000");
    std::memcpy(text.data(), room.data(), text.size());
    return text;
}

void DateClock::write(std::uint64_t seconds) {
    written_for_ = seconds;
    text_ = http_date(seconds);
}

}  // namespace mcpgw::client
