// The Kubernetes objects of an adapter or a tool, as JSON: pure translation from desired state.
//
//   StatefulSet NAME          pods NAME-0, NAME-1, ... from REGISTRY/imageName:imageVersion
//   Service NAME-service      headless for adapters (the data plane talks to pods), ClusterIP for
//                             tools
//
// Every object is made twice. Its *seed* is what a POST creates: the mark of ownership and what the
// API server insists on, nothing that could change later, and no pods. POST refuses a name that is
// taken, which server-side apply does not. What follows is the *apply body* with everything else;
// it carries the uid of the object that was looked at, so it cannot hit another one. Because only
// apply sets what can change, a variable or probe that is left out is removed.
//
// Needs Kubernetes 1.30 (preStop sleep, while draining is on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/limits.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::kubernetes {

struct ObjectOptions {
    std::string namespace_name = "adapter";
    std::string registry;  // "HOST[:PORT][/PREFIX]"; empty: the nodes' default registry
    std::uint32_t pod_user =
        limits::kubernetes_pod_user;  // uid, gid and fsGroup of the servers; never 0
    std::vector<std::string> image_pull_secrets;
    std::string workload_identity_service_account;
    // Which control plane's store the objects belong to. Objects of another store are adopted when
    // they are wanted here, and never removed otherwise.
    std::string installation;
    std::uint32_t drain_seconds = limits::drain_seconds;
};

inline constexpr std::string_view kFieldManager = "mcp-gateway";
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kAdapterNameLabel = "adapter/name";
inline constexpr std::string_view kAdapterTypeLabel = "adapter/type";
inline constexpr std::string_view kResourceAnnotation = "mcp-gateway/resource";
inline constexpr std::string_view kInstallationAnnotation = "mcp-gateway/installation";
inline constexpr std::string_view kDefinitionAnnotation = "mcp-gateway/definition";
// The container of a pod, and the name of its port and of the Service's.
inline constexpr std::string_view kContainerName = "server";
inline constexpr std::string_view kPortName = "mcp";
// The label selector of everything that is ours.
inline constexpr std::string_view kOurSelector = "app.kubernetes.io/managed-by=mcp-gateway";

// The value of kAdapterTypeLabel: "mcp" or "tool".
[[nodiscard]] std::string_view type_label(model::Kind kind);
[[nodiscard]] std::string service_name(std::string_view adapter);
[[nodiscard]] std::string pod_name(std::string_view adapter, std::uint32_t ordinal);
[[nodiscard]] std::string image_of(const model::Adapter& adapter, const ObjectOptions& options);

// Where the objects are: paths of the API server, the second without the name.
[[nodiscard]] std::string stateful_sets_path(const ObjectOptions& options);
[[nodiscard]] std::string services_path(const ObjectOptions& options);
[[nodiscard]] std::string pods_path(const ObjectOptions& options);

// What the objects of an adapter are made from. It borrows both.
struct Plan {
    const model::Adapter& adapter;
    const ObjectOptions& options;
};

[[nodiscard]] std::string stateful_set_seed(const Plan& plan);
[[nodiscard]] std::string service_seed(const Plan& plan);
// `uid` of the object that is changed.
[[nodiscard]] std::string stateful_set_body(const Plan& plan, std::string_view uid);
[[nodiscard]] std::string service_body(const Plan& plan, std::string_view uid);

// Differs when anything of the bodies differs; stands in the definition annotation.
[[nodiscard]] std::string definition_hash(const Plan& plan);

}  // namespace mcpgw::kubernetes
