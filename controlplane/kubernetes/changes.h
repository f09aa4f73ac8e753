// What has to be asked of the API server so that an adapter's objects are as they should be.
//
//   bring_up    look at StatefulSet and Service -> create what is missing (seeds) -> apply both
//   take_down   look at both -> delete what is ours
//
// Each call is one attempt, from the start, and idempotent: whoever repeats it gets there, wherever
// the attempt before it ended. Before anything is written the object has been looked at; what is
// not ours is never touched, and what is written or deleted carries the uid that was seen. What
// cannot change (422 on immutable fields) is deleted, and made again by the next attempt.
// Blocking; any thread; all contact with the world goes through `send`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/objects.h"

namespace mcpgw::kubernetes {

using Send = std::function<Outcome(const Call&)>;

// The outcome of one attempt.
struct Effect {
    enum class Kind : std::uint8_t {
        done,
        again,    // it is under way, or something was in the way that passes
        refused,  // somebody has to change something first
    };
    Kind kind = Kind::done;
    std::string trouble;         // for people; empty if there is nothing to say
    std::uint32_t after_ms = 0;  // not before that, if the server said so; 0: as usual
    // Of the StatefulSet, after bring_up is done.
    std::string uid;
    std::uint64_t generation = 0;
};

[[nodiscard]] Effect bring_up(const Plan& plan, const Send& send);
[[nodiscard]] Effect take_down(std::string_view adapter, const ObjectOptions& options,
                               const Send& send);

// The sentence that says which object of this name is not ours, if there is one. Nothing is also
// the answer when the API server cannot be asked.
[[nodiscard]] std::optional<std::string> find_foreign(std::string_view adapter,
                                                      const ObjectOptions& options,
                                                      const Send& send);

}  // namespace mcpgw::kubernetes
