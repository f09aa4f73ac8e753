// One parameter of a comma-separated list; whatever cannot be read is as if it were not there.
#include "dataplane/backend/keep_alive.h"

#include <algorithm>
#include <charconv>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::backend {
namespace {

constexpr std::string_view kTimeout = "timeout=";

// A whole second earlier; of a single second, half.
std::uint32_t below(std::uint32_t seconds) {
    if (seconds == 0) return 0;
    return seconds == 1 ? 500 : (seconds - 1) * 1000;
}

}  // namespace

std::uint32_t idle_time_ms(std::string_view keep_alive) {
    std::uint32_t idle_ms = limits::backend_idle_timeout_ms;
    while (!keep_alive.empty()) {
        const std::size_t end = std::min(keep_alive.find(','), keep_alive.size());
        const std::string_view item = without_blanks(keep_alive.substr(0, end));
        keep_alive.remove_prefix(std::min(end + 1, keep_alive.size()));
        if (!starts_with_ignoring_case(item, kTimeout)) continue;
        const char* const last = item.data() + item.size();
        std::uint32_t seconds = 0;
        const auto read = std::from_chars(item.data() + kTimeout.size(), last, seconds);
        if (read.ec != std::errc() || read.ptr != last) continue;
        if (seconds < idle_ms / 1000 + 1) idle_ms = std::min(idle_ms, below(seconds));
    }
    return idle_ms;
}

}  // namespace mcpgw::backend
