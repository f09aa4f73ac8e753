// Time as numbers with a unit in their type.
//
// Nanos is a point or distance on the monotonic clock of the machine; only io/ (and the control
// plane's own clock) reads the clock, everyone else is told the time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mcpgw {

using Nanos = std::uint64_t;

inline constexpr Nanos kMicrosecond = 1000;
inline constexpr Nanos kMillisecond = 1000 * kMicrosecond;
inline constexpr Nanos kSecond = 1000 * kMillisecond;
inline constexpr Nanos kNever = UINT64_MAX;

// CLOCK_MONOTONIC.
[[nodiscard]] Nanos monotonic_now();
// Seconds and milliseconds since 1970 (CLOCK_REALTIME).
[[nodiscard]] std::uint64_t unix_seconds_now();
[[nodiscard]] std::uint64_t unix_millis_now();
// RFC 3339 with milliseconds and Z, e.g. 2026-11-21T13:04:02.123Z.
[[nodiscard]] std::string rfc3339(std::uint64_t unix_millis);
// Milliseconds since 1970. The whole text is one time of RFC 3339 section 5.6, not before 1970, or
// nothing is answered. A leap second counts as the second after it; what is finer than a
// millisecond is cut off.
[[nodiscard]] std::optional<std::uint64_t> unix_millis_of_rfc3339(std::string_view text);

}  // namespace mcpgw
