// Why a pod is not ready, in words for the people who made the adapter.
//
// Pure. In the manner of deploy/instance_status.h: "starting", "ready", "draining", "cannot be
// scheduled: 0/3 nodes are available: 3 Insufficient cpu.", "exited with status 1, restarting with
// growing pauses (4 restarts)". Texts of the cluster are cited only where they are about the
// adapter; they are bounded when they are read (seen.h).
#pragma once

#include <string>

#include "controlplane/kubernetes/seen.h"

namespace mcpgw::kubernetes {

// `events` are the warnings of its adapter. `is_serving`: as its EndpointSlice says.
[[nodiscard]] std::string reason_of_pod(const SeenPod& pod, const SeenAdapter& seen,
                                        bool is_serving);
// Why there is no pod: the reason of the StatefulSet's last failure to make one, if any.
// That of a pod that only takes its time, or of none that is still to come.
[[nodiscard]] bool is_usual(std::string_view reason);

[[nodiscard]] std::string reason_of_missing_pod(const SeenAdapter& seen);

// "exited with status 3", "killed by signal 9", "ran out of memory and was killed"
[[nodiscard]] std::string end_text(const SeenEnd& end);

}  // namespace mcpgw::kubernetes
