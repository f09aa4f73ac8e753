// One function per part of an object, outermost last.
#include "controlplane/kubernetes/objects.h"

#include <algorithm>
#include <map>

#include "common/bytes.h"
#include "common/json_writer.h"

namespace mcpgw::kubernetes {
namespace {

// The Service's own port never changes: the port of the pods is found by its name.
constexpr int kServicePort = 8000;
constexpr std::string_view kDefaultProtocol = "TCP";

std::int64_t seconds_of(std::uint32_t milliseconds) {
    return std::max<std::int64_t>(1, (std::int64_t{milliseconds} + 999) / 1000);
}

std::string_view type_of(const Plan& plan) {
    return type_label(plan.adapter.kind());
}

// The kubelet would read $(NAME) as a reference to another variable.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text)
        out.append(c == '$' ? 2 : 1, c);
    return out;
}

// What Service and StatefulSet choose pods by. It can never change.
void write_selector(JsonWriter& out, const Plan& plan) {
    out.object();
    out.key(kManagedByLabel).string(kFieldManager);
    out.key(kAdapterNameLabel).string(plan.adapter.name);
    out.key(kAdapterTypeLabel).string(type_of(plan));
    out.end();
}

void write_labels(JsonWriter& out, const Plan& plan, bool is_pod) {
    out.key("labels").object();
    out.key(kManagedByLabel).string(kFieldManager);
    out.key(kAdapterNameLabel).string(plan.adapter.name);
    out.key(kAdapterTypeLabel).string(type_of(plan));
    out.key("app.kubernetes.io/name").string("mcp-server");
    out.key("app.kubernetes.io/instance").string(plan.adapter.name);
    out.key("app.kubernetes.io/component").string(words_of(plan.adapter.kind()).noun);
    // What Azure's webhook looks for, either way, so that a policy can go by it; no other cloud
    // minds.
    if (is_pod)
        out.key("azure.workload.identity/use")
            .string(plan.adapter.use_workload_identity ? "true" : "false");
    out.end();
}

struct Identity {
    std::string_view name;
    std::string_view uid;   // empty: none is given
    std::string_view hash;  // empty: a seed
};

void write_metadata(JsonWriter& out, const Plan& plan, const Identity& identity) {
    out.key("metadata").object();
    out.key("name").string(identity.name);
    out.key("namespace").string(plan.options.namespace_name);
    if (!identity.uid.empty()) out.key("uid").string(identity.uid);
    write_labels(out, plan, false);
    out.key("annotations").object();
    out.key(kResourceAnnotation).string(plan.adapter.name);
    out.key(kInstallationAnnotation).string(plan.options.installation);
    if (!identity.hash.empty()) out.key(kDefinitionAnnotation).string(identity.hash);
    out.end();
    out.end();
}

void write_environment(JsonWriter& out, const model::Adapter& adapter) {
    std::map<std::string, std::string> variables = adapter.environment_variables;
    if (!adapter.secret_variables.contains("PORT"))
        variables.try_emplace("PORT", std::to_string(adapter.port));
    out.key("env").array();
    for (const auto& [name, value] : variables) {
        out.object();
        out.key("name").string(name);
        out.key("value").string(literal(value));
        out.end();
    }
    for (const auto& [name, place] : adapter.secret_variables) {
        out.object();
        out.key("name").string(name);
        out.key("valueFrom").object().key("secretKeyRef").object();
        out.key("name").string(place.secret);
        out.key("key").string(place.key);
        out.end().end();
        out.end();
    }
    out.end();
}

void write_probe(JsonWriter& out, const model::Adapter& adapter) {
    out.key("readinessProbe").object();
    const auto& check = adapter.health_check;
    if (check) {
        out.key("httpGet").object();
        out.key("path").string(check->path);
        out.key("port").string(kPortName);
        out.end();
    } else {
        out.key("tcpSocket").object().key("port").string(kPortName).end();
    }
    out.key("periodSeconds")
        .number(seconds_of(check ? check->interval_ms : limits::probe_interval_ms));
    out.key("timeoutSeconds")
        .number(seconds_of(check ? check->timeout_ms : limits::probe_timeout_ms));
    out.key("failureThreshold")
        .number(std::uint64_t{check ? check->unhealthy_after : limits::probe_failures_max});
    out.key("successThreshold").number(std::uint64_t{check ? check->healthy_after : 1});
    out.end();
}

void write_amounts(JsonWriter& out, std::string_view key, const model::Amounts& amounts) {
    if (amounts.cpu.empty() && amounts.memory.empty()) return;
    out.key(key).object();
    if (!amounts.cpu.empty()) out.key("cpu").string(amounts.cpu);
    if (!amounts.memory.empty()) out.key("memory").string(amounts.memory);
    out.end();
}

void write_container(JsonWriter& out, const Plan& plan) {
    const model::Adapter& adapter = plan.adapter;
    out.object();
    out.key("name").string(kContainerName);
    out.key("image").string(image_of(adapter, plan.options));
    out.key("ports").array().object();
    out.key("name").string(kPortName);
    out.key("containerPort").number(int{adapter.port});
    out.key("protocol").string(kDefaultProtocol);
    out.end().end();
    write_environment(out, adapter);
    write_probe(out, adapter);
    out.key("resources").object();
    write_amounts(out, "requests", adapter.resources.requests);
    write_amounts(out, "limits", adapter.resources.limits);
    out.end();
    out.key("securityContext").object();
    out.key("allowPrivilegeEscalation").boolean(false);
    out.key("capabilities").object().key("drop").array().string("ALL").end().end();
    out.end();
    // The pod is out of the ready endpoints at once, and keeps its sessions for that long.
    if (plan.options.drain_seconds > 0) {
        out.key("lifecycle").object().key("preStop").object().key("sleep").object();
        out.key("seconds").number(std::uint64_t{plan.options.drain_seconds});
        out.end().end().end();
    }
    out.end();
}

void write_pod_spec(JsonWriter& out, const Plan& plan) {
    const ObjectOptions& options = plan.options;
    const bool has_identity =
        plan.adapter.use_workload_identity && !options.workload_identity_service_account.empty();
    out.key("spec").object();
    if (has_identity)
        out.key("serviceAccountName").string(options.workload_identity_service_account);
    out.key("automountServiceAccountToken").boolean(has_identity);
    // Otherwise each server learns the address of every Service of the namespace.
    out.key("enableServiceLinks").boolean(false);
    out.key("terminationGracePeriodSeconds")
        .number(std::int64_t{options.drain_seconds} + seconds_of(limits::server_grace_ms));
    out.key("securityContext").object();
    out.key("runAsNonRoot").boolean(true);
    for (const char* key : {"runAsUser", "runAsGroup", "fsGroup"})
        out.key(key).number(std::uint64_t{options.pod_user});
    out.key("seccompProfile").object().key("type").string("RuntimeDefault").end();
    out.end();
    if (!options.image_pull_secrets.empty()) {
        out.key("imagePullSecrets").array();
        for (const std::string& name : options.image_pull_secrets)
            out.object().key("name").string(name).end();
        out.end();
    }
    out.key("containers").array();
    write_container(out, plan);
    out.end();
    out.end();
}

void open_object(JsonWriter& out, std::string_view version, std::string_view kind) {
    out.object();
    out.key("apiVersion").string(version);
    out.key("kind").string(kind);
}

std::string stateful_set(const Plan& plan, std::string_view uid, std::string_view hash) {
    JsonWriter out;
    open_object(out, "apps/v1", "StatefulSet");
    write_metadata(out, plan, {plan.adapter.name, uid, hash});
    out.key("spec").object();
    out.key("serviceName").string(service_name(plan.adapter.name));
    out.key("replicas").number(std::uint64_t{plan.adapter.replica_count});
    out.key("podManagementPolicy").string("Parallel");
    out.key("revisionHistoryLimit").number(2);
    out.key("updateStrategy").object().key("type").string("RollingUpdate").end();
    out.key("selector").object().key("matchLabels");
    write_selector(out, plan);
    out.end();
    out.key("template").object();
    out.key("metadata").object();
    write_labels(out, plan, true);
    out.end();
    write_pod_spec(out, plan);
    out.end();
    out.end().end();
    return out.take();
}

std::string service(const Plan& plan, std::string_view uid, std::string_view hash) {
    JsonWriter out;
    open_object(out, "v1", "Service");
    write_metadata(out, plan, {service_name(plan.adapter.name), uid, hash});
    out.key("spec").object();
    out.key("type").string("ClusterIP");
    if (plan.adapter.kind() == model::Kind::adapter) out.key("clusterIP").string("None");
    out.key("selector");
    write_selector(out, plan);
    out.key("ports").array().object();
    out.key("name").string(kPortName);
    out.key("protocol").string(kDefaultProtocol);
    out.key("port").number(kServicePort);
    out.key("targetPort").string(kPortName);
    out.end().end();
    out.end().end();
    return out.take();
}

std::string path_in(const ObjectOptions& options, std::string_view group, std::string_view kind) {
    return std::string(group) + "/namespaces/" + options.namespace_name + "/" + std::string(kind);
}

}  // namespace

