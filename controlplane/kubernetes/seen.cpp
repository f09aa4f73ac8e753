// Member by member, with the defaults of the API documentation.
#include "controlplane/kubernetes/seen.h"

#include <algorithm>

#include <arpa/inet.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/failure.h"
#include "controlplane/kubernetes/objects.h"
#include "controlplane/kubernetes/tree.h"

namespace mcpgw::kubernetes {
namespace {

bool is_present(const picojson::value& object, Path path) {
    return !node_at(object, path).is<picojson::null>();
}

bool is_deleting(const picojson::value& object) {
    return is_present(object, {"metadata", "deletionTimestamp"});
}

std::string message_at(const picojson::value& object, Path path) {
    return bounded_text(text_at(object, path), limits::kubernetes_message_bytes_max);
}

std::uint64_t count_at(const picojson::value& object, Path path) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_at(object, path)));
}

std::uint64_t time_at(const picojson::value& object, Path path) {
    return unix_millis_of_rfc3339(text_at(object, path)).value_or(0);
}

void read_conditions(const picojson::value& object, SeenPod& pod) {
    for (const picojson::value& condition : array_at(object, {"status", "conditions"})) {
        const std::string& type = text_at(condition, {"type"});
        const bool is_true = text_at(condition, {"status"}) == "True";
        if (type == "Ready") {
            pod.is_ready = is_true;
            pod.ready_changed_unix_ms = time_at(condition, {"lastTransitionTime"});
            if (!is_true) pod.unready_reason = message_at(condition, {"reason"});
        }
        if (type == "PodScheduled" && !is_true) {
            pod.unscheduled_reason = message_at(condition, {"reason"});
            pod.unscheduled_message = message_at(condition, {"message"});
        }
    }
}

SeenEnd seen_end(const picojson::value& status, std::string_view member) {
    SeenEnd end;
    const picojson::value& found = node_at(status, {member, "terminated"});
    end.happened = found.is<picojson::object>();
    end.reason = message_at(found, {"reason"});
    end.message = message_at(found, {"message"});
    end.exit_code = number_at(found, {"exitCode"});
    end.at_unix_ms = time_at(found, {"finishedAt"});
    return end;
}

void read_container(const picojson::value& status, SeenPod& pod) {
    pod.image = message_at(status, {"image"});
    pod.restarts = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count_at(status, {"restartCount"}), UINT32_MAX));
    pod.is_running = is_present(status, {"state", "running"});
    pod.running_since_unix_ms = time_at(status, {"state", "running", "startedAt"});
    pod.waiting_reason = message_at(status, {"state", "waiting", "reason"});
    pod.waiting_message = message_at(status, {"state", "waiting", "message"});
    pod.ended = seen_end(status, "state");
    pod.last_ended = seen_end(status, "lastState");
}

bool is_numeric(const std::string& address, bool is_ipv6) {
    in6_addr parsed{};
    return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address.c_str(), &parsed) == 1;
}

std::string address_of(const picojson::value& pod) {
    std::string address;
    for (const picojson::value& one : array_at(pod, {"status", "podIPs"})) {
        const std::string& ip = text_at(one, {"ip"});
        if (is_numeric(ip, false)) return ip;
        if (is_numeric(ip, true)) address = ip;
    }
    return address;
}

std::uint16_t port_of(const picojson::value& slice) {
    for (const picojson::value& one : array_at(slice, {"ports"})) {
        const std::int64_t number = number_at(one, {"port"});
        if (text_at(one, {"name"}) == kPortName && number > 0 && number <= UINT16_MAX)
            return static_cast<std::uint16_t>(number);
    }
    return 0;
}

}  // namespace

Ownership ownership_of(const picojson::value& object) {
    Ownership owner;
    owner.adapter = text_at(object, {"metadata", "annotations", kResourceAnnotation});
    owner.installation = text_at(object, {"metadata", "annotations", kInstallationAnnotation});
    owner.is_managed = !owner.adapter.empty() &&
                       text_at(object, {"metadata", "labels", kManagedByLabel}) == kFieldManager;
    return owner;
}

