// Points in time as people and files write them; writing them is `rfc3339` in common/time.h.
//
// Pure: the whole text is one time of RFC 3339 section 5.6, or nothing is answered. A leap second
// counts as the second after it, and what is finer than a millisecond is cut off.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mcpgw::model {

// Milliseconds since 1970; nothing for what is no time, or is before 1970.
[[nodiscard]] std::optional<std::uint64_t> unix_ms_of_rfc3339(std::string_view text);

}  // namespace mcpgw::model
