// The bodies against the API server's own schemas, and the promises that they keep.
#include "controlplane/kubernetes/objects.h"

#include <gtest/gtest.h>

#include "controlplane/kubernetes/schema_check.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

picojson::value parsed(const std::string& text) {
    auto value = model::parse_json(text);
    EXPECT_TRUE(value.has_value()) << text;
    return value ? *value : picojson::value();
}

using model::Kind;

class ObjectsTest : public ::testing::Test {
  protected:
    ObjectsTest() : schemas_(testing::read_json_file(MCPGW_OBJECT_SCHEMAS)) {
        adapter_.name = "x";
        adapter_.image_name = "team/server";
        adapter_.image_version = "1.2";
        options_.registry = "registry.example:5000/mcp";
        options_.installation = "0123";
    }
    [[nodiscard]] Plan plan(Kind kind = Kind::adapter) {
        adapter_.tool_definition.reset();
        if (kind == Kind::tool) adapter_.tool_definition.emplace();
        return {adapter_, options_};
    }
    [[nodiscard]] picojson::value set() { return parsed(stateful_set_body(plan(), "u1")); }
    [[nodiscard]] static picojson::value pod_of(const picojson::value& set) {
        return node_at(set, {"spec", "template", "spec"});
    }
    [[nodiscard]] static picojson::value container_of(const picojson::value& set) {
        return array_at(pod_of(set), {"containers"}).at(0);
    }
    [[nodiscard]] std::string mistakes(const std::string& schema, const std::string& body) {
        return testing::SchemaCheck(schemas_).mistakes(schema, parsed(body));
    }
    // Everything that can be said of an adapter.
    void say_everything() {
        adapter_.environment_variables = {{"B", "2"}, {"A", "1"}};
        adapter_.health_check = model::HealthCheck{};
        adapter_.resources = {{"250m", "256Mi"}, {"1", "512Mi"}};
        adapter_.use_workload_identity = true;
        options_.workload_identity_service_account = "workload";
        options_.image_pull_secrets = {"pull-1", "pull-2"};
    }

    picojson::value schemas_;
    model::Adapter adapter_;
    ObjectOptions options_;
};

TEST_F(ObjectsTest, every_body_is_valid_by_the_servers_schemas) {
    for (const bool everything : {false, true}) {
        if (everything) say_everything();
        for (const Kind kind : {Kind::adapter, Kind::tool}) {
            EXPECT_EQ(mistakes("StatefulSet", stateful_set_seed(plan(kind))), "");
            EXPECT_EQ(mistakes("StatefulSet", stateful_set_body(plan(kind), "u1")), "");
            EXPECT_EQ(mistakes("Service", service_seed(plan(kind))), "");
            EXPECT_EQ(mistakes("Service", service_body(plan(kind), "u1")), "");
        }
    }
}

TEST_F(ObjectsTest, the_schemas_find_mistakes) {
    EXPECT_NE(mistakes("Service", R"({"spec":{"ports":[{"name":"a"}]}})"), "");
    EXPECT_NE(mistakes("Service", R"({"spec":{"prots":[]}})"), "");
    EXPECT_NE(mistakes("StatefulSet", R"({"spec":{"replicas":"2"}})"), "");
}

TEST_F(ObjectsTest, names_are_those_of_the_contract) {
    const picojson::value body = set();
    EXPECT_EQ(text_at(body, {"metadata", "name"}), "x");
    EXPECT_EQ(text_at(body, {"metadata", "uid"}), "u1");
    EXPECT_EQ(text_at(body, {"metadata", "namespace"}), "adapter");
    EXPECT_EQ(text_at(body, {"spec", "serviceName"}), "x-service");
    EXPECT_EQ(text_at(container_of(body), {"image"}), "registry.example:5000/mcp/team/server:1.2");
    EXPECT_EQ(text_at(parsed(service_body(plan(), "u2")), {"metadata", "name"}), "x-service");
    EXPECT_EQ(pod_name("x", 12), "x-12");
    options_.registry = "";
    EXPECT_EQ(image_of(adapter_, options_), "team/server:1.2");
}

