// Which properties a server gets. That systemd takes and enforces them: under_systemd_test.cpp.
#include "controlplane/systemd/unit_properties.h"

#include <set>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::systemd {
namespace {

UnitPlan plan(Sandbox sandbox) {
    UnitPlan plan;
    plan.sandbox = sandbox;
    plan.label = "label";
    plan.description = "MCP server x-0";
    plan.slice = "s.slice";
    plan.command = literally("/bin/p", {"p", "--port", "1"});
    plan.marks = {"PORT=1"};
    plan.environment_file = "/data/environment";
    plan.bin_dir = "/opt/bin";
    plan.home = "/data/home";
    plan.state_directory = "state";
    plan.user = "u";
    plan.grace_ms = 5'000;
    plan.restart_ms = 30'000;
    return plan;
}

const Value* find(const Properties& all, std::string_view name) {
    for (const Property& one : all)
        if (one.name == name) return &one.value;
    return nullptr;
}

template <class T>
void expect(const Properties& all, std::string_view name, const T& value) {
    const Value* found = find(all, name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(*found, Value(value)) << name;
}

TEST(UnitProperties, run_the_command_for_ever_and_end_it_in_order) {
    const Properties all = properties_of(plan(Sandbox::filters));
    expect(all, "ExecStart", Command{"/bin/p", {"p", "--port", "1"}});
    expect(all, "Restart", std::string("always"));
    expect(all, "RestartUSec", std::uint64_t{30'000'000});
    expect(all, "StartLimitIntervalUSec", std::uint64_t{0});
    expect(all, "TimeoutStopUSec", std::uint64_t{5'000'000});
    expect(all, "KillMode", std::string("mixed"));
    expect(all, "CollectMode", std::string("inactive-or-failed"));
    expect(all, "EnvironmentFiles", EnvironmentFile{"/data/environment"});
    expect(all, "SyslogIdentifier", std::string("label"));
    EXPECT_EQ(find(all, "BindsTo"), nullptr);
}

TEST(UnitProperties, no_argument_is_filled_in_by_systemd) {
    EXPECT_EQ(literally("/p", {"$A", "${B} $$", "c"}), (Command{"/p", {"$$A", "$${B} $$$$", "c"}}));
}

TEST(UnitProperties, bind_the_server_to_the_lifeline_if_there_is_one) {
    UnitPlan with = plan(Sandbox::filters);
    with.lifeline = "l.service";
    const Properties all = properties_of(with);
    expect(all, "BindsTo", std::vector<std::string>{"l.service"});
    expect(all, "After", std::vector<std::string>{"l.service"});
}

TEST(UnitProperties, limit_what_resources_say_and_nothing_else) {
    const Properties none = properties_of(plan(Sandbox::filters));
    for (const char* name : {"MemoryMax", "MemoryLow", "CPUQuotaPerSecUSec", "CPUWeight"})
        EXPECT_EQ(find(none, name), nullptr) << name;
    expect(none, "TasksMax", limits::systemd_tasks_max);
    UnitPlan limited = plan(Sandbox::filters);
    limited.resources.limits = {"1500m", "256Mi"};
    limited.resources.requests = {"2", "64Mi"};
    const Properties all = properties_of(limited);
    expect(all, "MemoryMax", std::uint64_t{256} << 20);
    expect(all, "MemoryLow", std::uint64_t{64} << 20);
    expect(all, "CPUQuotaPerSecUSec", std::uint64_t{1'500'000});
    expect(all, "CPUWeight", std::uint64_t{200});
    limited.resources.requests.cpu = "1m";
    expect(properties_of(limited), "CPUWeight", std::uint64_t{1});
    limited.resources.requests.cpu = "4096";
    expect(properties_of(limited), "CPUWeight", std::uint64_t{10'000});
}

TEST(UnitProperties, under_the_system_give_the_server_a_user_and_places_of_its_own) {
    const Properties all = properties_of(plan(Sandbox::whole));
    expect(all, "DynamicUser", true);
    expect(all, "User", std::string("u"));
    expect(all, "StateDirectory", std::vector<std::string>{"state"});
    expect(all, "CacheDirectory", std::vector<std::string>{"state"});
    expect(all, "ProtectHome", std::string("tmpfs"));
    expect(all, "BindReadOnlyPaths", Bind{"/opt/bin"});
    EXPECT_EQ(find(all, "BindPaths"), nullptr);
}

TEST(UnitProperties, confine_as_far_as_the_service_manager_can) {
    const char* const filters[] = {
        "NoNewPrivileges",    "LockPersonality",         "UMask",
        "RestrictRealtime",   "RestrictSUIDSGID",        "LimitCORE",
        "RestrictNamespaces", "RestrictAddressFamilies", "SystemCallArchitectures"};
    const char* const namespaces[] = {
        "CapabilityBoundingSet", "ProtectSystem",         "PrivateTmp",
        "PrivateDevices",        "ProtectKernelTunables", "ProtectKernelModules",
        "ProtectKernelLogs",     "ProtectControlGroups",  "ProtectHome",
        "BindReadOnlyPaths"};
    for (const Sandbox sandbox : {Sandbox::whole, Sandbox::same_user, Sandbox::filters}) {
        const Properties all = properties_of(plan(sandbox));
        for (const char* name : filters)
            EXPECT_NE(find(all, name), nullptr) << name;
        for (const char* name : namespaces)
            EXPECT_EQ(find(all, name) != nullptr, sandbox != Sandbox::filters) << name;
        EXPECT_EQ(find(all, "DynamicUser") != nullptr, sandbox == Sandbox::whole);
        EXPECT_EQ(find(all, "BindPaths") != nullptr, sandbox == Sandbox::same_user);
        std::set<std::string> names;
        for (const Property& one : all)
            EXPECT_TRUE(names.insert(one.name).second) << one.name << " is there twice";
    }
    expect(properties_of(plan(Sandbox::whole)), "RestrictNamespaces", std::uint64_t{0});
    expect(properties_of(plan(Sandbox::same_user)), "BindPaths", Bind{"/data/home"});
}

}  // namespace
}  // namespace mcpgw::systemd
