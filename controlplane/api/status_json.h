// What `status` says of an adapter or tool (CONTRACT section 4), from what was observed.
//
// Pure. The reason of the first instance that is not ready is part of `replicaStatus`, so that one
// line tells what is wrong. While `observedVersion` is below `version`, nobody has looked since the
// last change, and all else is about the definition before it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"
#include "controlplane/reconcile/conditions.h"

namespace mcpgw::api {

[[nodiscard]] std::string status_json(const model::Adapter& adapter,
                                      const std::vector<deploy::InstanceStatus>& instances,
                                      const std::vector<reconcile::Condition>& conditions,
                                      std::uint64_t observed_version);

}  // namespace mcpgw::api
