// What the data plane is told of an adapter.
#include "controlplane/publish/view.h"

#include <gtest/gtest.h>

namespace mcpgw::publish {
namespace {

deploy::InstanceStatus instance(const char* name, const char* uid, bool alive) {
    deploy::InstanceStatus status;
    status.name = name;
    status.uid = uid;
    status.alive = alive;
    return status;
}

TEST(View, every_field_that_matters_for_serving_is_there) {
    model::Adapter adapter;
    adapter.name = "x";
    adapter.url = "http://h/";
    adapter.created_by = "someone";
    adapter.required_roles = {"a", "b"};
    adapter.tenant = "t";
    adapter.affinity = model::Affinity::none;
    adapter.transport = model::Transport::sse;
    adapter.timeouts = {1, 2, 3, 4};
    adapter.request_headers = {{"X-Key", {"value", false}}, {"X-Secret", {"its-name", true}}};
    const contract::Adapter view = view_of(adapter, {});
    EXPECT_EQ(view.name, "x");
    EXPECT_EQ(view.created_by, "someone");
    EXPECT_EQ(view.required_roles, adapter.required_roles);
    EXPECT_EQ(view.tenant, "t");
    EXPECT_EQ(view.affinity, contract::Affinity::none);
    EXPECT_EQ(view.transport, contract::Transport::sse);
    EXPECT_EQ(view.timeouts, (contract::Timeouts{1, 2, 3, 4}));
    // The name of a secret is not its value.
    EXPECT_EQ(view.request_headers,
              (std::vector<std::pair<std::string, std::string>>{{"X-Key", "value"}}));
    EXPECT_TRUE(view.instances.empty());
}

TEST(View, who_may_do_what_and_how_much_is_passed_on) {
    model::Adapter adapter;
    adapter.tenant = "t";
    adapter.required_scopes = {"s"};
    adapter.access_rules = {{contract::AccessRule::Effect::deny, {"guest"}, {}, {"write_*"}}};
    adapter.limits.per_user.sessions_max = 3;
    adapter.identity_assertion = true;
    const contract::Adapter view = view_of(adapter, {});
    EXPECT_EQ(view.tenant, "t");
    EXPECT_EQ(view.required_scopes, adapter.required_scopes);
    EXPECT_EQ(view.access_rules, adapter.access_rules);
    EXPECT_EQ(view.limits, adapter.limits);
    EXPECT_TRUE(view.identity_assertion);
}

TEST(View, stdio_servers_are_streamable_behind_their_bridge) {
    model::Adapter adapter;
    adapter.transport = model::Transport::stdio;
    EXPECT_EQ(view_of(adapter, {}).transport, contract::Transport::streamable_http);
}

TEST(View, an_instance_that_was_told_to_end_has_no_sessions_any_more) {
    model::Adapter adapter;
    adapter.name = "x";
    deploy::InstanceStatus stopping = instance("x-0", "u0", true);
    stopping.stopping = true;
    EXPECT_TRUE(view_of(adapter, {stopping}).instances.empty());
}

TEST(View, only_living_instances_are_listed_with_their_state) {
    model::Adapter adapter;
    adapter.name = "x";
    deploy::InstanceStatus ready = instance("x-0", "u0", true);
    ready.ready = true;
    ready.host = "10.0.0.1";
    ready.port = 80;
    ready.authority = "h";
    ready.path = "/p";
    const deploy::InstanceStatus dead = instance("x-1", "u1", false);
    const deploy::InstanceStatus silent = instance("x-2", "u2", true);
    deploy::InstanceStatus leaving = instance("x-3", "u3", true);
    leaving.draining = true;
    const contract::Adapter view = view_of(adapter, {ready, dead, silent, leaving});
    ASSERT_EQ(view.instances.size(), 3U);
    EXPECT_EQ(view.instances[0],
              (contract::Instance{.name = "x-0",
                                  .id = contract::instance_identity("x", "x-0", "u0"),
                                  .host = "10.0.0.1",
                                  .port = 80,
                                  .authority = "h",
                                  .path = "/p",
                                  .state = contract::InstanceState::ready}));
    EXPECT_EQ(view.instances[1].name, "x-2");
    EXPECT_EQ(view.instances[1].state, contract::InstanceState::not_ready);
    EXPECT_EQ(view.instances[2].name, "x-3");
    EXPECT_EQ(view.instances[2].state, contract::InstanceState::draining);
}

}  // namespace
}  // namespace mcpgw::publish
