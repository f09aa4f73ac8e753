// Counting, and keeping the time of what did not change.
#include "controlplane/reconcile/conditions.h"

#include <algorithm>
#include <utility>

namespace mcpgw::reconcile {
namespace {

using deploy::InstanceStatus;

std::string of_wanted(std::size_t count, std::size_t wanted, const char* what) {
    return std::to_string(count) + " of " + std::to_string(wanted) + " " + what;
}

std::size_t count(const std::vector<InstanceStatus>& all, bool InstanceStatus::* what) {
    return static_cast<std::size_t>(std::ranges::count_if(all, what));
}

Condition ready(const Situation& now, std::size_t wanted) {
    const std::size_t ready = count(now.instances, &InstanceStatus::ready);
    const bool holds = ready >= wanted;
    return {"Ready", holds, holds ? "Available" : "NotEnoughReady",
            of_wanted(ready, wanted, "ready"), 0};
}

Condition progressing(const Situation& now, std::size_t wanted) {
    if (now.is_done) return {"Progressing", false, "Complete", "", 0};
    const std::size_t updated = count(now.instances, &InstanceStatus::updated);
    if (updated < wanted)
        return {"Progressing", true, "RollingOut", of_wanted(updated, wanted, "updated"), 0};
    if (now.instances.size() > wanted)
        return {"Progressing", true, "RemovingOld",
                std::to_string(now.instances.size() - wanted) + " more to be stopped", 0};
    return {"Progressing", true, "WaitingForReadiness",
            of_wanted(count(now.instances, &InstanceStatus::ready), wanted, "ready"), 0};
}

Condition degraded(const Situation& now) {
    if (!now.trouble.reason.empty())
        return {"Degraded", true, now.trouble.reason, now.trouble.message, 0};
    const auto sick = std::ranges::find_if(now.instances, &InstanceStatus::in_trouble);
    if (sick != now.instances.end())
        return {"Degraded", true, "InstanceFailing", sick->name + ": " + sick->reason, 0};
    return {"Degraded", false, "AsExpected", "", 0};
}

}  // namespace

std::vector<Condition> conditions_of(const Situation& situation,
                                     const std::vector<Condition>& before,
                                     std::uint64_t now_unix_ms) {
    // A server that already runs is one, whatever replicaCount says.
    const bool is_remote = situation.desired.source() == model::Source::url;
    const std::size_t wanted = is_remote ? 1 : situation.desired.replica_count;
    std::vector<Condition> all = {ready(situation, wanted), progressing(situation, wanted),
                                  degraded(situation)};
    for (Condition& one : all) {
        const auto old = std::ranges::find(before, one.type, &Condition::type);
        const bool is_same = old != before.end() && old->holds == one.holds;
        one.transition_unix_ms = is_same ? old->transition_unix_ms : now_unix_ms;
    }
    return all;
}

}  // namespace mcpgw::reconcile
