// The systemd deployer with a real systemd and real servers: starts, ends, changes, limits, and
// what is left afterwards.
#include <algorithm>
#include <filesystem>
#include <set>

#include "common/contract/snapshot.h"
#include "controlplane/systemd/systemd_fixture.h"

namespace mcpgw::systemd {
namespace {

using namespace testing;  // NOLINT: tests speak its words

using UnderSystemd = SystemdDeployerTest;

TEST_F(UnderSystemd, a_server_becomes_ready_on_the_port_it_was_given_twice) {
    adapter_.command.push_back("--at={port}/{port}/$PORT");
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus status = one();
    EXPECT_EQ(status.name, "x-0");
    EXPECT_EQ(status.reason, "ready");
    EXPECT_TRUE(status.alive && status.updated);
    EXPECT_EQ(status.restarts, 0U);
    EXPECT_EQ(status.path, "/mcp");
    EXPECT_EQ(status.uid.size(), 32U);
    const std::string port = std::to_string(status.port);
    EXPECT_EQ(status.address, "127.0.0.1:" + port);
    EXPECT_EQ(ask(status.port, "env PORT"), port);
    EXPECT_EQ(ask(status.port, "args"), "--at=" + port + "/" + port + "/$PORT ");
    EXPECT_EQ(std::to_string(ask_pid(status.port)), property(unit_of(), "MainPID"));
    EXPECT_EQ(property(unit_of(), "Slice"), slice_name(gateway()));
}

TEST_F(UnderSystemd, variables_reach_the_server_and_nobody_else) {
    setenv("MCPGW_TEST_SECRET", "s3cret", 1);
    adapter_.environment_variables = {{"GREETING", "h\xc3\xa9llo \"$HOME\" \\ `x`\nsecond\tline"},
                                      {"PORT", "1"},
                                      {"KEY", "hush"}};
    ASSERT_TRUE(until(ready_count(1)));
    const std::uint16_t port = one().port;
    EXPECT_EQ(ask(port, "env GREETING"), "h\xc3\xa9llo \"$HOME\" \\ `x`");  // an answer is a line
    EXPECT_EQ(ask(port, "env KEY"), "hush");
    EXPECT_EQ(ask(port, "env PORT"), std::to_string(port));
    EXPECT_EQ(ask(port, "env MCPGW_TEST_SECRET"), "(none)");
    EXPECT_EQ(ask(port, "env MCP_GATEWAY_INSTANCE"), "x-0");
    EXPECT_EQ(ask(port, "env PATH"), std::getenv("PATH"));
    EXPECT_EQ(systemctl("show " + unit_of()).find("hush"), std::string::npos);
    const auto mode = std::filesystem::status(instance_path() + "/environment").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    unsetenv("MCPGW_TEST_SECRET");
}

TEST_F(UnderSystemd, what_systemd_does_not_take_as_a_variable_is_told) {
    adapter_.environment_variables = {{"a.b", "1"}};
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 1; }));
    EXPECT_TRUE(one().reason.starts_with("cannot start: the environment variable 'a.b' has a name"))
        << one().reason;
}

TEST_F(UnderSystemd, a_server_may_write_into_its_own_places_only) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::uint16_t port = one().port;
    const std::string home = ask(port, "env HOME");
    const std::string cache = ask(port, "env XDG_CACHE_HOME");
    EXPECT_EQ(ask(port, "touch " + home + "/file"), "ok") << home;
    EXPECT_EQ(ask(port, "touch /tmp/file"), "ok");
    for (const char* path : {"/etc/file", "/usr/file", "/var/lib/file", "/var/cache/file"})
        EXPECT_NE(ask(port, std::string("touch ") + path), "ok") << path;
    // An ordinary user's systemd cannot forbid what the user may do.
    if (geteuid() == 0) {
        EXPECT_NE(ask(port, "touch " + directory_.path() + "/bin/file"), "ok");
    }
    if (under_the_system()) {
        EXPECT_NE(ask(port, "uid"), "0");
        EXPECT_EQ(ask(port, "touch " + cache + "/file"), "ok") << cache;
    }
    // What it has written is there after a restart, and gone with it.
    EXPECT_EQ(ask(port, "exit 1"), "");
    ASSERT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
    EXPECT_EQ(ask(one().port, "touch " + home + "/file"), "ok");
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_FALSE(std::filesystem::exists(home));
    EXPECT_FALSE(std::filesystem::exists(cache));
}

TEST_F(UnderSystemd, a_command_that_does_not_exist_is_named_and_tried_again) {
    const std::vector<std::string> good = adapter_.command;
    adapter_.command = {"no-such-command-anywhere"};
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 2 && !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with(
        "cannot start: no-such-command-anywhere: No such file or directory, restarting in "))
        << one().reason;
    adapter_.command = good;
    EXPECT_TRUE(until(ready_count(1)));
}

