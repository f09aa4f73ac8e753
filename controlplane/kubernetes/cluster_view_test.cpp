// From objects as a real API server gave them, and from made ones, to instances and reasons.
#include "controlplane/kubernetes/cluster_view.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "controlplane/kubernetes/pod_reason.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

// Recorded objects by name, with our names for container and port.
picojson::value recorded(const std::string& name) {
    std::ifstream file(MCPGW_RECORDED_OBJECTS);
    std::stringstream stream;
    stream << file.rdbuf();
    std::string text = stream.str();
    replace_all(text, R"("name":"c",)", R"("name":"server",)");
    replace_all(text, R"("name":"http",)", R"("name":"mcp",)");
    const auto all = model::parse_json(text);
    if (all)
        for (const picojson::value& one : all->get<picojson::array>())
            if (one.get("name").to_str() == name) return one.get("object");
    ADD_FAILURE() << "not recorded: " << name;
    return {};
}

std::string recorded_reason(const std::string& name) {
    const SeenPod pod = seen_pod(recorded(name));
    EXPECT_FALSE(pod.uid.empty());
    return reason_of_pod(pod, {}, false);
}

TEST(PodReason, an_image_that_cannot_be_pulled_is_named) {
    EXPECT_EQ(recorded_reason("171 f-imagepullbackoff"),
              "cannot pull the image example.invalid/x:1 (ImagePullBackOff): "
              "Back-off pulling image \"example.invalid/x:1\"");
}

TEST(PodReason, the_event_tells_more_than_the_status) {
    const SeenPod pod = seen_pod(recorded("171 f-imagepullbackoff"));
    SeenAdapter seen;
    seen.events["a"] = {"a", pod.name, pod.uid, "Failed", "manifest unknown", 2};
    seen.events["b"] = {"b", pod.name, pod.uid, "Failed", "older", 1};
    seen.events["c"] = {"c", pod.name, "another", "Failed", "of another pod", 3};
    EXPECT_EQ(reason_of_pod(pod, seen, false),
              "cannot pull the image example.invalid/x:1 (ImagePullBackOff): manifest unknown");
}

TEST(PodReason, a_crash_loop_says_how_it_ended_and_how_often) {
    EXPECT_EQ(recorded_reason("171 f-crashloopbackoff"),
              "exited with status 1, restarting with growing pauses (3 restarts)");
    EXPECT_EQ(recorded_reason("182 real"),
              "exited with status 3, restarting with growing pauses (3 restarts)");
}

TEST(PodReason, memory_a_missing_node_and_eviction_are_told) {
    EXPECT_EQ(recorded_reason("171 f-oomkilled"),
              "ran out of memory and was killed, restarting with growing pauses (3 restarts)");
    EXPECT_EQ(recorded_reason("171 f-unschedulable"),
              "cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.");
    EXPECT_EQ(recorded_reason("171 f-evicted"),
              "its pod ended (Evicted): The node was low on resource: memory.");
}

TEST(PodReason, a_lost_node_is_told) {
    SeenPod pod;
    pod.unready_reason = "NodeNotReady";
    pod.is_running = true;
    EXPECT_EQ(reason_of_pod(pod, {}, false), "the node that it runs on does not answer");
}

TEST(PodReason, a_failing_probe_counts_from_the_present_run_on) {
    SeenPod pod;
    pod.uid = "u";
    pod.is_running = true;
    pod.running_since_unix_ms = 100;
    SeenAdapter seen;
    seen.events["a"] = {"a", "x-0", "u", "Unhealthy", "Readiness probe failed: 503", 99};
    EXPECT_EQ(reason_of_pod(pod, seen, false), "starting");
    seen.events["a"].at_unix_ms = 100;
    EXPECT_EQ(reason_of_pod(pod, seen, false), "not ready: Readiness probe failed: 503");
    EXPECT_EQ(reason_of_pod(pod, seen, true), "ready");
}

TEST(PodReason, a_signal_is_no_exit_status) {
    SeenEnd end;
    end.exit_code = 143;
    EXPECT_EQ(end_text(end), "killed by signal 15");
    end.exit_code = 128;
    EXPECT_EQ(end_text(end), "exited with status 128");
}