TEST_F(ObjectsTest, every_object_says_whose_it_is) {
    for (const std::string& body : {stateful_set_seed(plan()), stateful_set_body(plan(), "u"),
                                    service_seed(plan()), service_body(plan(), "u")}) {
        const picojson::value object = parsed(body);
        EXPECT_EQ(text_at(object, {"metadata", "labels", kManagedByLabel}), "mcp-gateway");
        EXPECT_EQ(text_at(object, {"metadata", "labels", kAdapterNameLabel}), "x");
        EXPECT_EQ(text_at(object, {"metadata", "labels", kAdapterTypeLabel}), "mcp");
        EXPECT_EQ(text_at(object, {"metadata", "annotations", kResourceAnnotation}), "x");
        EXPECT_EQ(text_at(object, {"metadata", "annotations", kInstallationAnnotation}), "0123");
    }
}

TEST_F(ObjectsTest, the_selector_chooses_the_pods) {
    say_everything();
    for (const Kind kind : {Kind::adapter, Kind::tool}) {
        const picojson::value body = parsed(stateful_set_body(plan(kind), "u"));
        const auto& chosen = object_at(body, {"spec", "selector", "matchLabels"});
        EXPECT_EQ(chosen.size(), 3U);
        for (const auto& [label, value] : chosen)
            EXPECT_EQ(text_at(body, {"spec", "template", "metadata", "labels", label}),
                      value.to_str());
        EXPECT_EQ(node_at(parsed(service_body(plan(kind), "u")), {"spec", "selector"}).serialize(),
                  node_at(body, {"spec", "selector", "matchLabels"}).serialize());
    }
}

TEST_F(ObjectsTest, pods_have_no_rights) {
    const picojson::value body = set();
    const picojson::value pod = pod_of(body);
    EXPECT_TRUE(boolean_at(pod, {"securityContext", "runAsNonRoot"}));
    for (const char* key : {"runAsUser", "runAsGroup", "fsGroup"})
        EXPECT_EQ(number_at(pod, {"securityContext", key}), 1100);
    EXPECT_EQ(text_at(pod, {"securityContext", "seccompProfile", "type"}), "RuntimeDefault");
    EXPECT_FALSE(boolean_at(pod, {"automountServiceAccountToken"}, true));
    EXPECT_FALSE(boolean_at(pod, {"enableServiceLinks"}, true));
    const picojson::value container = container_of(body);
    EXPECT_FALSE(boolean_at(container, {"securityContext", "allowPrivilegeEscalation"}, true));
    EXPECT_EQ(array_at(container, {"securityContext", "capabilities", "drop"}).at(0).to_str(),
              "ALL");
}

TEST_F(ObjectsTest, the_token_is_mounted_for_workload_identity_only) {
    adapter_.use_workload_identity = true;
    EXPECT_FALSE(boolean_at(pod_of(set()), {"automountServiceAccountToken"}, true));
    options_.workload_identity_service_account = "workload";
    EXPECT_TRUE(boolean_at(pod_of(set()), {"automountServiceAccountToken"}));
    EXPECT_EQ(text_at(pod_of(set()), {"serviceAccountName"}), "workload");
    adapter_.use_workload_identity = false;
    EXPECT_EQ(text_at(pod_of(set()), {"serviceAccountName"}), "");
}

TEST_F(ObjectsTest, variables_are_sorted_literal_and_include_the_port) {
    adapter_.environment_variables = {{"Z", "$(A) costs $5"}, {"A", "1"}};
    adapter_.port = 9000;
    const picojson::value body = set();
    std::string all;
    const picojson::value container = container_of(body);
    for (const picojson::value& one : array_at(container, {"env"}))
        all += text_at(one, {"name"}) + "=" + text_at(one, {"value"}) + "|";
    // The kubelet makes one dollar of two, and a reference of $(A).
    EXPECT_EQ(all, "A=1|PORT=9000|Z=$$(A) costs $$5|");
}

TEST_F(ObjectsTest, a_variable_may_be_a_key_of_a_secret) {
    adapter_.environment_variables = {{"A", "1"}};
    adapter_.secret_variables = {{"PORT", {"ports", "mine"}}, {"TOKEN", {"api", "TOKEN"}}};
    const auto variables = array_at(container_of(set()), {"env"});
    ASSERT_EQ(variables.size(), 3U);
    EXPECT_EQ(text_at(variables[1], {"name"}), "PORT");
    EXPECT_EQ(text_at(variables[1], {"valueFrom", "secretKeyRef", "name"}), "ports");
    EXPECT_EQ(text_at(variables[1], {"valueFrom", "secretKeyRef", "key"}), "mine");
    EXPECT_EQ(text_at(variables[2], {"name"}), "TOKEN");
    EXPECT_EQ(text_at(variables[2], {"value"}), "");
    EXPECT_EQ(text_at(variables[2], {"valueFrom", "secretKeyRef", "key"}), "TOKEN");
}

