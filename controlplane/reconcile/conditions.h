// What is so with an adapter as a whole, and since when: the conditions of `status`.
//
// Pure. There are always the same three, each True or False, in the way of Kubernetes' conditions:
// Ready (as many instances are ready as are wanted), Progressing (something is still to be started,
// replaced or stopped) and Degraded (something is wrong, with the adapter as a whole or with an
// instance; it says what). `reason` is one word for programs, `message` is for people. Kept by
// Observations, decided by the reconciler after every step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::reconcile {

struct Condition {
    std::string type;
    bool holds = false;
    std::string reason;
    std::string message;                   // may be empty
    std::uint64_t transition_unix_ms = 0;  // when `holds` changed last
    bool operator==(const Condition&) const = default;
};

struct Situation {
    const model::Adapter& desired;
    const std::vector<deploy::InstanceStatus>& instances;
    bool is_done = false;     // deploy::Step
    deploy::Trouble trouble;  // with the adapter as a whole
};

// `before` are the conditions until now, empty at first.
[[nodiscard]] std::vector<Condition> conditions_of(const Situation& situation,
                                                   const std::vector<Condition>& before,
                                                   std::uint64_t now_unix_ms);

}  // namespace mcpgw::reconcile