TEST(PodReason, a_quota_is_told_for_the_pod_that_is_missing) {
    SeenAdapter seen;
    seen.stateful_set.emplace().uid = "s";
    EXPECT_EQ(reason_of_missing_pod(seen), "waiting to be created");
    seen.events["a"] = {"a", "x", "s", "FailedCreate", "pods \"x-0\" is forbidden: exceeded quota",
                        1};
    EXPECT_EQ(reason_of_missing_pod(seen),
              "its pod cannot be created: pods \"x-0\" is forbidden: exceeded quota");
}

TEST(Seen, texts_of_the_cluster_are_bounded) {
    picojson::object waiting{{"reason", picojson::value("X")},
                             {"message", picojson::value(std::string(100'000, 'm'))}};
    picojson::value pod = recorded("171 f-imagepullbackoff");
    auto& status = pod.get<picojson::object>()["status"].get<picojson::object>();
    status["containerStatuses"]
        .get<picojson::array>()[0]
        .get<picojson::object>()["state"]
        .get<picojson::object>()["waiting"] = picojson::value(waiting);
    EXPECT_LE(seen_pod(pod).waiting_message.size(), limits::kubernetes_message_bytes_max + 8);
}

TEST(Seen, a_pod_has_its_identity_and_revision) {
    const SeenPod pod = seen_pod(recorded("121 mcp-0"));
    EXPECT_EQ(pod.uid, "3d2beb9f-e77e-4323-b718-b10f62520c97");
    EXPECT_EQ(pod.owner_uid, "9c17dcf3-beb8-4c73-925e-ca5a5cc799bf");
    EXPECT_EQ(pod.revision, "mcp-577865cfd7");
    EXPECT_EQ(pod.ip, "127.77.0.2");
    EXPECT_TRUE(pod.is_ready && pod.is_running && !pod.is_deleting);
    EXPECT_TRUE(seen_pod(recorded("152 mcp-0")).is_deleting);
}

TEST(Seen, a_stateful_set_has_its_generations) {
    const SeenStatefulSet rolling = seen_stateful_set(recorded("141 mcp"));
    EXPECT_EQ(rolling.generation, 5U);
    EXPECT_EQ(rolling.observed_generation, 4U);
    EXPECT_FALSE(rolling.owner.is_managed);
    EXPECT_EQ(seen_stateful_set(recorded("117 mcp")).observed_generation, 0U);
}

TEST(Seen, the_serving_condition_counts_and_not_ready) {
    // publishNotReadyAddresses: ready is always true.
    const SeenSlice published = seen_slice(recorded("159 event 1"));
    ASSERT_EQ(published.endpoints.size(), 1U);
    EXPECT_FALSE(published.endpoints[0].is_serving);
    // Without it: a pod that terminates still serves.
    const SeenSlice slice = seen_slice(recorded("206 event 5"));
    ASSERT_EQ(slice.endpoints.size(), 2U);
    EXPECT_TRUE(slice.endpoints[0].is_serving && !slice.endpoints[0].is_terminating);
    EXPECT_TRUE(slice.endpoints[1].is_serving && slice.endpoints[1].is_terminating);
    EXPECT_EQ(slice.endpoints[1].address, "127.77.0.5");
    EXPECT_EQ(slice.endpoints[1].port, 8931);
    // null instead of lists.
    EXPECT_TRUE(seen_slice(recorded("206 event 0")).endpoints.empty());
}

TEST(Seen, absent_conditions_have_their_defaults) {
    const auto slice = model::parse_json(R"({"metadata":{"name":"s"},"addressType":"IPv6",
        "ports":[{"name":"mcp","port":1}],"endpoints":[
        {"addresses":["fd00::1"],"targetRef":{"kind":"Pod","name":"x-0","uid":"u"}},
        {"addresses":["fd00::2"],"conditions":{"ready":false},
         "targetRef":{"kind":"Pod","name":"x-1","uid":"v"}},
        {"addresses":["not-an-address"],"targetRef":{"kind":"Pod","name":"x-2","uid":"w"}}]})");
    ASSERT_TRUE(slice.has_value());
    const SeenSlice seen = seen_slice(*slice);
    ASSERT_EQ(seen.endpoints.size(), 2U);
    EXPECT_TRUE(seen.endpoints[0].is_serving);
    EXPECT_FALSE(seen.endpoints[1].is_serving);
    EXPECT_FALSE(seen.endpoints[0].is_terminating);
}

TEST(Seen, an_event_names_its_object_and_time) {
    const SeenEvent event = seen_event(recorded("199 mcp.18ea06fb930fd4eb"));
    EXPECT_EQ(event.object_uid, "9c17dcf3-beb8-4c73-925e-ca5a5cc799bf");
    EXPECT_EQ(event.reason, "SuccessfulCreate");
    EXPECT_EQ(event.at_unix_ms, 1795255082000U);  // 2026-11-21T09:58:02Z
}

class ViewTest : public ::testing::Test {
  protected:
    ViewTest() {
        adapter_.name = "x";
        adapter_.image_name = "server";
        adapter_.image_version = "1";
        adapter_.replica_count = 1;
        SeenStatefulSet set;
        set.name = "x";
        set.uid = "s";
        set.generation = set.observed_generation = 3;
        set.update_revision = "rev-2";
        set.definition = definition_hash(plan());
        seen_.stateful_set = set;
    }
    [[nodiscard]] Plan plan() const { return {adapter_, options_}; }
    SeenPod& add_pod(const std::string& name, const std::string& uid) {
        SeenPod& pod = seen_.pods[name];
        pod.name = name;
        pod.uid = uid;
        pod.revision = "rev-2";
        pod.phase = "Running";
        pod.is_running = true;
        return pod;
    }
    SeenEndpoint& add_endpoint(const std::string& slice, const std::string& uid,
                               const std::string& address) {
        SeenSlice& place = seen_.slices[slice];
        place.is_ipv6 = address.find(':') != std::string::npos;
        SeenEndpoint endpoint;
        endpoint.pod_uid = uid;
        endpoint.address = address;
        endpoint.port = 8000;
        endpoint.is_serving = true;
        place.endpoints.push_back(endpoint);
        return place.endpoints.back();
    }
    [[nodiscard]] std::vector<deploy::InstanceStatus> view() const {
        return view_of(plan(), seen_);
    }

    model::Adapter adapter_;
    ObjectOptions options_;
    SeenAdapter seen_;
};

TEST_F(ViewTest, a_serving_pod_is_a_ready_instance) {
    add_pod("x-0", "u0");
    add_endpoint("s1", "u0", "10.0.0.7");
    const auto all = view();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].name, "x-0");
    EXPECT_EQ(all[0].uid, "u0");
    EXPECT_TRUE(all[0].ready && all[0].alive && all[0].updated);
    EXPECT_FALSE(all[0].draining || all[0].stopping);
    EXPECT_EQ(all[0].host, "10.0.0.7");
    EXPECT_EQ(all[0].address, "10.0.0.7:8000");
    EXPECT_EQ(all[0].authority, "x-0.x-service.adapter.svc:8000");
    EXPECT_EQ(all[0].path, "/mcp");
    EXPECT_EQ(all[0].reason, "ready");
    EXPECT_TRUE(is_rolled_out(plan(), seen_));
}

TEST_F(ViewTest, an_endpoint_of_the_former_incarnation_says_nothing) {
    add_pod("x-0", "new");
    add_endpoint("s1", "old", "10.0.0.7");
    EXPECT_FALSE(view()[0].ready);
    EXPECT_FALSE(view()[0].alive);
}

TEST_F(ViewTest, a_restarted_container_is_another_instance) {
    add_pod("x-0", "u0").restarts = 2;
    add_endpoint("s1", "u0", "10.0.0.7");
    EXPECT_EQ(view()[0].uid, "u0#2");
    EXPECT_EQ(view()[0].restarts, 2U);
}

TEST_F(ViewTest, a_pod_that_terminates_and_serves_is_draining) {
    add_pod("x-0", "u0").is_deleting = true;
    add_endpoint("s1", "u0", "10.0.0.7").is_terminating = true;
    EXPECT_TRUE(view()[0].draining && view()[0].alive);
    EXPECT_FALSE(view()[0].ready || view()[0].stopping);
    EXPECT_EQ(view()[0].reason, "draining");
    seen_.slices["s1"].endpoints[0].is_serving = false;
    EXPECT_TRUE(view()[0].stopping);
    EXPECT_FALSE(view()[0].draining);
}

TEST_F(ViewTest, ipv4_is_taken_where_there_are_both) {
    add_pod("x-0", "u0");
    add_endpoint("a", "u0", "fd00::7");
    EXPECT_EQ(view()[0].address, "[fd00::7]:8000");
    add_endpoint("b", "u0", "10.0.0.7");
    EXPECT_EQ(view()[0].host, "10.0.0.7");
}

TEST_F(ViewTest, instances_come_from_several_slices_by_ordinal) {
    adapter_.replica_count = 12;
    for (int i = 11; i >= 0; --i) {
        const std::string uid = "u" + std::to_string(i);
        add_pod("x-" + std::to_string(i), uid);
        add_endpoint(i % 2 == 0 ? "even" : "odd", uid, "10.0.0." + std::to_string(i));
    }
    const auto all = view();
    ASSERT_EQ(all.size(), 12U);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].name, "x-" + std::to_string(i));
        EXPECT_EQ(all[i].host, "10.0.0." + std::to_string(i));
    }
}

