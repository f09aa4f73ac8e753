// What passes between deployer and shim survives the way, and nothing else is believed.
#include "controlplane/shim/run_files.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/time.h"
#include "controlplane/shim/process_table.h"

namespace mcpgw::shim {
namespace {

RunState some_state() {
    RunState state;
    state.uid = "abc";
    state.spec_hash = "def";
    state.port = 65535;
    state.path = "/mcp";
    state.restarts = 4'000'000'000;
    state.phase = Phase::stopping;
    state.shim_pid = 4'194'304;
    state.shim_start_ticks = 1ULL << 52;
    state.server_pid = 12;
    state.server_start_ticks = 34;
    state.started_unix_ms = 1'700'000'000'000;
    state.ended_unix_ms = 1'700'000'000'001;
    state.reason = "cannot start: \"x\"\n";
    return state;
}

TEST(RunFiles, a_launch_arrives_as_it_left_also_with_bytes_that_are_no_text) {
    Launch launch;
    launch.uid = "u";
    launch.spec_hash = "s";
    launch.port = 1;
    launch.path = "/mcp";
    launch.restarts = 2;
    launch.grace_ms = 3;
    launch.log_bytes_max = 1ULL << 40;
    launch.command = {"", "a b", "\xff\xfe\"\n"};
    launch.environment = {{"NAME", "\x80=value"}, {"EMPTY", ""}};
    const auto read = decode_launch(encode(launch));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->command, launch.command);
    EXPECT_EQ(read->environment, launch.environment);
    EXPECT_EQ(read->log_bytes_max, launch.log_bytes_max);
    EXPECT_EQ(encode(*read), encode(launch));
}

TEST(RunFiles, a_state_arrives_as_it_left) {
    const auto read = decode_run_state(encode(some_state()));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(encode(*read), encode(some_state()));
    EXPECT_EQ(read->phase, Phase::stopping);
    EXPECT_EQ(read->restarts, 4'000'000'000U);
}

TEST(RunFiles, every_truncation_and_every_wrong_member_is_refused) {
    const std::string good = encode(some_state());
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(decode_run_state(good.substr(0, size)).has_value()) << size;
    const auto with = [&good](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const auto& [from, to] :
         {std::pair("\"port\":65535", "\"port\":65536"), std::pair("\"port\":65535", "\"port\":-1"),
          std::pair("\"port\":65535", "\"port\":1.5"),
          std::pair("\"port\":65535", "\"port\":1e300"),
          std::pair("\"port\":65535", "\"port\":\"1\""),
          std::pair("\"uid\":\"abc\"", "\"uid\":\"\""),
          std::pair("\"uid\":\"abc\"", "\"uid\":null"), std::pair("\"stopping\"", "\"sleeping\""),
          std::pair("\"shimPid\":4194304", "\"shimPid\":4294967296")})
        EXPECT_FALSE(decode_run_state(with(from, to)).has_value()) << to;
    for (const char* text : {"null", "[]", "7", "\"x\"", "{}", "{\"command\":[]}"}) {
        EXPECT_FALSE(decode_run_state(text).has_value()) << text;
        EXPECT_FALSE(decode_launch(text).has_value()) << text;
    }
}

TEST(RunFiles, a_state_on_disk_is_replaced_as_a_whole_and_bounded) {
    std::string directory = (std::filesystem::temp_directory_path() / "mcpgw-XXXXXX").string();
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    EXPECT_EQ(read_run_state(directory).error().code, Code::not_found);
    ASSERT_TRUE(write_run_state(directory, some_state()).has_value());
    EXPECT_EQ(read_run_state(directory)->uid, "abc");
    EXPECT_FALSE(std::filesystem::exists(directory + "/state.json.new"));
    std::ofstream(directory + "/state.json") << std::string(1 << 20, '[');
    EXPECT_EQ(read_run_state(directory).error().code, Code::limit_exceeded);
    std::filesystem::remove_all(directory);
    EXPECT_FALSE(write_run_state(directory, some_state()).has_value());
}

TEST(ProcessTable, it_knows_this_process) {
    const auto self = process_entry(getpid());
    ASSERT_TRUE(self.has_value());
    EXPECT_EQ(self->parent, getppid());
    EXPECT_EQ(self->group, getpgrp());
    EXPECT_EQ(self->session, getsid(0));
    EXPECT_GT(self->start_ticks, 0U);
    EXPECT_NE(command_line(getpid()).find("shim_test"), std::string::npos);
    bool found = false;
    for (const ProcessEntry& entry : all_processes())
        if (entry.pid == getpid()) found = entry.start_ticks == self->start_ticks;
    EXPECT_TRUE(found);
}

TEST(ProcessTable, it_finds_children_and_marks) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(fds[1]);
        dup2(fds[0], 0);
        execl("/bin/sh", "sh (a ) b", "-c", "read x", nullptr);
        _exit(1);
    }
    close(fds[0]);
    // Until it has become the other program, its environment is on the move.
    const Nanos deadline = monotonic_now() + 20 * kSecond;
    while (!command_line(child).starts_with("sh (a ) b") && monotonic_now() < deadline)
        poll(nullptr, 0, 1);
    EXPECT_EQ(own_children(), std::vector<pid_t>{child});
    const char* path = getenv("PATH");
    ASSERT_NE(path, nullptr);
    EXPECT_TRUE(has_in_environment(child, std::string("PATH=") + path));
    EXPECT_FALSE(has_in_environment(child, "PATH="));
    EXPECT_FALSE(has_in_environment(child, "NO_SUCH_VARIABLE=1"));
    close(fds[1]);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(process_entry(child).has_value());
    EXPECT_TRUE(command_line(child).empty());
    EXPECT_FALSE(process_entry(0).has_value());
    EXPECT_FALSE(process_entry(-1).has_value());
}

}  // namespace
}  // namespace mcpgw::shim
