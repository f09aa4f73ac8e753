// The systemd deployer when somebody dies: control planes, the bus, systemd's own memory, the whole
// gateway. Control planes that are killed in the middle of a change: tests/system/under_systemd/.
#include <algorithm>

#include "controlplane/systemd/systemd_fixture.h"

namespace mcpgw::systemd {
namespace {

using namespace testing;  // NOLINT: tests speak its words

// A control plane in a process of its own, until it is killed.
pid_t fork_control_plane(const SystemdOptions& options, const model::Adapter& adapter) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    auto deployer = SystemdDeployer::open(options);
    if (!deployer) _exit(1);
    for (;;)
        maybe(drive(**deployer, adapter, [](const auto&) { return false; }));
}

class Deaths : public SystemdDeployerTest {
  protected:
    // Whether it was killed as it should be.
    [[nodiscard]] static bool wait_for_death(pid_t pid) {
        int status = 0;
        return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
               WTERMSIG(status) == SIGKILL;
    }
    static auto settled(std::size_t count) {
        return [count](const std::vector<InstanceStatus>& all) {
            return ready_count(count)(all) && std::ranges::all_of(all, &InstanceStatus::updated);
        };
    }
    [[nodiscard]] std::size_t unit_count() const {
        const std::string all = units();
        std::size_t count = 0;
        for (std::size_t at = 0; (at = all.find(".service", at)) != std::string::npos; ++at)
            ++count;
        return count;
    }
};

TEST_F(Deaths, servers_outlive_a_killed_control_plane_and_are_adopted) {
    adapter_.replica_count = 2;
    const pid_t first = fork_control_plane(options_, adapter_);
    std::vector<pid_t> pids;
    std::vector<std::string> names;
    ASSERT_TRUE(eventually([&] {
        pids.clear();
        names.clear();
        for (int i = 0; i < 2; ++i) {
            const std::string unit = unit_of(i);
            const std::string pid = unit.empty() ? "" : property(unit, "MainPID");
            if (pid.empty() || pid == "0") continue;
            pids.push_back(std::atoi(pid.c_str()));
            names.push_back(unit);
        }
        return pids.size() == 2;
    }));
    ASSERT_EQ(kill(first, SIGKILL), 0);
    ASSERT_TRUE(wait_for_death(first));

    ASSERT_TRUE(until(settled(2)));
    for (int i = 0; i < 2; ++i) {
        const InstanceStatus status = deployer().observe("x").at(static_cast<std::size_t>(i));
        EXPECT_EQ(ask_pid(status.port), pids[static_cast<std::size_t>(i)]);
        EXPECT_EQ(unit_of(i), names[static_cast<std::size_t>(i)]);
        EXPECT_EQ(status.restarts, 0U);
    }
    // And goes on to care for them.
    ASSERT_EQ(kill(pids[0], SIGKILL), 0);
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("killed by signal 9")) << one().reason;
    ASSERT_TRUE(until(settled(2)));
    EXPECT_EQ(one().restarts, 1U);
}

TEST_F(Deaths, what_was_adopted_is_known_before_the_first_step) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    deployer_.reset();
    const std::vector<InstanceStatus> found = deployer().observe("x");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].ready);
    EXPECT_EQ(found[0].uid, before.uid);
    EXPECT_EQ(found[0].port, before.port);
    EXPECT_EQ(found[0].path, before.path);
}

TEST_F(Deaths, a_lost_directory_does_not_lose_the_server) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    deployer_.reset();
    std::filesystem::remove_all(options_.local.data_dir + "/units");
    ASSERT_TRUE(until(settled(1)));
    EXPECT_EQ(one().uid, uid);
    EXPECT_TRUE(drive_away(deployer(), "x"));
}

TEST_F(Deaths, without_a_control_plane_systemd_starts_it_again) {
    options_.restart_ms = 300;
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    deployer_.reset();
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] {
        const pid_t now = ask_pid(before.port);
        return now != 0 && now != pid;
    }));
    ASSERT_TRUE(until(settled(1)));
    EXPECT_EQ(one().uid, before.uid + "-1");  // its sessions are gone
    EXPECT_EQ(one().restarts, 1U);
    EXPECT_EQ(one().port, before.port);
}

TEST_F(Deaths, what_ended_while_nobody_looked_is_started_afresh) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const std::string unit = unit_of();
    const pid_t grandchild = ask_pid(before.port, "grandchild");
    deployer_.reset();
    EXPECT_EQ(systemctl("stop " + unit), "");
    EXPECT_FALSE(is_running(grandchild));
    ASSERT_TRUE(until(settled(1)));
    EXPECT_NE(one().uid, before.uid);
}

TEST_F(Deaths, an_adopted_server_of_an_older_definition_is_replaced) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    deployer_.reset();
    adapter_.environment_variables["VERSION"] = "2";
    ASSERT_TRUE(until([&](const auto& all) { return all[0].ready && all[0].uid != uid; }));
    EXPECT_EQ(ask(one().port, "env VERSION"), "2");
}

TEST_F(Deaths, everything_ends_when_the_lifeline_does) {
    adapter_.replica_count = 2;
    ASSERT_TRUE(until(ready_count(2)));
    const pid_t pid = ask_pid(one().port);
    deployer_.reset();  // even if the control plane died before
    lifeline_write_.reset();
    EXPECT_TRUE(eventually([&] { return !is_running(pid); }));
    EXPECT_TRUE(eventually([this] { return unit_count() == 0; })) << units();
}

TEST_F(Deaths, the_end_of_the_lifelines_keeper_is_not_the_end_of_the_gateway) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    systemctl("kill -s KILL 'mcp-gateway-" + gateway() + "-LIFELINE-*'");
    ASSERT_TRUE(until([&](const auto& all) { return all[0].ready && all[0].uid != uid; }));
    const pid_t pid = ask_pid(one().port);
    deployer_.reset();
    lifeline_write_.reset();
    EXPECT_TRUE(eventually([&] { return !is_running(pid); }));
}

TEST_F(Deaths, servers_without_a_lifeline_are_replaced_by_servers_with_one) {
    const int lifeline = std::exchange(options_.local.lifeline_fd, -1);
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    deployer_.reset();
    options_.local.lifeline_fd = lifeline;
    ASSERT_TRUE(until([&](const auto& all) { return settled(1)(all) && all[0].uid != uid; }));
}

TEST_F(Deaths, systemd_may_forget_and_be_executed_anew) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    for (const char* verb : {"daemon-reload", "daemon-reexec"}) {
        EXPECT_EQ(systemctl(verb), "");
        ASSERT_TRUE(until(ready_count(1)));
        EXPECT_EQ(one().uid, before.uid);
    }
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts == 1; }));
    EXPECT_TRUE(until(ready_count(1)));
}

TEST_F(Deaths, the_bus_may_go_away_and_come_back) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    systemctl("restart dbus.service");
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, before.uid);
    EXPECT_EQ(ask_pid(one().port), pid);
    // What it does from then on is seen, and what we want of it is heard.
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_TRUE(until([&](const auto& all) { return all[0].ready && all[0].uid != before.uid; }));
    EXPECT_TRUE(drive_away(deployer(), "x"));
}

}  // namespace
}  // namespace mcpgw::systemd