TEST_F(ViewTest, what_is_missing_and_what_is_too_much_is_told) {
    adapter_.replica_count = 2;
    add_pod("x-0", "u0");
    add_pod("x-5", "u5");
    add_pod("x-05", "no ordinal is written like that");
    add_pod("x-y-0", "of the adapter x-y");
    const auto all = view();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1].name, "x-1");
    EXPECT_EQ(all[1].uid, "");
    EXPECT_FALSE(all[1].alive || all[1].updated);
    EXPECT_EQ(all[2].name, "x-5");
    EXPECT_FALSE(is_rolled_out(plan(), seen_));
}

TEST_F(ViewTest, without_a_slice_the_pods_own_address_keeps_its_sessions) {
    add_pod("x-0", "u0").ip = "10.0.0.7";
    EXPECT_TRUE(view()[0].alive);
    EXPECT_FALSE(view()[0].ready);
    EXPECT_EQ(view()[0].host, "10.0.0.7");
    seen_.pods["x-0"].is_running = false;
    EXPECT_FALSE(view()[0].alive);
}

TEST_F(ViewTest, a_slice_that_is_behind_does_not_make_a_dead_pod_ready) {
    SeenPod& pod = add_pod("x-0", "u0");
    add_endpoint("s1", "u0", "10.0.0.7");
    pod.is_running = false;
    pod.waiting_reason = "CrashLoopBackOff";
    EXPECT_FALSE(view()[0].ready || view()[0].alive);
}

