// Counting instances, and saying in words what is wrong.
#include "controlplane/api/status_json.h"

#include <algorithm>

#include "common/json_writer.h"
#include "common/time.h"

namespace mcpgw::api {
namespace {

using deploy::InstanceStatus;

// A server that already runs is one, whatever replicaCount says.
std::uint64_t desired_instances(const model::Adapter& adapter) {
    return adapter.source() == model::Source::url ? 1 : adapter.replica_count;
}

std::string image_of(const model::Adapter& adapter) {
    if (adapter.source() != model::Source::image) return "Unknown";
    return adapter.image_name + ":" + adapter.image_version;
}

std::string replica_status(std::uint64_t ready, std::uint64_t desired,
                           const std::vector<InstanceStatus>& instances) {
    if (ready >= desired) return "Healthy";
    std::string text =
        "Degraded: " + std::to_string(ready) + "/" + std::to_string(desired) + " ready";
    const auto sick = std::find_if(instances.begin(), instances.end(),
                                   [](const InstanceStatus& instance) { return !instance.ready; });
    if (sick != instances.end() && !sick->reason.empty())
        text += ", " + sick->name + ": " + sick->reason;
    else if (sick == instances.end())
        text += ", waiting to be started";
    return text;
}

void write_instance(JsonWriter& out, const InstanceStatus& instance) {
    out.object();
    out.key("name").string(instance.name);
    out.key("ready").boolean(instance.ready);
    out.key("address");
    if (instance.address.empty())
        out.null();
    else
        out.string(instance.address);
    out.key("updated").boolean(instance.updated);
    out.key("restarts").number(std::uint64_t{instance.restarts});
    out.key("reason").string(instance.reason);
    out.key("since");
    if (instance.since_unix_ms == 0)
        out.null();
    else
        out.string(rfc3339(instance.since_unix_ms));
    out.end();
}

void write_condition(JsonWriter& out, const reconcile::Condition& condition) {
    out.object();
    out.key("type").string(condition.type);
    out.key("status").string(condition.holds ? "True" : "False");
    out.key("reason").string(condition.reason);
    out.key("message").string(condition.message);
    out.key("lastTransitionTime").string(rfc3339(condition.transition_unix_ms));
    out.end();
}

}  // namespace

std::string status_json(const model::Adapter& adapter, const std::vector<InstanceStatus>& instances,
                        const std::vector<reconcile::Condition>& conditions,
                        std::uint64_t observed_version) {
    std::uint64_t ready = 0;
    std::uint64_t updated = 0;
    for (const InstanceStatus& instance : instances) {
        ready += instance.ready ? 1 : 0;
        updated += instance.updated ? 1 : 0;
    }
    JsonWriter out;
    out.object();
    out.key("readyReplicas").number(ready);
    out.key("updatedReplicas").number(updated);
    out.key("availableReplicas").number(ready);
    out.key("image").string(image_of(adapter));
    out.key("replicaStatus").string(replica_status(ready, desired_instances(adapter), instances));
    out.key("desiredReplicas").number(desired_instances(adapter));
    out.key("version").number(adapter.version);
    out.key("observedVersion").number(observed_version);
    out.key("conditions").array();
    for (const reconcile::Condition& condition : conditions)
        write_condition(out, condition);
    out.end();
    out.key("instances").array();
    for (const InstanceStatus& instance : instances)
        write_instance(out, instance);
    out.end();
    out.end();
    return out.take();
}

}  // namespace mcpgw::api
