// What is kept of the cluster's objects: the members that cluster_view.h and the writers need.
//
// Pure projections from the JSON of the API server; everything else of an object is forgotten at
// once, so that memory is bounded by the number of objects. Texts are bounded. Values compare, so
// that a change of anything else is no news.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <picojson.h>

namespace mcpgw::kubernetes {

// Whom an object belongs to, as its labels and annotations say.
struct Ownership {
    bool is_managed = false;  // the ownership label and the annotation with the resource's id
    std::string adapter;      // that id
    std::string installation;
    bool operator==(const Ownership&) const = default;
};
[[nodiscard]] Ownership ownership_of(const picojson::value& object);

struct SeenStatefulSet {
    std::string name;
    std::string uid;
    Ownership owner;
    std::string definition;
    std::uint64_t generation = 0;
    std::uint64_t observed_generation = 0;
    std::uint64_t replicas = 0;  // desired
    std::string update_revision;
    bool is_deleting = false;
    bool operator==(const SeenStatefulSet&) const = default;
};

// How a container ended.
struct SeenEnd {
    bool happened = false;
    std::string reason;  // "OOMKilled", "Error", "Completed"
    std::int64_t exit_code = 0;
    std::string message;
    std::uint64_t at_unix_ms = 0;
    bool operator==(const SeenEnd&) const = default;
};

struct SeenPod {
    std::string name;
    std::string uid;
    std::string adapter;    // of the label
    std::string owner_uid;  // of the StatefulSet that controls it, empty if none does
    std::string revision;   // of the template that it was made from
    bool is_deleting = false;
    std::uint64_t created_unix_ms = 0;
    std::string phase;
    std::string reason;  // of the whole pod: "Evicted", "NodeLost"
    std::string message;
    std::string ip;  // numeric, IPv4 first
    bool is_ready = false;
    std::string unready_reason;
    std::uint64_t ready_changed_unix_ms = 0;
    std::string unscheduled_reason;  // empty: it has a node, or nobody has tried yet
    std::string unscheduled_message;
    // Of our container.
    std::string image;
    std::uint32_t restarts = 0;
    bool is_running = false;
    std::uint64_t running_since_unix_ms = 0;
    std::string waiting_reason;
    std::string waiting_message;
    SeenEnd ended;       // it has ended and was not started again yet
    SeenEnd last_ended;  // the run before
    bool operator==(const SeenPod&) const = default;
};

struct SeenEndpoint {
    std::string pod;
    std::string pod_uid;
    std::string address;  // numeric
    std::uint16_t port = 0;
    bool is_serving = false;  // ready to take requests, whether it terminates or not
    bool is_terminating = false;
    bool operator==(const SeenEndpoint&) const = default;
};
struct SeenSlice {
    std::string name;
    std::string adapter;  // of the label, which it has from its Service
    bool is_ipv6 = false;
    std::vector<SeenEndpoint> endpoints;
    bool operator==(const SeenSlice&) const = default;
};

struct SeenEvent {
    std::string name;
    std::string object_name;
    std::string object_uid;
    std::string reason;
    std::string message;
    std::uint64_t at_unix_ms = 0;  // the last time
    bool operator==(const SeenEvent&) const = default;
};

[[nodiscard]] SeenStatefulSet seen_stateful_set(const picojson::value& object);
[[nodiscard]] SeenPod seen_pod(const picojson::value& object);
[[nodiscard]] SeenSlice seen_slice(const picojson::value& object);
[[nodiscard]] SeenEvent seen_event(const picojson::value& object);

// Everything that is known of one adapter, by name of the object.
struct SeenAdapter {
    std::optional<SeenStatefulSet> stateful_set;
    std::map<std::string, SeenPod> pods;
    std::map<std::string, SeenSlice> slices;
    std::map<std::string, SeenEvent> events;  // of the StatefulSet and its pods

    bool operator==(const SeenAdapter&) const = default;
};

}  // namespace mcpgw::kubernetes
