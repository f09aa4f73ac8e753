// Choosing an instance: two random ones among the ready, the less loaded wins.
//
// Two choices keep the fullest instance close to the average without looking at all of them, and
// without workers agreeing on anything. Instances that fail are left out (instance_health.h) as
// long as there is another one. Randomness comes from the caller. Never allocates.
#pragma once

#include <cstdint>

#include "dataplane/route/route_table.h"

namespace mcpgw {

struct Choice {
    std::uint64_t random = 0;
    std::uint32_t now = 0;             // seconds of the monotonic clock
    const Instance* except = nullptr;  // of this adapter: is not chosen, because it has just failed
};

// For a new session: fewer sessions, then fewer outstanding requests. nullptr when none is ready.
[[nodiscard]] const Instance* pick_for_session(const Adapter& adapter, const Choice& choice);

// For a request without a session: fewer outstanding requests.
[[nodiscard]] const Instance* pick_for_request(const Adapter& adapter, const Choice& choice);

}  // namespace mcpgw
