// The process deployer with real shims and real servers.
#include "controlplane/deploy/process_deployer.h"

#include <chrono>
#include <fstream>
#include <memory>
#include <set>

#include <sys/resource.h>
#include <sys/stat.h>

#include "common/limits.h"
#include "controlplane/deploy/process_fixture.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

// --- Start and end ------------------------------------------------------------------------------

TEST_F(ProcessDeployerTest, a_server_becomes_ready_on_the_port_it_was_given_twice) {
    adapter_.command = {kServer, "--at={port}/{port}"};
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus status = one();
    EXPECT_EQ(status.name, "x-0");
    EXPECT_EQ(status.reason, "ready");
    EXPECT_TRUE(status.alive);
    EXPECT_TRUE(status.updated);
    EXPECT_EQ(status.restarts, 0U);
    EXPECT_EQ(status.path, "/mcp");
    EXPECT_EQ(status.uid.size(), 32U);
    const std::string port = std::to_string(status.port);
    EXPECT_EQ(status.address, "127.0.0.1:" + port);
    EXPECT_EQ(ask(status.port, "env PORT"), port);
    EXPECT_EQ(ask(status.port, "args"), "--at=" + port + "/" + port + " ");
}

TEST_F(ProcessDeployerTest, a_server_gets_what_was_configured_and_little_else) {
    setenv("MCPGW_TEST_SECRET", "s3cret", 1);
    adapter_.environment_variables = {{"GREETING", "h\xc3\xa9llo \xff"}, {"PORT", "1"}};
    ASSERT_TRUE(until(ready_count(1)));
    const std::uint16_t port = one().port;
    EXPECT_EQ(ask(port, "env GREETING"), "h\xc3\xa9llo \xff");
    EXPECT_EQ(ask(port, "env MCPGW_TEST_SECRET"), "(none)");
    EXPECT_EQ(ask(port, "env MCP_GATEWAY_LIFELINE_FD"), "(none)");
    EXPECT_EQ(ask(port, "env MCP_GATEWAY_INSTANCE"), "x-0");
    EXPECT_EQ(ask(port, "env PATH"), std::getenv("PATH"));
    // Nothing but standard input, output and error is open in it.
    std::set<std::string> open_files;
    const std::string fds = "/proc/" + std::to_string(ask_pid(port)) + "/fd";
    for (const auto& entry : std::filesystem::directory_iterator(fds)) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && !target.string().starts_with("socket:"))
            open_files.insert(entry.path().filename().string());
    }
    EXPECT_EQ(open_files, (std::set<std::string>{"0", "1", "2"}));
    unsetenv("MCPGW_TEST_SECRET");
}

TEST_F(ProcessDeployerTest, a_server_dumps_no_core_and_has_a_bound_for_files) {
    ASSERT_TRUE(until(ready_count(1)));
    rlimit limit{};
    ASSERT_EQ(prlimit(ask_pid(one().port), RLIMIT_CORE, nullptr, &limit), 0);
    EXPECT_EQ(limit.rlim_max, 0U);
    rlimit own{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &own), 0);
    ASSERT_EQ(prlimit(ask_pid(one().port), RLIMIT_NOFILE, nullptr, &limit), 0);
    EXPECT_EQ(limit.rlim_max, std::min<rlim_t>(own.rlim_max, limits::server_files_max));
    EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

TEST_F(ProcessDeployerTest, a_command_that_does_not_exist_is_named_and_tried_again) {
    adapter_.command = {"no-such-command-anywhere"};
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 2 && !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with(
        "cannot start: no-such-command-anywhere: No such file or directory, restarting in "))
        << one().reason;
    EXPECT_NE(log_text().find("cannot start: no-such-command-anywhere"), std::string::npos);
    // Mended, it starts at once.
    adapter_.command = {kServer};
    EXPECT_TRUE(until(ready_count(1)));
}

TEST_F(ProcessDeployerTest, a_server_that_exits_is_replaced_under_another_identity) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    EXPECT_EQ(ask(before.port, "exit 3"), "");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("exited with status 3, restarting in ")) << one().reason;
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_NE(one().uid, before.uid);
    EXPECT_EQ(one().restarts, 1U);
    EXPECT_GE(one().since_unix_ms, before.since_unix_ms);
}

TEST_F(ProcessDeployerTest, restarts_become_rarer) {
    adapter_.command = {kServer, "--exit", "7"};
    options_.backoff_first_ms = 40;
    options_.backoff_last_ms = 160;
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 4; }));
    // 40 + 80 + 160 + 160 ms, each a fifth shorter at most.
    EXPECT_GE(monotonic_now() - begin, 352 * kMillisecond);
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    EXPECT_TRUE(one().reason.starts_with("exited with status 7")) << one().reason;
}

