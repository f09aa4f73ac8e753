// The clocks of the machine.
#include "common/time.h"

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

}  // namespace mcpgw