TEST_F(ObjectsTest, a_variable_port_of_the_adapters_own_wins) {
    adapter_.environment_variables = {{"PORT", "1"}};
    EXPECT_EQ(text_at(array_at(container_of(set()), {"env"}).at(0), {"value"}), "1");
}

TEST_F(ObjectsTest, readiness_is_the_health_check_or_a_connect) {
    EXPECT_EQ(text_at(container_of(set()), {"readinessProbe", "tcpSocket", "port"}), kPortName);
    adapter_.health_check = model::HealthCheck{.path = "/up",
                                               .interval_ms = 1'500,
                                               .timeout_ms = 100,
                                               .unhealthy_after = 4,
                                               .healthy_after = 2};
    const picojson::value container = container_of(set());
    EXPECT_EQ(text_at(container, {"readinessProbe", "httpGet", "path"}), "/up");
    EXPECT_EQ(number_at(container, {"readinessProbe", "periodSeconds"}), 2);
    EXPECT_EQ(number_at(container, {"readinessProbe", "timeoutSeconds"}), 1);
    EXPECT_EQ(number_at(container, {"readinessProbe", "failureThreshold"}), 4);
    EXPECT_EQ(number_at(container, {"readinessProbe", "successThreshold"}), 2);
}

TEST_F(ObjectsTest, pods_keep_their_sessions_for_the_drain_time) {
    options_.drain_seconds = 40;
    EXPECT_EQ(number_at(container_of(set()), {"lifecycle", "preStop", "sleep", "seconds"}), 40);
    EXPECT_GT(number_at(pod_of(set()), {"terminationGracePeriodSeconds"}), 40);
    options_.drain_seconds = 0;
    EXPECT_TRUE(node_at(container_of(set()), {"lifecycle"}).is<picojson::null>());
}

TEST_F(ObjectsTest, adapters_are_headless_and_tools_are_not) {
    EXPECT_EQ(text_at(parsed(service_body(plan(), "u")), {"spec", "clusterIP"}), "None");
    const picojson::value tool = parsed(service_body(plan(Kind::tool), "u"));
    EXPECT_TRUE(node_at(tool, {"spec", "clusterIP"}).is<picojson::null>());
    EXPECT_EQ(text_at(tool, {"metadata", "labels", kAdapterTypeLabel}), "tool");
}

// What a seed says stays owned by the request that created it, so nothing of it may ever change.
TEST_F(ObjectsTest, a_seed_says_nothing_that_apply_could_want_to_remove) {
    say_everything();
    const picojson::value seed = parsed(stateful_set_seed(plan()));
    EXPECT_EQ(number_at(seed, {"spec", "replicas"}, -1), 0);
    EXPECT_EQ(container_of(seed).get<picojson::object>().size(), 2U);  // name and image
    EXPECT_EQ(pod_of(seed).get<picojson::object>().size(), 1U);
    EXPECT_EQ(object_at(seed, {"spec", "template", "metadata", "labels"}).size(), 3U);
    model::Adapter other = adapter_;
    other.port = 9;
    EXPECT_EQ(service_seed(plan()), service_seed(Plan{other, options_}));
}

TEST_F(ObjectsTest, the_hash_changes_with_what_runs_and_with_nothing_else) {
    const std::string hash = definition_hash(plan());
    EXPECT_EQ(text_at(set(), {"metadata", "annotations", kDefinitionAnnotation}), hash);
    adapter_.description = "other words";
    adapter_.path = "/elsewhere";
    adapter_.version = 9;
    EXPECT_EQ(definition_hash(plan()), hash);
    adapter_.environment_variables["A"] = "1";
    EXPECT_NE(definition_hash(plan()), hash);
    const std::string second = definition_hash(plan());
    adapter_.replica_count = 2;
    EXPECT_NE(definition_hash(plan()), second);
}

}  // namespace
}  // namespace mcpgw::kubernetes
