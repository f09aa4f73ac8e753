// What the data plane tells the control plane while it serves.
//
// Events are frames (frames.h) of their own type; they are news, not state: none is acknowledged,
// and one that is lost while the planes are apart is made up for by what is observed next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::contract {

// Traffic met an instance that refused, reset or timed out. The control plane looks at it at once.
struct InstanceFailure {
    std::string adapter;
    std::uint64_t instance = 0;  // Instance::id
    std::string reason;          // a code_name()
};

[[nodiscard]] std::string encode(const InstanceFailure& event);  // "type":"instance_failure"
[[nodiscard]] Result<InstanceFailure> decode_instance_failure(std::string_view json);

}  // namespace mcpgw::contract
