// The executable itself, where the deployer's tests do not reach: wrong use.
#include <array>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/shim/run_files.h"

namespace mcpgw::shim {
namespace {

// The exit status of a shim that gets `input`; it must not hang whatever that is.
int run_shim(const std::string& directory, const std::string& input) {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[0], 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::string program = MCPGW_SHIM;
    std::string argument = directory;
    std::array<char*, 3> argv{program.data(), directory.empty() ? nullptr : argument.data(),
                              nullptr};
    pid_t pid = 0;
    const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[0]);
    EXPECT_EQ(write(fds[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
    close(fds[1]);
    int status = 0;
    if (error != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

TEST(Shim, refuses_what_it_cannot_work_with) {
    signal(SIGPIPE, SIG_IGN);
    const std::string here = ".";
    EXPECT_EQ(run_shim("", ""), kExitUnusable);
    EXPECT_EQ(run_shim(here, ""), kExitUnusable);
    EXPECT_EQ(run_shim(here, "{\"uid\":"), kExitUnusable);
    Launch launch;
    launch.uid = "u";
    launch.log_bytes_max = 1000;
    EXPECT_EQ(run_shim(here, encode(launch)), kExitUnusable);  // no command
    launch.command = {"true"};
    EXPECT_EQ(run_shim("/no/such/directory", encode(launch)), kExitUnusable);
}

}  // namespace
}  // namespace mcpgw::shim
