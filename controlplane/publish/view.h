// What the data plane needs to know of an adapter: desired and observed state in one.
//
// Pure. Decides which instances are listed, and so which sessions are lost: one that is left out is
// gone for good. How the result travels is publisher.h's business.
#pragma once

#include <vector>

#include "common/contract/snapshot.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::publish {

// Instances whose server lives, in whatever state; the adapter is there even if none does. Headers
// that still name a secret are left out: whoever calls puts the values in (secrets/).
[[nodiscard]] contract::Adapter view_of(const model::Adapter& adapter,
                                        const std::vector<deploy::InstanceStatus>& instances);

}  // namespace mcpgw::publish