TEST_F(ProcessDeployerTest, a_killed_server_is_seen_at_once) {
    ASSERT_TRUE(until(ready_count(1)));
    const pid_t pid = ask_pid(one().port);
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    const Nanos begin = monotonic_now();
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    // About 3 ms on an idle machine; what must not happen is that only a probe finds out.
    EXPECT_LT(monotonic_now() - begin, 500 * kMillisecond);
    EXPECT_TRUE(one().reason.starts_with("killed by signal 9")) << one().reason;
    EXPECT_FALSE(is_running(pid));
}

TEST_F(ProcessDeployerTest, a_server_that_stops_listening_is_not_ready_but_alive) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t pid = ask_pid(before.port);
    EXPECT_EQ(ask(before.port, "deaf"), "ok");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].ready; }));
    EXPECT_TRUE(one().alive);
    EXPECT_EQ(one().uid, before.uid);
    EXPECT_EQ(one().reason, "not reachable: Connection refused");
    kill(pid, SIGUSR1);
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, before.uid);
}

TEST_F(ProcessDeployerTest, a_failure_seen_by_traffic_needs_one_probe_to_be_believed) {
    options_.probe_interval_ms = 60'000;  // only the failure makes us look
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(ask(one().port, "deaf"), "ok");
    // The server closes its listener after it answered.
    ASSERT_TRUE(eventually([this] { return ask(one().port, "pid").empty(); }));
    deployer().probe_now("x");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].ready; }));
    EXPECT_TRUE(one().alive);
}

TEST_F(ProcessDeployerTest, a_server_that_never_listens_stays_starting) {
    adapter_.command = {kServer, "--deaf"};
    ASSERT_TRUE(until([](const auto& all) { return all[0].alive; }));
    EXPECT_FALSE(one().ready);
    EXPECT_EQ(one().reason, "starting");
}

// --- Replicas and changes -----------------------------------------------------------------------

TEST_F(ProcessDeployerTest, replicas_are_numbered_and_the_highest_go_first) {
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
    EXPECT_TRUE(eventually(no_child_left));
    adapter_.replica_count = 2;
    EXPECT_TRUE(until(ready_count(2)));
}

TEST_F(ProcessDeployerTest, a_changed_definition_is_rolled_out_one_after_another) {
    adapter_.replica_count = 3;
    ASSERT_TRUE(until(ready_count(3)));
    std::set<std::string> old_uids;
    for (const InstanceStatus& status : deployer().observe("x"))
        old_uids.insert(status.uid);
    adapter_.environment_variables["VERSION"] = "2";
    std::size_t least_ready = 3;
    ASSERT_TRUE(until([&](const auto& all) {
        least_ready =
            std::min(least_ready, static_cast<std::size_t>(std::ranges::count_if(
                                      all, [](const InstanceStatus& one) { return one.ready; })));
        return ready_count(3)(all) && std::ranges::all_of(all, &InstanceStatus::updated);
    }));
    EXPECT_EQ(least_ready, 3U);
    for (const InstanceStatus& status : deployer().observe("x")) {
        EXPECT_FALSE(old_uids.contains(status.uid));
        EXPECT_EQ(status.restarts, 0U);
        EXPECT_EQ(ask(status.port, "env VERSION"), "2");
    }
}

TEST_F(ProcessDeployerTest, a_definition_that_cannot_run_does_not_take_the_running_ones_down) {
    adapter_.replica_count = 3;
    ASSERT_TRUE(until(ready_count(3)));
    adapter_.command = {kServer, "--exit", "1"};
    ASSERT_TRUE(until([](const auto& all) {
        return std::ranges::any_of(all, [](const auto& one) { return one.restarts >= 3; });
    }));
    EXPECT_EQ(std::ranges::count_if(deployer().observe("x"),
                                    [](const InstanceStatus& status) { return status.ready; }),
              3);
}

TEST_F(ProcessDeployerTest, what_does_not_concern_the_process_does_not_restart_it) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    adapter_.description = "another";
    adapter_.required_roles = {"someone"};
    adapter_.timeouts.first_byte_ms = 1;
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().uid, uid);
}

TEST_F(ProcessDeployerTest, a_server_that_was_told_to_end_is_stopping_until_it_has) {
    adapter_.command = {kServer, "--ignore-term"};
    options_.grace_ms = 100;
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_FALSE(one().stopping);
    EXPECT_FALSE(deployer().remove("x").done);
    EXPECT_TRUE(one().alive && one().stopping);
    EXPECT_TRUE(drive_away(deployer(), "x"));
}