TEST_F(UnderSystemd, a_command_that_systemd_cannot_execute_is_named) {
    const std::string file = directory_.path() + "/bin/empty";
    std::ofstream(file) << "\x7f nothing that runs";
    std::filesystem::permissions(file, std::filesystem::perms::all);
    adapter_.command = {file};
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 1 && !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("cannot start: " + file +
                                         ": it cannot be executed (status 203), restarting in "))
        << one().reason;
}

TEST_F(UnderSystemd, a_server_that_exits_is_replaced_under_another_identity) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const std::string unit = unit_of();
    EXPECT_EQ(ask(before.port, "exit 3"), "");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("exited with status 3, restarting in ")) << one().reason;
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_NE(one().uid, before.uid);
    EXPECT_NE(unit_of(), unit);
    EXPECT_EQ(one().restarts, 1U);
    EXPECT_EQ(one().reason, "ready; before: exited with status 3");
}

TEST_F(UnderSystemd, a_server_that_exits_well_is_started_again_too) {
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(ask(one().port, "exit 0"), "");
    EXPECT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
}

TEST_F(UnderSystemd, a_killed_server_is_seen_at_once) {
    ASSERT_TRUE(until(ready_count(1)));
    const pid_t pid = ask_pid(one().port);
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    EXPECT_LT(monotonic_now() - begin, kSecond);
    EXPECT_TRUE(one().reason.starts_with("killed by signal 9")) << one().reason;
}

TEST_F(UnderSystemd, restarts_become_rarer) {
    adapter_.command.insert(adapter_.command.end(), {"--exit", "7"});
    options_.local.backoff_first_ms = 40;
    options_.local.backoff_last_ms = 160;
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 4; }));
    // 40 + 80 + 160 + 160 ms, each a fifth shorter at most.
    EXPECT_GE(monotonic_now() - begin, 352 * kMillisecond);
}

TEST_F(UnderSystemd, who_stops_a_unit_by_hand_gets_it_back) {
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(systemctl("stop " + unit_of()), "");
    EXPECT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
}

TEST_F(UnderSystemd, replicas_are_numbered_and_the_highest_go_first) {
    adapter_.replica_count = 3;
    ASSERT_TRUE(until(ready_count(3)));
    std::set<std::uint16_t> ports;
    for (const InstanceStatus& status : deployer().observe("x"))
        ports.insert(status.port);
    EXPECT_EQ(ports.size(), 3U);
    const std::string first_uid = one().uid;
    adapter_.replica_count = 1;
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, first_uid);
    EXPECT_TRUE(std::filesystem::exists(instance_path(0)));
    EXPECT_FALSE(std::filesystem::exists(instance_path(2)));
    adapter_.replica_count = 0;
    EXPECT_TRUE(until([](const auto& all) { return all.empty(); }));
    adapter_.replica_count = 2;
    EXPECT_TRUE(until(ready_count(2)));
}

TEST_F(UnderSystemd, a_changed_definition_is_rolled_out_one_after_another) {
    adapter_.replica_count = 3;
    ASSERT_TRUE(until(ready_count(3)));
    std::set<std::string> old_uids;
    for (const InstanceStatus& status : deployer().observe("x"))
        old_uids.insert(status.uid);
    adapter_.environment_variables["VERSION"] = "2";
    std::size_t least_ready = 3;
    ASSERT_TRUE(until([&](const auto& all) {
        least_ready =
            std::min(least_ready,
                     static_cast<std::size_t>(std::ranges::count_if(all, &InstanceStatus::ready)));
        return ready_count(3)(all) && std::ranges::all_of(all, &InstanceStatus::updated);
    }));
    EXPECT_EQ(least_ready, 3U);
    for (const InstanceStatus& status : deployer().observe("x")) {
        EXPECT_FALSE(old_uids.contains(status.uid));
        EXPECT_EQ(ask(status.port, "env VERSION"), "2");
    }
}

