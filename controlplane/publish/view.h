// What the data plane needs to know of an adapter: desired and observed state in one.
#pragma once

#include <vector>

#include "common/contract/snapshot.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::publish {

// Instances whose server lives, ready or not; a session of one that is left out is lost. The
// adapter is there even if none lives. Headers whose value is a secret are left out: there is no
// store of secrets yet.
[[nodiscard]] contract::Adapter view_of(const model::Adapter& adapter,
                                        const std::vector<deploy::InstanceStatus>& instances);

}  // namespace mcpgw::publish