TEST_F(ProcessDeployerTest, removing_leaves_no_process_and_no_file) {
    adapter_.replica_count = 2;
    adapter_.command = {kServer, "--ignore-term"};
    options_.grace_ms = 100;
    ASSERT_TRUE(until(ready_count(2)));
    const pid_t grandchild = ask_pid(one().port, "grandchild");
    ASSERT_TRUE(is_running(grandchild));
    ASSERT_TRUE(drive_away(deployer(), "x"));
    EXPECT_FALSE(is_running(grandchild));
    EXPECT_TRUE(eventually(no_child_left));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/instances/x"));
    EXPECT_TRUE(deployer().adapters().empty());
    EXPECT_TRUE(deployer().remove("x").done);
}

// --- Deaths of others ---------------------------------------------------------------------------

TEST_F(ProcessDeployerTest, a_killed_shim_takes_its_server_along_and_is_replaced) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t server = ask_pid(before.port);
    const pid_t grandchild = ask_pid(before.port, "grandchild");
    const shim::RunState run = running_state();
    EXPECT_EQ(run.server_pid, server);
    ASSERT_EQ(kill(run.shim_pid, SIGKILL), 0);
    ASSERT_TRUE(until([&](const auto& all) { return all[0].ready && all[0].uid != before.uid; }));
    EXPECT_TRUE(eventually([&] { return !is_running(server) && !is_running(grandchild); }));
}

// Runs a control plane in a process of its own that drives the adapter until it is killed.
pid_t fork_control_plane(const LocalOptions& options, const model::Adapter& adapter) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    auto deployer = ProcessDeployer::open(options);
    if (!deployer) _exit(1);
    maybe(drive(**deployer, adapter, [](const auto&) { return false; }));
    _exit(2);
}

TEST_F(ProcessDeployerTest, servers_outlive_a_killed_control_plane_and_are_adopted) {
    adapter_.replica_count = 2;
    const pid_t first = fork_control_plane(options_, adapter_);
    ASSERT_GT(first, 0);
    std::vector<shim::RunState> runs;
    ASSERT_TRUE(eventually([&] {
        runs.clear();
        for (int i = 0; i < 2; ++i)
            if (const auto run = shim::read_run_state(instance_path(i)))
                if (run->phase == shim::Phase::running && ask_pid(run->port) == run->server_pid)
                    runs.push_back(*run);
        return runs.size() == 2;
    }));
    ASSERT_EQ(kill(first, SIGKILL), 0);
    ASSERT_EQ(waitpid(first, nullptr, 0), first);

    // The successor knows them at once, before its first step.
    const std::vector<InstanceStatus> found = deployer().observe("x");
    ASSERT_EQ(found.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(found[i].ready);
        EXPECT_EQ(found[i].uid, runs[i].uid);
        EXPECT_EQ(found[i].port, runs[i].port);
        EXPECT_EQ(found[i].path, "/mcp");
    }
    ASSERT_TRUE(until(ready_count(2)));
    EXPECT_EQ(one().uid, runs[0].uid);
    EXPECT_TRUE(one().updated);
    EXPECT_EQ(ask_pid(one().port), runs[0].server_pid);
    // And goes on to care for them, though they are not its children.
    ASSERT_EQ(kill(runs[0].server_pid, SIGKILL), 0);
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive; }));
    ASSERT_TRUE(until(ready_count(2)));
    EXPECT_EQ(one().restarts, 1U);
}

TEST_F(ProcessDeployerTest, what_died_while_nobody_looked_is_cleaned_up_and_started_afresh) {
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const pid_t grandchild = ask_pid(before.port, "grandchild");
    deployer_.reset();
    const shim::RunState run = running_state();
    ASSERT_EQ(kill(run.shim_pid, SIGKILL), 0);
    ASSERT_EQ(waitpid(run.shim_pid, nullptr, 0), run.shim_pid);
    EXPECT_TRUE(is_running(grandchild));
    EXPECT_FALSE(deployer().observe("x").at(0).alive);
    EXPECT_TRUE(eventually([&] { return !is_running(grandchild); }));
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_NE(one().uid, before.uid);
}

TEST_F(ProcessDeployerTest, an_adopted_server_of_an_older_definition_is_replaced) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    deployer_.reset();
    adapter_.environment_variables["VERSION"] = "2";
    ASSERT_TRUE(until([&](const auto& all) { return all[0].ready && all[0].uid != uid; }));
    EXPECT_EQ(ask(one().port, "env VERSION"), "2");
}

