// Choosing an instance: two random ones among the ready, the less loaded wins.
//
// Two choices keep the fullest instance close to the average without looking at all of them, and
// without workers agreeing on anything. Randomness comes from the caller. Pure; never allocates.
#pragma once

#include <cstdint>

#include "dataplane/route/route_table.h"

namespace mcpgw {

// For a new session: fewer sessions, then fewer outstanding requests. `except` (an instance of this
// adapter, or nullptr) is not chosen: it has just failed. nullptr when no other one is ready.
[[nodiscard]] const Instance* pick_for_session(const Adapter& adapter, std::uint64_t random,
                                               const Instance* except = nullptr);

// For a request without a session: fewer outstanding requests.
[[nodiscard]] const Instance* pick_for_request(const Adapter& adapter, std::uint64_t random,
                                               const Instance* except = nullptr);

}  // namespace mcpgw
