// The times for which an instance is closed.
#include "dataplane/route/instance_health.h"

#include <algorithm>

#include "common/limits.h"

namespace mcpgw {

// What was under way when it was closed fails, too, and tells nothing new; only on trial does it
// count.
bool InstanceHealth::note_failure(std::uint32_t now) {
    const std::uint32_t closed_until = closed_until_.load(std::memory_order_relaxed);
    const bool on_trial = (closed_until & kOnTrial) != 0;
    if (!on_trial && now < closed_until) return false;
    const std::uint32_t failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (failures < limits::ejection_failures) return false;
    const std::uint32_t doublings =
        std::min(failures - limits::ejection_failures, limits::ejection_doublings_max);
    closed_until_.store(now + (limits::ejection_seconds << doublings), std::memory_order_relaxed);
    return true;
}

bool InstanceHealth::admit(std::uint32_t now) {
    std::uint32_t until = closed_until_.load(std::memory_order_relaxed);
    if (until == 0) return true;
    if (now < (until & ~kOnTrial)) return false;
    return closed_until_.compare_exchange_strong(until, (now + 1) | kOnTrial,
                                                 std::memory_order_relaxed);
}

}  // namespace mcpgw
