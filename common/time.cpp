// The clocks of the machine, and RFC 3339.
#include "common/time.h"

#include <array>
#include <cstdio>

#include <time.h>

namespace mcpgw {
namespace {

timespec read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now;
}

}  // namespace

Nanos monotonic_now() {
    const timespec now = read_clock(CLOCK_MONOTONIC);
    return static_cast<Nanos>(now.tv_sec) * kSecond + static_cast<Nanos>(now.tv_nsec);
}

std::uint64_t unix_seconds_now() {
    return static_cast<std::uint64_t>(read_clock(CLOCK_REALTIME).tv_sec);
}

std::uint64_t unix_millis_now() {
    const timespec now = read_clock(CLOCK_REALTIME);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::string rfc3339(std::uint64_t unix_millis) {
    const auto seconds = static_cast<time_t>(unix_millis / 1000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<int>(unix_millis % 1000));
    return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace mcpgw