TEST_F(ProcessDeployerTest, a_state_that_cannot_be_read_ends_the_server_it_belonged_to) {
    for (const char* garbage : {"", "{", "[]", "{\"uid\":1}", "\xff\xfe"}) {
        ASSERT_TRUE(until(ready_count(1)));
        const pid_t server = running_state().server_pid;
        deployer_.reset();
        std::ofstream(instance_path() + "/state.json", std::ios::trunc) << garbage;
        EXPECT_FALSE(deployer().observe("x").at(0).alive) << garbage;
        ASSERT_TRUE(until(ready_count(1))) << garbage;
        EXPECT_FALSE(is_running(server)) << garbage;
    }
}

TEST_F(ProcessDeployerTest, strangers_in_the_instances_directory_do_no_harm) {
    const std::string root = directory_.path() + "/instances";
    std::filesystem::create_directories(root + "/x/not-a-number");
    std::filesystem::create_directories(root + "/y/0");
    std::ofstream(root + "/file") << "hello";
    std::ofstream(root + "/x/0") << "a file where a directory belongs";
    ASSERT_TRUE(until([](const auto& all) { return all[0].restarts >= 1; }));
    EXPECT_TRUE(one().reason.starts_with("cannot start: ")) << one().reason;
    EXPECT_TRUE(drive_away(deployer(), "y"));
    EXPECT_TRUE(drive_away(deployer(), "file"));
    std::filesystem::remove(root + "/x/0");
    EXPECT_TRUE(until(ready_count(1)));
}

TEST_F(ProcessDeployerTest, everything_ends_when_the_lifeline_does) {
    adapter_.replica_count = 3;
    adapter_.command = {kServer, "--ignore-term"};
    options_.grace_ms = 200;
    // Even if the control plane died before.
    const pid_t control_plane = fork_control_plane(options_, adapter_);
    std::set<pid_t> processes;
    ASSERT_TRUE(eventually([&] {
        processes.clear();
        for (int i = 0; i < 3; ++i)
            if (const auto run = shim::read_run_state(instance_path(i)))
                if (run->server_pid > 0 && ask_pid(run->port) == run->server_pid) {
                    processes.insert(run->server_pid);
                    processes.insert(run->shim_pid);
                }
        return processes.size() == 6;
    }));
    const auto run = shim::read_run_state(instance_path(0));
    processes.insert(ask_pid(run->port, "grandchild"));
    kill(control_plane, SIGKILL);
    ASSERT_EQ(waitpid(control_plane, nullptr, 0), control_plane);
    for (const pid_t pid : processes)
        EXPECT_TRUE(is_running(pid));

    lifeline_write_.reset();
    EXPECT_TRUE(eventually(no_child_left));
    for (const pid_t pid : processes)
        EXPECT_FALSE(shim::process_entry(pid).has_value()) << pid;
    EXPECT_EQ(shim::read_run_state(instance_path(0))->phase, shim::Phase::ended);
}

// --- stdio --------------------------------------------------------------------------------------

TEST_F(ProcessDeployerTest, a_stdio_server_is_run_behind_the_bridge) {
    // A bridge that says how it was called and then serves.
    const TemporaryDirectory bin;
    std::filesystem::create_symlink(std::string(MCPGW_BIN_DIR) + "/mcp-gateway-shim",
                                    bin.path() + "/mcp-gateway-shim");
    std::ofstream(bin.path() + "/mcp-gateway") << "#!/bin/sh\nexec " << kServer << " \"$@\"\n";
    std::filesystem::permissions(bin.path() + "/mcp-gateway", std::filesystem::perms::owner_all);
    options_.bin_dir = bin.path();
    adapter_.transport = model::Transport::stdio;
    adapter_.path = "/elsewhere";
    adapter_.command = {"cat", "-u"};
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().path, "/mcp");
    EXPECT_EQ(ask(one().port, "args"), "bridge --listen 127.0.0.1:" + std::to_string(one().port) +
                                           " --session-idle-seconds 1860 -- cat -u ");
    // The bridge would only find out when the first session comes.
    adapter_.command = {"no-such-command-anywhere"};
    ASSERT_TRUE(until([](const auto& all) { return !all[0].alive && all[0].restarts >= 1; }));
    EXPECT_TRUE(one().reason.starts_with("cannot start: no-such-command-anywhere: No such file"))
        << one().reason;
}

