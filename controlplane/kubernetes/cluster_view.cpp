// Pod by pod; then the ordinals that have none.
#include "controlplane/kubernetes/cluster_view.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "common/limits.h"
#include "controlplane/deploy/probe.h"
#include "controlplane/kubernetes/pod_reason.h"

namespace mcpgw::kubernetes {
namespace {

using deploy::InstanceStatus;

// N of the name NAME-N, in the only way that it is written.
std::optional<std::uint32_t> ordinal_of(const std::string& pod, const std::string& adapter) {
    if (!pod.starts_with(adapter + "-")) return {};
    const char* begin = pod.data() + adapter.size() + 1;
    const char* end = pod.data() + pod.size();
    std::uint32_t ordinal = 0;
    const auto [stop, error] = std::from_chars(begin, end, ordinal);
    if (error != std::errc() || stop != end || pod_name(adapter, ordinal) != pod) return {};
    return ordinal;
}

// The endpoint of this incarnation of the pod; of two families IPv4, so that it never jumps.
const SeenEndpoint* endpoint_of(const SeenPod& pod, const SeenAdapter& seen) {
    const SeenEndpoint* best = nullptr;
    for (const auto& [name, slice] : seen.slices)
        for (const SeenEndpoint& endpoint : slice.endpoints) {
            if (endpoint.pod_uid != pod.uid) continue;
            if (best == nullptr || !slice.is_ipv6) best = &endpoint;
            if (!slice.is_ipv6) return best;
        }
    return best;
}

std::string authority_of(const Plan& plan, const std::string& pod, std::uint16_t port) {
    return pod + "." + service_name(plan.adapter.name) + "." + plan.options.namespace_name +
           ".svc:" + std::to_string(port);
}

bool is_present_definition(const Plan& plan, const SeenAdapter& seen) {
    return seen.stateful_set && seen.stateful_set->definition == definition_hash(plan) &&
           seen.stateful_set->observed_generation >= seen.stateful_set->generation;
}

std::uint64_t since_of(const SeenPod& pod, bool is_serving) {
    if (is_serving && pod.ready_changed_unix_ms != 0) return pod.ready_changed_unix_ms;
    if (pod.is_running && pod.running_since_unix_ms != 0)
        return std::max(pod.running_since_unix_ms, pod.ready_changed_unix_ms);
    if (pod.last_ended.at_unix_ms != 0) return pod.last_ended.at_unix_ms;
    return pod.created_unix_ms;
}

InstanceStatus status_of(const Plan& plan, const SeenPod& pod, const SeenAdapter& seen) {
    const SeenEndpoint* endpoint = endpoint_of(pod, seen);
    const bool is_terminating =
        pod.is_deleting || (endpoint != nullptr && endpoint->is_terminating);
    const bool has_ended = pod.phase == "Failed" || pod.phase == "Succeeded";
    const bool is_serving =
        endpoint != nullptr && endpoint->is_serving && pod.is_running && !has_ended;
    InstanceStatus status;
    status.name = pod.name;
    status.uid = pod.uid;
    if (pod.restarts > 0) status.uid += "#" + std::to_string(pod.restarts);
    status.host = endpoint != nullptr ? endpoint->address : pod.ip;
    status.port = endpoint != nullptr ? endpoint->port : plan.adapter.port;
    status.alive = pod.is_running && !has_ended && !status.host.empty();
    status.ready = is_serving && !is_terminating;
    status.draining = is_serving && is_terminating;
    status.stopping = is_terminating && !is_serving;
    status.authority = authority_of(plan, pod.name, status.port);
    status.path = plan.adapter.path;
    if (!status.host.empty()) status.address = deploy::address_text(status.host, status.port);
    status.restarts = pod.restarts;
    status.reason = reason_of_pod(pod, seen, is_serving);
    status.in_trouble = !is_serving && !is_terminating && !is_usual(status.reason);
    status.since_unix_ms = since_of(pod, is_serving);
    return status;
}

InstanceStatus missing_status(const Plan& plan, std::uint32_t ordinal, const SeenAdapter& seen) {
    InstanceStatus status;
    status.name = pod_name(plan.adapter.name, ordinal);
    status.updated = false;
    status.path = plan.adapter.path;
    status.reason = reason_of_missing_pod(seen);
    status.in_trouble = !is_usual(status.reason);
    return status;
}

}  // namespace

std::vector<InstanceStatus> view_of(const Plan& plan, const SeenAdapter& seen) {
    const bool is_present = is_present_definition(plan, seen);
    std::map<std::uint32_t, InstanceStatus> by_ordinal;
    for (const auto& [name, pod] : seen.pods) {
        const auto ordinal = ordinal_of(name, plan.adapter.name);
        if (!ordinal || by_ordinal.size() >= limits::replicas_max) continue;
        InstanceStatus status = status_of(plan, pod, seen);
        status.updated = is_present && pod.revision == seen.stateful_set->update_revision;
        by_ordinal.emplace(*ordinal, std::move(status));
    }
    for (std::uint32_t ordinal = 0; ordinal < plan.adapter.replica_count; ++ordinal)
        if (!by_ordinal.contains(ordinal))
            by_ordinal.emplace(ordinal, missing_status(plan, ordinal, seen));
    std::vector<InstanceStatus> statuses;
    for (auto& [ordinal, status] : by_ordinal)
        statuses.push_back(std::move(status));
    return statuses;
}

bool is_rolled_out(const Plan& plan, const SeenAdapter& seen) {
    if (!is_present_definition(plan, seen)) return false;
    const std::vector<InstanceStatus> statuses = view_of(plan, seen);
    return statuses.size() == plan.adapter.replica_count &&
           std::ranges::all_of(statuses, [](const InstanceStatus& status) {
               return status.ready && status.updated;
           });
}

}  // namespace mcpgw::kubernetes
