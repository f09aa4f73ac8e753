// What `mcp-gateway secrets` writes, shows and refuses, with its exit statuses; and that a terminal
// does not show what is typed.
#include "tools/gateway/secrets.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "controlplane/secrets/secret_files.h"

namespace mcpgw::cli {
namespace {

class SecretsVerbs : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_secrets_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        data_dir_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(data_dir_); }

    struct Ended {
        int status;
        std::string output;
        std::string complaint;
    };
    static int run_with(std::vector<std::string> words) {
        words.insert(words.begin(), "secrets");
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        return run_secrets(static_cast<int>(argv.size()), argv.data());
    }
    // With `input` as standard input.
    Ended run(std::vector<std::string> words, const std::string& input = "") const {
        words.insert(words.end(), {"--data-dir", data_dir_});
        int fds[2];
        EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
        EXPECT_EQ(::write(fds[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
        ::close(fds[1]);
        const int before = ::dup(STDIN_FILENO);
        ::dup2(fds[0], STDIN_FILENO);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = run_with(std::move(words));
        std::fflush(stdout);
        ::dup2(before, STDIN_FILENO);
        ::close(before);
        ::close(fds[0]);
        return {status, testing::internal::GetCapturedStdout(),
                testing::internal::GetCapturedStderr()};
    }
    std::string value_of(const char* name) const {
        return secrets::read_secret(secrets::directory_in(data_dir_), name).value_or("(none)");
    }

    std::string data_dir_;
};

TEST_F(SecretsVerbs, set_list_and_delete_go_together) {
    EXPECT_EQ(run({"list"}).output, "");
    const Ended done = run({"set", "key"}, "Bearer abc\n");
    EXPECT_EQ(done.status, 0) << done.complaint;
    EXPECT_EQ(done.output, "set key in " + data_dir_ + "/secrets\n");
    EXPECT_EQ(value_of("key"), "Bearer abc");
    EXPECT_EQ(run({"set", "another", "--json"}, "x").output,
              "{\"name\":\"another\",\"result\":\"set\"}\n");
    EXPECT_EQ(run({"list"}).output, "another\nkey\n");
    EXPECT_EQ(run({"list", "--json"}).output, "[{\"name\":\"another\"},{\"name\":\"key\"}]\n");
    EXPECT_EQ(run({"delete", "key"}).status, 0);
    EXPECT_EQ(run({"list"}).output, "another\n");
    EXPECT_EQ(run({"delete", "key"}).status, 1);
}

TEST_F(SecretsVerbs, what_cannot_be_a_header_is_wrong_usage_and_is_not_repeated) {
    for (const char* value : {"two\nlines\n", "", "\n", "tab\tbed"}) {
        const Ended done = run({"set", "key"}, value);
        EXPECT_EQ(done.status, 2) << value;
        EXPECT_EQ(done.complaint.find("lines"), std::string::npos);
        EXPECT_EQ(value_of("key"), "(none)");
    }
    EXPECT_EQ(run({"set", "../key"}, "x").status, 2);
    EXPECT_EQ(run({"set"}, "x").status, 2);
    EXPECT_EQ(run({}, "x").status, 2);
}

TEST_F(SecretsVerbs, a_terminal_does_not_show_the_value_and_shows_again_what_is_typed_later) {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(terminal, 0);
    ASSERT_EQ(::grantpt(terminal), 0);
    ASSERT_EQ(::unlockpt(terminal), 0);
    const int user = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(user, 0);
    const pid_t child = ::fork();
    if (child == 0) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            ::dup2(user, fd);
        ::_exit(run_with({"set", "key", "--data-dir", data_dir_}));
    }
    // The question stands there before echo is off: what is typed before is not ours to hide.
    termios state{};
    do {
        ::poll(nullptr, 0, 1);
        ASSERT_EQ(::tcgetattr(user, &state), 0);
    } while ((state.c_lflag & ECHO) != 0);
    ASSERT_EQ(::write(terminal, "hidden\n", 7), 7);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(value_of("key"), "hidden");
    ASSERT_EQ(::tcgetattr(user, &state), 0);
    EXPECT_NE(state.c_lflag & ECHO, 0U);
    char shown[4096];
    const ssize_t got = ::read(terminal, shown, sizeof shown);
    ASSERT_GT(got, 0);
    const std::string text(shown, static_cast<std::size_t>(got));
    EXPECT_TRUE(text.starts_with("value of key (not shown): ")) << text;
    EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
    ::close(user);
    ::close(terminal);
}

}  // namespace
}  // namespace mcpgw::cli
