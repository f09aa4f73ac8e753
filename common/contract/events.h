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

// This data plane has nothing on an instance that is to drain: no session, no request under way,
// and no worker that would still give it one. Said again and again while it is so.
struct InstanceDrained {
    std::string adapter;
    std::uint64_t instance = 0;  // Instance::id
    std::uint64_t version = 0;   // of the snapshot in force, in which the instance drains
};

// A token names a key that is not among those of its issuer. The control plane asks the issuer, at
// most once in limits::issuer_refetch_ms.
struct UnknownKey {
    std::string issuer;
};

[[nodiscard]] std::string encode(const UnknownKey& event);  // "type":"unknown_key"
[[nodiscard]] Result<UnknownKey> decode_unknown_key(std::string_view json);
[[nodiscard]] std::string encode(const InstanceDrained& event);  // "type":"instance_drained"
[[nodiscard]] Result<InstanceDrained> decode_instance_drained(std::string_view json);
[[nodiscard]] std::string encode(const InstanceFailure& event);  // "type":"instance_failure"
[[nodiscard]] Result<InstanceFailure> decode_instance_failure(std::string_view json);

}  // namespace mcpgw::contract
