// From what the cluster says about an adapter to what is known of its instances.
//
// Pure. An instance is a pod; its uid is that of the pod, and changes when the container in it is
// started again, because its sessions went with the process. Readiness and address come from
// EndpointSlices (`serving`, so that publishNotReadyAddresses does not matter); while there is no
// slice the pod's own address keeps its sessions reachable. A pod that terminates and still serves
// is draining: no new sessions. Desired instances without a pod are told too.
#pragma once

#include <vector>

#include "controlplane/deploy/instance_status.h"
#include "controlplane/kubernetes/objects.h"
#include "controlplane/kubernetes/seen.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::kubernetes {

// By ordinal.
[[nodiscard]] std::vector<deploy::InstanceStatus> view_of(const Plan& plan,
                                                          const SeenAdapter& seen);

// The rollout of the present definition is complete, as far as the cluster says.
[[nodiscard]] bool is_rolled_out(const Plan& plan, const SeenAdapter& seen);

}  // namespace mcpgw::kubernetes