std::string_view type_label(model::Kind kind) {
    return kind == model::Kind::tool ? "tool" : "mcp";
}

std::string service_name(std::string_view adapter) {
    return std::string(adapter) + "-service";
}

std::string pod_name(std::string_view adapter, std::uint32_t ordinal) {
    return std::string(adapter) + "-" + std::to_string(ordinal);
}

std::string image_of(const model::Adapter& adapter, const ObjectOptions& options) {
    std::string image = options.registry;
    if (!image.empty() && !image.ends_with('/')) image += '/';
    return image + adapter.image_name + ":" + adapter.image_version;
}

std::string stateful_sets_path(const ObjectOptions& options) {
    return path_in(options, "/apis/apps/v1", "statefulsets");
}
std::string services_path(const ObjectOptions& options) {
    return path_in(options, "/api/v1", "services");
}
std::string pods_path(const ObjectOptions& options) {
    return path_in(options, "/api/v1", "pods");
}

std::string stateful_set_seed(const Plan& plan) {
    JsonWriter out;
    open_object(out, "apps/v1", "StatefulSet");
    write_metadata(out, plan, {plan.adapter.name, "", ""});
    out.key("spec").object();
    out.key("serviceName").string(service_name(plan.adapter.name));
    out.key("replicas").number(0);
    out.key("podManagementPolicy").string("Parallel");
    out.key("selector").object().key("matchLabels");
    write_selector(out, plan);
    out.end();
    out.key("template").object();
    out.key("metadata").object().key("labels");
    write_selector(out, plan);
    out.end();
    out.key("spec").object().key("containers").array().object();
    out.key("name").string(kContainerName);
    out.key("image").string(image_of(plan.adapter, plan.options));
    out.end().end().end();
    out.end();
    out.end().end();
    return out.take();
}

std::string service_seed(const Plan& plan) {
    return service(plan, "", "");
}

std::string stateful_set_body(const Plan& plan, std::string_view uid) {
    return stateful_set(plan, uid, definition_hash(plan));
}

std::string service_body(const Plan& plan, std::string_view uid) {
    return service(plan, uid, definition_hash(plan));
}

std::string definition_hash(const Plan& plan) {
    return to_hex(fnv1a(service(plan, "", ""), fnv1a(stateful_set(plan, "", ""))));
}

}  // namespace mcpgw::kubernetes
