// What `status` says of an adapter (CONTRACT section 4), from what was observed.
#pragma once

#include <string>
#include <vector>

#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::api {

[[nodiscard]] std::string status_json(const model::Adapter& adapter,
                                      const std::vector<deploy::InstanceStatus>& instances);

}  // namespace mcpgw::api