TEST_F(UnderSystemd, one_that_is_replaced_drains_until_nobody_uses_it) {
    options_.local.drain_ms = 3'600'000;
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    adapter_.environment_variables["VERSION"] = "2";
    const auto is_handed_over = [](const auto& all) {
        return all.size() == 2 && all[0].ready && all[1].draining;
    };
    ASSERT_TRUE(until(is_handed_over));
    EXPECT_EQ(ask_pid(before.port), std::atoi(property(unit_of(), "MainPID").c_str()));
    const std::string home = ask(before.port, "env HOME");
    EXPECT_EQ(ask(before.port, "touch " + home + "/file"), "ok");
    // The next control plane finds both.
    const std::string successor = one().uid;
    deployer_.reset();
    deployer().apply(adapter_);
    ASSERT_TRUE(is_handed_over(deployer().observe("x")));
    EXPECT_EQ(one().uid, successor);
    EXPECT_EQ(deployer().observe("x")[1].uid, before.uid);
    deployer().note_drained("x", contract::instance_identity("x", before.name, before.uid));
    ASSERT_TRUE(
        until([&](const auto& all) { return ready_count(1)(all) && all[0].uid == successor; }));
    EXPECT_EQ(ask(one().port, "env VERSION"), "2");
    EXPECT_EQ(one().reason, "ready");
    // What the name keeps outlives a generation, and not the instance.
    EXPECT_EQ(ask(one().port, "env HOME"), home);
    EXPECT_TRUE(std::filesystem::exists(home + "/file"));
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_FALSE(std::filesystem::exists(home));
}

TEST_F(UnderSystemd, changed_resources_are_a_changed_definition) {
    adapter_.resources.limits = {"1500m", "256Mi"};
    adapter_.resources.requests = {"250m", "64Mi"};
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    EXPECT_EQ(property(unit_of(), "MemoryMax"), "268435456");
    EXPECT_EQ(property(unit_of(), "CPUQuotaPerSecUSec"), "1.500000s");
    EXPECT_EQ(property(unit_of(), "CPUWeight"), "25");
    EXPECT_EQ(property(unit_of(), "TasksMax"), "16384");
    adapter_.resources.limits.memory = "512Mi";
    ASSERT_TRUE(until([&](const auto& all) { return ready_count(1)(all) && all[0].uid != uid; }));
    EXPECT_EQ(property(unit_of(), "MemoryMax"), "536870912");
}

TEST_F(UnderSystemd, removing_leaves_nothing) {
    adapter_.replica_count = 2;
    adapter_.command.push_back("--ignore-term");
    options_.local.grace_ms = 100;
    ASSERT_TRUE(until(ready_count(2)));
    const pid_t grandchild = ask_pid(one().port, "grandchild");
    ASSERT_TRUE(is_running(grandchild));
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_FALSE(is_running(grandchild));
    EXPECT_TRUE(eventually([this] { return units().empty(); })) << units();
    EXPECT_FALSE(std::filesystem::exists(options_.local.data_dir + "/units/x"));
    for (const char* parent :
         {"/var/lib", "/var/lib/private", "/var/cache", "/var/cache/private"}) {
        std::error_code missing;
        for (const auto& entry : std::filesystem::directory_iterator(parent, missing))
            EXPECT_FALSE(entry.path().filename().string().starts_with("mcp-gateway-" + gateway()))
                << entry.path();
    }
    EXPECT_TRUE(deployer().adapters().empty());
    EXPECT_TRUE(deployer().remove("x").done);
}

TEST_F(UnderSystemd, a_failing_server_leaves_no_failed_unit) {
    adapter_.command.insert(adapter_.command.end(), {"--exit", "1"});
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 3; }));
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_TRUE(eventually([this] { return units().empty(); })) << units();
}

TEST_F(UnderSystemd, units_of_others_are_not_touched) {
    ASSERT_TRUE(until(ready_count(1)));
    // The same name as far as names go, even the id of the gateway; but not the marks.
    const std::string stranger = "mcp-gateway-" + gateway() + "-x-0-0123456789ab.service";
    const std::string run = std::string("systemd-run --quiet ") +
                            (under_the_system() ? "" : "--user ") + "--unit " + stranger +
                            " sleep 1000 2>&1";
    EXPECT_EQ(shell(run), "");
    const std::string pid = property(stranger, "MainPID");
    ASSERT_NE(pid, "0");
    deployer_.reset();
    ASSERT_TRUE(until(ready_count(1)));
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_EQ(property(stranger, "ActiveState"), "active");
    EXPECT_EQ(property(stranger, "MainPID"), pid);
    EXPECT_EQ(systemctl("stop " + stranger), "");
}

// A user's systemd may not have the controllers: ctest leaves these to the system's.
using UnderTheSystem = SystemdDeployerTest;

TEST_F(UnderTheSystem, too_much_memory_is_the_end) {
    adapter_.resources.limits.memory = "48Mi";
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(ask(one().port, "eat 200"), "");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    // On cgroup v1 systemd does not know why the kernel killed it.
    EXPECT_TRUE(one().reason.starts_with("killed by signal 9") ||
                one().reason.starts_with("out of memory (MemoryMax)"))
        << one().reason;
}

}  // namespace
}  // namespace mcpgw::systemd