TEST(SpecOf, a_bridge_is_replaced_when_its_sessions_may_live_longer) {
    model::Adapter adapter;
    adapter.command = {"cat"};
    const ServerSpec plain = spec_of(adapter, "/bin");
    adapter.transport = model::Transport::stdio;
    const ServerSpec bridged = spec_of(adapter, "/bin");
    adapter.timeouts.session_idle_seconds = 0;
    const ServerSpec patient = spec_of(adapter, "/bin");
    EXPECT_NE(bridged.hash, patient.hash);
    EXPECT_EQ(patient.command[5], "0") << "never";
    adapter.transport = model::Transport::streamable_http;
    EXPECT_EQ(spec_of(adapter, "/bin").hash, plain.hash) << "not its business otherwise";
}

// --- Logs ---------------------------------------------------------------------------------------

TEST_F(ProcessDeployerTest, logs_are_what_the_server_wrote_without_our_stamps) {
    adapter_.command = {kServer, "--say", "good morning"};
    ASSERT_TRUE(until(ready_count(1)));
    const std::string port = std::to_string(one().port);
    ASSERT_TRUE(eventually([&] {
        return log_text() == "good morning\nlistening on " + port + "\n";
    })) << log_text();
    EXPECT_EQ(log_text({.tail = 1}), "listening on " + port + "\n");
    EXPECT_EQ(log_text({.tail = 0}), "");
    EXPECT_EQ(log_text({.previous = true}), "There is no log of an earlier run.\n");
    EXPECT_EQ(log_text({.since_unix_ms = unix_millis_now() + 60'000}), "");
    EXPECT_NE(log_text({.since_unix_ms = unix_millis_now() - 60'000}), "");
}

TEST_F(ProcessDeployerTest, the_run_before_can_still_be_read) {
    adapter_.command = {kServer};
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(ask(one().port, "say last words"), "ok");
    EXPECT_EQ(ask(one().port, "exit 5"), "");
    ASSERT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
    EXPECT_TRUE(
        log_text({.previous = true}).ends_with("last words\nmcp-gateway: exited with status 5\n"))
        << log_text({.previous = true});
    EXPECT_EQ(log_text().find("last words"), std::string::npos);
}

TEST_F(ProcessDeployerTest, logs_of_an_instance_that_was_never_there_are_not_found) {
    EXPECT_EQ(log_text(), "The server has not started yet.\n");
    const auto missing =
        deployer().logs(adapter_, {.instance = 7}, [](std::string_view) { return true; });
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Code::not_found);
}

TEST_F(ProcessDeployerTest, following_goes_on_through_rotation_and_restart) {
    options_.log_bytes_max = 4'096;
    ASSERT_TRUE(until(ready_count(1)));
    std::string text;
    int round = 0;
    // The sink plays the user: each time it saw what it waited for it asks for more.
    const Result<> ended =
        deployer().logs(adapter_, {.tail = 10, .follow = true}, [&](std::string_view piece) {
            text += piece;
            if (round == 0 && text.find("listening") != std::string::npos) {
                ++round;
                EXPECT_EQ(ask(one().port, "spam 16384"), "ok");
                EXPECT_EQ(ask(one().port, "say after the rotation"), "ok");
            }
            if (round == 1 && text.find("after the rotation") != std::string::npos) {
                ++round;
                EXPECT_EQ(ask(one().port, "exit 0"), "");
                EXPECT_TRUE(until([](const auto& all) { return !all[0].alive; }));
                EXPECT_TRUE(until(ready_count(1)));
                EXPECT_EQ(ask(one().port, "say after the restart"), "ok");
            }
            return text.find("after the restart") == std::string::npos;
        });
    EXPECT_TRUE(ended.has_value());
    EXPECT_EQ(round, 2);
    std::uintmax_t bytes = 0;
    for (const char* name : {"/log", "/log.1"})
        bytes += std::filesystem::file_size(instance_path() + name);
    EXPECT_LE(bytes, 2 * options_.log_bytes_max);
}

TEST_F(ProcessDeployerTest, following_ends_with_the_instance) {
    ASSERT_TRUE(until(ready_count(1)));
    int calls = 0;
    const Result<> ended = deployer().logs(adapter_, {.follow = true}, [&](std::string_view) {
        if (++calls > 1) return true;
        EXPECT_TRUE(drive_away(deployer(), "x"));
        return true;
    });
    EXPECT_TRUE(ended.has_value());
}

TEST_F(ProcessDeployerTest, nobody_else_can_read_what_servers_wrote) {
    ASSERT_TRUE(until(ready_count(1)));
    struct stat info{};
    ASSERT_EQ(stat((directory_.path() + "/instances").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    for (const char* name : {"/log", "/state.json", "/lock"}) {
        ASSERT_EQ(stat((instance_path() + name).c_str(), &info), 0) << name;
        EXPECT_EQ(info.st_mode & 0777, 0600U) << name;
    }
}

}  // namespace
}  // namespace mcpgw::deploy