TEST_F(ViewTest, updated_means_this_definition_and_this_revision) {
    add_pod("x-0", "u0");
    add_endpoint("s1", "u0", "10.0.0.7");
    EXPECT_TRUE(view()[0].updated);
    // Right after a change the old status still looks finished.
    seen_.stateful_set->generation = 4;
    EXPECT_FALSE(view()[0].updated);
    seen_.stateful_set->observed_generation = 4;
    EXPECT_TRUE(view()[0].updated);
    seen_.pods["x-0"].revision = "rev-1";
    EXPECT_FALSE(view()[0].updated);
    seen_.pods["x-0"].revision = "rev-2";
    adapter_.image_version = "2";
    EXPECT_FALSE(view()[0].updated);
    EXPECT_TRUE(view()[0].ready);
    EXPECT_FALSE(is_rolled_out(plan(), seen_));
}

TEST_F(ViewTest, scaled_to_nothing_is_rolled_out_when_nothing_is_left) {
    adapter_.replica_count = 0;
    seen_.stateful_set->definition = definition_hash(plan());
    EXPECT_TRUE(is_rolled_out(plan(), seen_));
    EXPECT_TRUE(view().empty());
    add_pod("x-0", "u0");
    EXPECT_FALSE(is_rolled_out(plan(), seen_));
}

}  // namespace
}  // namespace mcpgw::kubernetes
