// What people read about their servers.
#include "controlplane/api/status_json.h"

#include <gtest/gtest.h>

#include "controlplane/model/json.h"

namespace mcpgw::api {
namespace {

using deploy::InstanceStatus;

model::Adapter adapter(std::uint32_t replicas) {
    model::Adapter result;
    result.name = "x";
    result.command = {"server"};
    result.replica_count = replicas;
    result.version = 8;
    return result;
}

InstanceStatus instance(std::string name, bool ready, std::string reason) {
    InstanceStatus status;
    status.name = std::move(name);
    status.ready = ready;
    status.address = ready ? "127.0.0.1:4000" : "";
    status.reason = std::move(reason);
    status.restarts = 2;
    status.since_unix_ms = 1000;
    return status;
}

std::string replica_status(const model::Adapter& what, const std::vector<InstanceStatus>& seen) {
    const auto tree = model::parse_json(status_json(what, seen, {}, 0));
    EXPECT_TRUE(tree);
    return tree->get("replicaStatus").to_str();
}

TEST(StatusJson, an_instance_is_shown_with_all_its_members) {
    const auto tree = model::parse_json(status_json(
        adapter(2), {instance("x-0", true, "ready"), instance("x-1", false, "starting")},
        {{"Ready", false, "NotEnoughReady", "1 of 2 ready", 2000}}, 7));
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->get("readyReplicas").to_str(), "1");
    EXPECT_EQ(tree->get("availableReplicas").to_str(), "1");
    EXPECT_EQ(tree->get("updatedReplicas").to_str(), "2");
    EXPECT_EQ(tree->get("desiredReplicas").to_str(), "2");
    EXPECT_EQ(tree->get("version").to_str(), "8");
    EXPECT_EQ(tree->get("observedVersion").to_str(), "7");
    EXPECT_EQ(tree->get("image").to_str(), "Unknown");
    EXPECT_EQ(tree->get("instances").serialize(),
              R"([{"address":"127.0.0.1:4000","name":"x-0","ready":true,"reason":"ready",)"
              R"("restarts":2,"since":"1970-01-01T00:00:01.000Z","updated":true},)"
              R"({"address":null,"name":"x-1","ready":false,"reason":"starting",)"
              R"("restarts":2,"since":"1970-01-01T00:00:01.000Z","updated":true}])");
    EXPECT_EQ(tree->get("conditions").serialize(),
              R"([{"lastTransitionTime":"1970-01-01T00:00:02.000Z","message":"1 of 2 ready",)"
              R"("reason":"NotEnoughReady","status":"False","type":"Ready"}])");
}

TEST(StatusJson, replica_status_says_what_is_wrong) {
    EXPECT_EQ(replica_status(adapter(1), {instance("x-0", true, "ready")}), "Healthy");
    EXPECT_EQ(replica_status(adapter(0), {}), "Healthy");
    EXPECT_EQ(replica_status(adapter(2), {}), "Degraded: 0/2 ready, waiting to be started");
    EXPECT_EQ(replica_status(adapter(2), {instance("x-0", true, "ready"),
                                          instance("x-1", false, "cannot start: nodd")}),
              "Degraded: 1/2 ready, x-1: cannot start: nodd");
    // One that is on its way out does not matter.
    EXPECT_EQ(replica_status(adapter(1),
                             {instance("x-0", true, "ready"), instance("x-1", false, "stopping")}),
              "Healthy");
}

TEST(StatusJson, a_url_is_one_instance_and_an_image_is_named) {
    model::Adapter remote = adapter(3);
    remote.command.clear();
    remote.url = "http://h:1/";
    EXPECT_EQ(replica_status(remote, {instance("x-0", true, "ready")}), "Healthy");
    model::Adapter image = adapter(1);
    image.command.clear();
    image.image_name = "team/app";
    image.image_version = "1.0";
    EXPECT_EQ(model::parse_json(status_json(image, {}, {}, 0))->get("image").to_str(),
              "team/app:1.0");
}

}  // namespace
}  // namespace mcpgw::api