SeenStatefulSet seen_stateful_set(const picojson::value& object) {
    SeenStatefulSet set;
    set.name = text_at(object, {"metadata", "name"});
    set.uid = text_at(object, {"metadata", "uid"});
    set.owner = ownership_of(object);
    set.definition = text_at(object, {"metadata", "annotations", kDefinitionAnnotation});
    set.generation = count_at(object, {"metadata", "generation"});
    set.observed_generation = count_at(object, {"status", "observedGeneration"});
    set.replicas = count_at(object, {"spec", "replicas"});
    set.update_revision = text_at(object, {"status", "updateRevision"});
    set.is_deleting = is_deleting(object);
    return set;
}

SeenPod seen_pod(const picojson::value& object) {
    SeenPod pod;
    pod.name = text_at(object, {"metadata", "name"});
    pod.uid = text_at(object, {"metadata", "uid"});
    pod.adapter = text_at(object, {"metadata", "labels", kAdapterNameLabel});
    pod.revision = text_at(object, {"metadata", "labels", "controller-revision-hash"});
    for (const picojson::value& owner : array_at(object, {"metadata", "ownerReferences"}))
        if (boolean_at(owner, {"controller"})) pod.owner_uid = text_at(owner, {"uid"});
    pod.is_deleting = is_deleting(object);
    pod.created_unix_ms = time_at(object, {"metadata", "creationTimestamp"});
    pod.phase = text_at(object, {"status", "phase"});
    pod.reason = message_at(object, {"status", "reason"});
    pod.message = message_at(object, {"status", "message"});
    pod.ip = address_of(object);
    read_conditions(object, pod);
    for (const picojson::value& status : array_at(object, {"status", "containerStatuses"}))
        if (text_at(status, {"name"}) == kContainerName) read_container(status, pod);
    return pod;
}

SeenSlice seen_slice(const picojson::value& object) {
    SeenSlice slice;
    slice.name = text_at(object, {"metadata", "name"});
    slice.adapter = text_at(object, {"metadata", "labels", kAdapterNameLabel});
    const std::string& type = text_at(object, {"addressType"});
    slice.is_ipv6 = type == "IPv6";
    if (!slice.is_ipv6 && type != "IPv4") return slice;
    const std::uint16_t port = port_of(object);
    for (const picojson::value& one : array_at(object, {"endpoints"})) {
        SeenEndpoint endpoint;
        // All addresses of an endpoint are the same server by definition; clients use the first.
        const picojson::array& addresses = array_at(one, {"addresses"});
        if (addresses.empty() || text_at(one, {"targetRef", "kind"}) != "Pod") continue;
        endpoint.address = text_at(addresses.front(), {});
        if (port == 0 || !is_numeric(endpoint.address, slice.is_ipv6)) continue;
        endpoint.pod = text_at(one, {"targetRef", "name"});
        endpoint.pod_uid = text_at(one, {"targetRef", "uid"});
        endpoint.port = port;
        const bool is_ready = boolean_at(one, {"conditions", "ready"}, true);
        endpoint.is_serving = boolean_at(one, {"conditions", "serving"}, is_ready);
        endpoint.is_terminating = boolean_at(one, {"conditions", "terminating"});
        slice.endpoints.push_back(std::move(endpoint));
    }
    return slice;
}

SeenEvent seen_event(const picojson::value& object) {
    SeenEvent event;
    event.name = text_at(object, {"metadata", "name"});
    event.object_name = text_at(object, {"involvedObject", "name"});
    event.object_uid = text_at(object, {"involvedObject", "uid"});
    event.reason = message_at(object, {"reason"});
    event.message = message_at(object, {"message"});
    event.at_unix_ms = time_at(object, {"series", "lastObservedTime"});
    if (event.at_unix_ms == 0) event.at_unix_ms = time_at(object, {"lastTimestamp"});
    if (event.at_unix_ms == 0) event.at_unix_ms = time_at(object, {"eventTime"});
    if (event.at_unix_ms == 0)
        event.at_unix_ms = time_at(object, {"metadata", "creationTimestamp"});
    return event;
}

}  // namespace mcpgw::kubernetes
