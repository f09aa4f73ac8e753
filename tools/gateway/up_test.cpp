// `mcp-gateway up` as a process, with fake planes: what it starts, restarts and ends.
//
// The test is a subreaper itself: whatever `up` leaves behind becomes its child, is seen and
// reaped, so that "no process is left" is a fact about the process table and not about time.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/time.h"
#include "tools/gateway/descendants.h"
#include "tools/gateway/listeners.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kPatience = 30 * kSecond;  // only a failing test waits that long

using Words = std::vector<std::string>;

class UpTest : public testing::Test {
  protected:
    struct Running {
        pid_t pid = 0;
        UniqueFd out;
        UniqueFd err;
        std::string out_text;
        std::string err_text;
    };

    void SetUp() override {
        ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        std::string pattern = (fs::temp_directory_path() / "up-test-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        variables_ = {"FAKE_LOG=" + log(), "HOME=" + directory_};
    }
    void TearDown() override {
        for (const pid_t pid : children_of_this_process())
            ::kill(pid, SIGKILL);
        reap_all();
        fs::remove_all(directory_);
    }

    [[nodiscard]] std::string log() const { return directory_ + "/fake.log"; }
    [[nodiscard]] std::string data_dir() const { return directory_ + "/data"; }

    // With ports of the kernel's choice and this test's data directory, unless `arguments` differ.
    Running start(const Words& arguments) {
        Words words{MCPGW_UP_UNDER_TEST, "up"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        const auto add_default = [&words](const char* flag, const std::string& value) {
            if (std::ranges::find(words, flag) == words.end())
                words.insert(words.end(), {flag, value});
        };
        add_default("--data-dir", data_dir());
        add_default("--listen", "127.0.0.1:0");
        add_default("--admin-listen", "127.0.0.1:0");
        add_default("--workers", "2");
        std::array<int, 2> out{};
        std::array<int, 2> err{};
        EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC), 0);
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        std::vector<char*> envp;
        for (std::string& one : variables_)
            envp.push_back(one.data());
        envp.push_back(nullptr);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::dup2(out[1], STDOUT_FILENO);
            ::dup2(err[1], STDERR_FILENO);
            ::execve(argv[0], argv.data(), envp.data());
            ::_exit(126);
        }
        ::close(out[1]);
        ::close(err[1]);
        return {pid, UniqueFd(out[0]), UniqueFd(err[0]), "", ""};
    }

    static void take(const UniqueFd& fd, std::string& text) {
        std::array<char, 4096> block{};
        const ssize_t count = ::read(fd.get(), block.data(), block.size());
        if (count > 0) text.append(block.data(), static_cast<std::size_t>(count));
    }

    // The first line of standard output.
    static std::string await_line(Running& up) {
        const Nanos end = monotonic_now() + kPatience;
        while (!up.out_text.contains('\n') && monotonic_now() < end) {
            pollfd source{up.out.get(), POLLIN, 0};
            if (::poll(&source, 1, 100) <= 0) continue;
            const std::size_t before = up.out_text.size();
            take(up.out, up.out_text);
            if (up.out_text.size() == before) break;
        }
        return up.out_text.substr(0, up.out_text.find('\n'));
    }

    Running start_ready(const Words& arguments = {}) {
        Running up = start(arguments);
        const std::string line = await_line(up);
        EXPECT_TRUE(line.starts_with("ready http://127.0.0.1:")) << line;
        return up;
    }

    // The exit status, or minus the signal; -1000 if it does not end.
    static int await_end(Running& up) {
        const Nanos end = monotonic_now() + kPatience;
        while (monotonic_now() < end) {
            int status = 0;
            if (::waitpid(up.pid, &status, WNOHANG) == up.pid) {
                ::fcntl(up.err.get(), F_SETFL, O_NONBLOCK);
                for (std::size_t size = 0; size != up.err_text.size() || size == 0;) {
                    size = up.err_text.size();
                    take(up.err, up.err_text);
                    if (size == up.err_text.size()) break;
                }
                return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            }
            ::poll(nullptr, 0, 5);
        }
        return -1000;
    }

    static void reap_all() {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    // Waits until every process that `up` left is gone; they are this test's children by now.
    static bool all_gone() {
        const Nanos end = monotonic_now() + kPatience;
        for (;;) {
            const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
            if (pid < 0) return true;
            if (monotonic_now() > end) return false;
            if (pid == 0) ::poll(nullptr, 0, 5);
        }
    }

    [[nodiscard]] Words lines() const {
        std::ifstream file(log());
        Words all;
        for (std::string line; std::getline(file, line);)
            all.push_back(line);
        return all;
    }
    // The last words of the lines "<name> <event> <detail>".
    [[nodiscard]] Words details(const std::string& start) const {
        Words found;
        for (const std::string& line : lines())
            if (line.starts_with(start + " ")) found.push_back(line.substr(start.size() + 1));
        return found;
    }
    [[nodiscard]] pid_t last_pid(const std::string& start) const {
        const Words pids = details(start);
        return pids.empty() ? 0 : std::atoi(pids.back().c_str());
    }
    template <class Condition>
    static bool eventually(Condition&& holds) {
        const Nanos end = monotonic_now() + kPatience;
        while (!holds()) {
            if (monotonic_now() > end) return false;
            ::poll(nullptr, 0, 5);
        }
        return true;
    }

    // What the data plane answers on a new connection: its pid.
    static pid_t ask(const std::string& ready_line) {
        const int port = std::atoi(ready_line.substr(ready_line.rfind(':') + 1).c_str());
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return -1;
        std::array<char, 32> text{};
        pollfd source{fd.get(), POLLIN, 0};
        if (::poll(&source, 1, 30'000) <= 0) return -2;
        return ::read(fd.get(), text.data(), text.size() - 1) > 0 ? std::atoi(text.data()) : -3;
    }

    std::string directory_;
    Words variables_;
};

TEST_F(UpTest, planes_get_what_they_need_and_ready_is_one_line) {
    variables_.push_back("MCP_GATEWAY_WORKERS=7");  // the flag wins, and planes do not see it
    Running up = start_ready({"--allowed-hosts", "a.example,b.example"});
    const Words given = details("dataplane argument");
    const auto follows = [&given](const char* flag, const std::string& value) {
        const auto at = std::ranges::find(given, flag);
        return at != given.end() && at + 1 != given.end() && *(at + 1) == value;
    };
    EXPECT_TRUE(follows("--workers", "2"));
    EXPECT_TRUE(follows("--data-dir", data_dir()));
    EXPECT_TRUE(follows("--contract-socket", data_dir() + "/contract.sock"));
    EXPECT_TRUE(follows("--api-socket", data_dir() + "/api.sock"));
    EXPECT_EQ(std::ranges::count(given, "--allowed-hosts"), 2);
    const Words variables = details("dataplane variable");
    EXPECT_EQ(variables, (Words{"LISTEN_FDS=3", "LISTEN_PID=" + details("dataplane started")[0],
                                "LISTEN_FDNAMES=main:main:admin",
                                "MCP_GATEWAY_LIFELINE_FD=", "MCP_GATEWAY_WORKERS="}));
    EXPECT_EQ(details("controlplane variable"),
              (Words{"LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", "MCP_GATEWAY_LIFELINE_FD=3",
                     "MCP_GATEWAY_WORKERS="}));
    struct stat status{};
    ASSERT_EQ(::stat(data_dir().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0) << up.err_text;
    take(up.out, up.out_text);
    EXPECT_EQ(std::ranges::count(up.out_text, '\n'), 1);
}

TEST_F(UpTest, sigterm_ends_dataplane_then_controlplane_then_servers) {
    Running up = start_ready();
    ASSERT_TRUE(eventually([this] { return last_pid("shim started") != 0; }));
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
    EXPECT_TRUE(children_of_this_process().empty());
    Words events;
    for (const std::string& line : lines())
        if (line.contains(" terminated ") || line.contains(" lifeline-ended "))
            events.push_back(line.substr(0, line.find(' ')));
    EXPECT_EQ(events, (Words{"dataplane", "controlplane", "shim"}));
    EXPECT_FALSE(fs::exists(data_dir() + "/dataplane.notify"));
}

TEST_F(UpTest, a_killed_dataplane_is_replaced_and_no_connection_is_refused) {
    Running up = start_ready({"--workers", "1"});
    const std::string line = await_line(up);
    const pid_t first = ask(line);
    ASSERT_EQ(first, last_pid("dataplane started"));
    ::kill(first, SIGKILL);
    // The listeners are up's: this connection waits in the backlog for the next data plane.
    const pid_t second = ask(line);
    EXPECT_GT(second, 0);
    if (second == first) GTEST_FAIL() << "a killed process answered";
    EXPECT_EQ(details("controlplane started").size(), 1U);
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
}

TEST_F(UpTest, a_killed_controlplane_is_replaced_and_its_shims_live_on) {
    Running up = start_ready();
    ASSERT_TRUE(eventually([this] { return last_pid("shim started") != 0; }));
    const pid_t shim = last_pid("shim started");
    ::kill(last_pid("controlplane started"), SIGKILL);
    ASSERT_TRUE(eventually([this] { return details("shim started").size() == 2; }));
    EXPECT_EQ(::kill(shim, 0), 0);
    EXPECT_TRUE(details("shim lifeline-ended").empty());
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
    EXPECT_EQ(details("shim lifeline-ended").size(), 2U);
    EXPECT_TRUE(children_of_this_process().empty());
}

TEST_F(UpTest, sigkill_of_up_leaves_no_process) {
    Running up = start_ready();
    ASSERT_TRUE(eventually([this] { return last_pid("shim started") != 0; }));
    ::kill(up.pid, SIGKILL);
    EXPECT_EQ(await_end(up), -SIGKILL);
    EXPECT_TRUE(all_gone());
    // The control plane was asked, not killed, and the shim saw the end of its lifeline.
    EXPECT_EQ(details("controlplane terminated").size(), 1U);
    EXPECT_EQ(details("dataplane terminated").size(), 0U);
    EXPECT_EQ(details("shim lifeline-ended").size(), 1U);
}

TEST_F(UpTest, a_second_signal_stops_at_once) {
    variables_.push_back("FAKE_STUBBORN_dataplane=1");
    variables_.push_back("FAKE_STUBBORN_SHIM=1");
    Running up = start_ready({"--drain-seconds", "3600"});
    ASSERT_TRUE(eventually([this] { return last_pid("shim started") != 0; }));
    ::kill(up.pid, SIGTERM);
    ASSERT_TRUE(eventually([this] { return !details("dataplane terminated").empty(); }));
    EXPECT_TRUE(details("controlplane terminated").empty());  // it waits for the drain
    ::kill(up.pid, SIGINT);
    EXPECT_EQ(await_end(up), 0);
    EXPECT_TRUE(children_of_this_process().empty());
}

TEST_F(UpTest, a_dataplane_that_does_not_drain_is_killed_after_its_time) {
    variables_.push_back("FAKE_STUBBORN_dataplane=1");
    Running up = start_ready({"--drain-seconds", "0"});
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
    EXPECT_TRUE(children_of_this_process().empty());
    EXPECT_EQ(details("controlplane terminated").size(), 1U);
}

TEST_F(UpTest, a_second_up_on_the_same_data_is_refused_and_the_first_unharmed) {
    Running up = start_ready({"--workers", "1"});
    const std::string line = await_line(up);
    Running second = start({});
    EXPECT_EQ(await_end(second), 1);
    EXPECT_TRUE(second.err_text.contains("pid " + std::to_string(up.pid))) << second.err_text;
    EXPECT_EQ(second.out_text, "");
    EXPECT_EQ(ask(line), last_pid("dataplane started"));
    EXPECT_EQ(details("dataplane started").size(), 1U);
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
}

TEST_F(UpTest, a_port_in_use_is_refused_before_anything_starts) {
    auto other = open_listeners({"127.0.0.1", 0, false}, {"127.0.0.1", 0, false}, 1);
    ASSERT_TRUE(other.has_value());
    const std::string address = to_text(other->main);
    Running up = start({"--listen", address});
    EXPECT_EQ(await_end(up), 1);
    EXPECT_TRUE(up.err_text.contains(address + " is already in use; choose another with --listen"))
        << up.err_text;
    Running admin = start({"--admin-listen", to_text(other->admin)});
    EXPECT_EQ(await_end(admin), 1);
    EXPECT_TRUE(admin.err_text.contains("choose another with --admin-listen")) << admin.err_text;
    EXPECT_TRUE(lines().empty());
}

TEST_F(UpTest, a_plane_that_cannot_start_ends_up_with_its_status) {
    for (const std::string status : {"1", "2"}) {
        for (const std::string plane : {"dataplane", "controlplane"}) {
            variables_ = {"FAKE_LOG=" + log(), "FAKE_EXIT_" + plane + "=" + status};
            Running up = start({});
            EXPECT_EQ(await_end(up), std::stoi(status)) << plane << up.err_text;
            EXPECT_EQ(await_line(up), "") << "no ready line";
            EXPECT_TRUE(children_of_this_process().empty());
        }
    }
}

TEST_F(UpTest, a_plane_that_crashes_before_it_is_ready_is_tried_again) {
    variables_.push_back("FAKE_EXIT_dataplane=139");
    Running up = start({});
    EXPECT_TRUE(eventually([this] { return details("dataplane started").size() >= 3; }));
    EXPECT_EQ(details("controlplane started").size(), 1U);
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);
}

TEST_F(UpTest, an_import_runs_once_ready_and_its_failure_does_not_end_up) {
    const std::string file = directory_ + "/mcp.json";
    std::ofstream(file) << R"({"mcpServers": {"x": {"command": "y"}}})";
    Running up = start_ready({"--workers", "1", "--import", file});
    // The fake data plane answers the import with something that is no HTTP.
    const auto says = [&up](const char* sentence) {
        pollfd source{up.err.get(), POLLIN, 0};
        if (::poll(&source, 1, 0) > 0) take(up.err, up.err_text);
        return up.err_text.contains(sentence);
    };
    EXPECT_TRUE(eventually([&says] { return says("not every server of --import was applied"); }))
        << up.err_text;
    EXPECT_TRUE(says("x: no answer from http://localhost:")) << up.err_text;
    EXPECT_GT(ask(await_line(up)), 0);
    ::kill(up.pid, SIGTERM);
    EXPECT_EQ(await_end(up), 0);

    std::ofstream(file) << R"({"mcpServers": {"x": {"command": "${NOT_SET_HERE}"}}})";
    Running wrong = start({"--import", file});
    EXPECT_EQ(await_end(wrong), 2);
    EXPECT_TRUE(wrong.err_text.contains("mcp.json:1:34: server 'x'")) << wrong.err_text;
}

TEST_F(UpTest, wrong_settings_are_refused_with_status_2_and_their_place) {
    const std::string config = directory_ + "/gateway.toml";
    std::ofstream(config) << "listen = \"127.0.0.1:0\"\n\nlisten-on = 3\n";
    Running up = start({"--config", config});
    EXPECT_EQ(await_end(up), 2);
    EXPECT_TRUE(up.err_text.contains(config + ":3: unknown key 'listen-on'")) << up.err_text;

    Running open = start({"--listen", "0.0.0.0:0"});
    EXPECT_EQ(await_end(open), 2);
    EXPECT_TRUE(open.err_text.contains("--dev-auth-on-any-address")) << open.err_text;

    Running unsure = start({"--auth", "none"});
    EXPECT_EQ(await_end(unsure), 2);
    EXPECT_TRUE(unsure.err_text.contains("dev or oidc")) << unsure.err_text;

    Running unknown = start({"--no-such-flag"});
    EXPECT_EQ(await_end(unknown), 2);

    Running missing = start({"--import", directory_ + "/none.json"});
    EXPECT_EQ(await_end(missing), 1);
    EXPECT_TRUE(missing.err_text.contains("none.json")) << missing.err_text;
    EXPECT_TRUE(lines().empty());
    EXPECT_FALSE(fs::exists(data_dir()));
}

TEST_F(UpTest, a_data_directory_that_cannot_be_is_refused) {
    std::ofstream(directory_ + "/file") << "x";
    Running below_file = start({"--data-dir", directory_ + "/file/data"});
    EXPECT_EQ(await_end(below_file), 1);
    EXPECT_TRUE(below_file.err_text.contains("cannot make the data directory"))
        << below_file.err_text;
    Running read_only = start({"--data-dir", "/proc/self"});
    EXPECT_EQ(await_end(read_only), 1);
    EXPECT_TRUE(read_only.err_text.contains("cannot write to the data directory"))
        << read_only.err_text;
    Running too_long = start({"--data-dir", directory_ + "/" + std::string(100, 'x')});
    EXPECT_EQ(await_end(too_long), 2);
    EXPECT_TRUE(too_long.err_text.contains("too long")) << too_long.err_text;
    EXPECT_TRUE(lines().empty());
}

}  // namespace
}  // namespace mcpgw::cli
