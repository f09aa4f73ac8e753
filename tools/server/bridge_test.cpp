// The bridge with real child processes: routing, the ways a session and its process can end, and
// that nothing stays behind.
#include "tools/server/bridge.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <future>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/server/test_client.h"

namespace mcpgw::server {
namespace {

using test::Answer;
using test::eventually;
using test::OpenStream;
using test::TestClient;

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string notification(std::string_view method) {
    return R"({"jsonrpc":"2.0","method":")" + std::string(method) + "\"}";
}

// Neither running nor a zombie of ours; a zombie that only waits for init counts as gone.
bool is_gone(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return true;
    const auto name_end = line.rfind(')');
    return name_end != std::string::npos && line.compare(name_end, 3, ") Z") == 0 &&
           !contains(line, " " + std::to_string(getpid()) + " ");
}

bool has_children() {
    siginfo_t info = {};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

struct Pids {
    pid_t child = 0;
    pid_t grandchild = 0;
};

Pids pids_of(const TestClient& client, int id = 77) {
    const std::string text = client.call(id, "test/pid").last();
    Pids pids;
    const auto at = text.find("\"result\":[");
    if (at == std::string::npos) return pids;
    std::sscanf(text.c_str() + at, "\"result\":[%d,%d]", &pids.child, &pids.grandchild);
    return pids;
}

struct BridgeTest : testing::Test {
    void start(std::size_t children_max = 64, std::string program = MCPGW_FAKE_STDIO_SERVER) {
        BridgeOptions options;
        options.command = {program, {program}};
        options.children_max = children_max;
        options.server.paths = {"/mcp", "/"};
        options.input_timeout_ms = 500;
        bridge = std::make_unique<Bridge>(std::move(options));
        const auto bound = bridge->listen();
        ASSERT_TRUE(bound) << bound.error().detail;
        port = *bound;
        bridge->serve();
    }

    std::unique_ptr<Bridge> bridge;
    std::uint16_t port = 0;
};

TEST_F(BridgeTest, a_session_is_a_process) {
    start();
    TestClient one(port);
    TestClient two(port, "/");
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    EXPECT_EQ(bridge->children(), 2U);
    EXPECT_NE(pids_of(one).child, pids_of(two).child);
    EXPECT_EQ(one.close().status, 200);
    EXPECT_EQ(one.call(1, "ping").status, 404);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 1; }));
    EXPECT_TRUE(contains(two.call(1, "ping").last(), R"("id":1,"result":{})"));
}

TEST_F(BridgeTest, messages_pass_as_they_were_written) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Answer answer = client.post(
        "{\"params\" : {\"x\":1.50e+00,\n\"y\":\"\\u00e4\"},\"method\":\"test/text\",\n"
        "\"id\":\"a\\\"b\",\"jsonrpc\":\"2.0\"}");
    EXPECT_TRUE(contains(answer.last(), "{\"params\" : {\"x\":1.50e+00, \"y\":\"\\u00e4\"},"))
        << answer.last();
    EXPECT_TRUE(contains(answer.last(), R"("id":"a\"b")"));
}

TEST_F(BridgeTest, answers_find_their_request_in_any_order) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    auto first = std::async(std::launch::async, [&] { return client.call(1, "test/pair").last(); });
    const std::string second = client.call(2, "test/pair").last();
    const std::string one = first.get();
    EXPECT_TRUE(contains(one, R"("id":1,"result":{"order":)")) << one;
    EXPECT_TRUE(contains(second, R"("id":2,"result":{"order":)")) << second;
    EXPECT_NE(contains(one, "order\":1"), contains(second, "order\":1"));
}

TEST_F(BridgeTest, progress_precedes_the_answer_on_its_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    const auto events =
        client.call(1, "test/progress", R"({"_meta":{"progressToken":5}})").events();
    ASSERT_EQ(events.size(), 4U);
    EXPECT_TRUE(contains(events[2], R"("progressToken":5,"progress":3)"));
}

TEST_F(BridgeTest, the_server_can_ask_the_client_within_a_request) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream call(client, "POST", R"({"jsonrpc":"2.0","id":1,"method":"test/ask"})");
    ASSERT_TRUE(call.wait_for("roots/list"));
    EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":"s1","result":{"roots":[]}})").status, 202);
    ASSERT_TRUE(call.wait_for_end());
    EXPECT_TRUE(contains(call.received(), R"("result":{"jsonrpc":"2.0","id":"s1")"));
}

TEST_F(BridgeTest, what_the_server_says_by_itself_reaches_the_standalone_stream) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.post(notification("test/notify-later")).status, 202);
    // Whether it is said before or after the stream is open.
    OpenStream standalone(client, "GET", "");
    EXPECT_TRUE(standalone.wait_for("\"n\":2"));
    EXPECT_EQ(client.call(2, "test/notify").events().size(), 2U) << "within a request";
}

TEST_F(BridgeTest, a_process_that_exits_fails_its_requests_with_the_reason) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const std::string last = client.call(3, "test/exit").last();
    EXPECT_TRUE(contains(last, R"("id":3,"error":{"code":-32603)")) << last;
    EXPECT_TRUE(contains(last, "exit status 7")) << last;
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(contains(client.call(4, "ping").body, "-32001"));
}

TEST_F(BridgeTest, a_process_that_is_killed_ends_its_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.child, 0);
    OpenStream standalone(client, "GET", "");
    ASSERT_EQ(standalone.status(), 200);
    ASSERT_EQ(kill(pids.child, SIGKILL), 0);
    EXPECT_TRUE(standalone.wait_for_end());
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(eventually([&] { return is_gone(pids.grandchild); }));
}

TEST_F(BridgeTest, a_closed_output_ends_the_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.call(3, "test/close").last(), "closed its output"));
    EXPECT_EQ(client.call(4, "ping").status, 404);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 0; }));
}

TEST_F(BridgeTest, a_line_that_is_too_long_ends_the_session) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_TRUE(contains(client.call(3, "test/long-line").last(), "-32603"));
    EXPECT_EQ(client.call(4, "ping").status, 404);
}

TEST_F(BridgeTest, large_answers_pass) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_GT(client.call(3, "test/large").last().size(), 3U * 1024 * 1024);
}

TEST_F(BridgeTest, lines_that_are_no_messages_are_dropped) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(client.call(3, "test/garbage").events().size(), 1U);
    EXPECT_EQ(client.call(4, "test/shout").events().size(), 1U);
}

TEST_F(BridgeTest, children_are_bounded) {
    start(2);
    TestClient one(port);
    TestClient two(port);
    TestClient three(port);
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    const Answer refused = three.post(test::kInitialize);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(contains(refused.body, R"("id":0,"error":{"code":-32000)"));
    EXPECT_TRUE(contains(refused.body, "too many sessions"));
    EXPECT_EQ(one.close().status, 200);
    EXPECT_TRUE(eventually([&] { return three.open(); }));
}

TEST_F(BridgeTest, a_program_that_cannot_run_is_told_in_the_answer) {
    start(2, "/dev/null");
    for (int i = 0; i < 3; ++i) {
        const Answer answer = TestClient(port).post(test::kInitialize);
        EXPECT_EQ(answer.status, 502);
        EXPECT_TRUE(contains(answer.body, R"("id":0,"error":{"code":-32603)"));
        EXPECT_TRUE(contains(answer.body, "Permission denied")) << answer.body;
        EXPECT_EQ(answer.header("Mcp-Session-Id"), "");
    }
    EXPECT_EQ(bridge->sessions(), 0U);
    EXPECT_EQ(bridge->children(), 0U) << "a failed start frees its place";
}

TEST_F(BridgeTest, a_client_that_leaves_does_not_end_the_request) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    OpenStream call(client, "POST", R"({"jsonrpc":"2.0","id":1,"method":"test/ask"})");
    ASSERT_TRUE(call.wait_for("roots/list"));
    call.disconnect();
    EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":"s1","result":{}})").status, 202);
    EXPECT_TRUE(contains(client.call(2, "ping").last(), R"("id":2,"result":{})"));
}

TEST_F(BridgeTest, input_that_is_not_taken_fails_the_request_not_the_bridge) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.call(1, "test/stop-reading").status, 200);
    // More than the pipe holds: a part is written, then nothing.
    const std::string large = "\"" + std::string(1024 * 1024, 'x') + "\"";
    const Answer answer = client.call(2, "x", "[" + large + "]");
    EXPECT_EQ(answer.status, 502);
    EXPECT_TRUE(contains(answer.body, R"("id":2,"error":{"code":-32603)"));
    EXPECT_TRUE(eventually([&] { return client.call(3, "ping").status == 404; }))
        << "half a line was written, so the session cannot go on";
    EXPECT_TRUE(TestClient(port).open());
}

TEST_F(BridgeTest, stop_takes_stubborn_processes_and_their_children_along) {
    start();
    TestClient client(port);
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.grandchild, 0);
    ASSERT_EQ(client.call(1, "test/stubborn").status, 200);
    const auto from = std::chrono::steady_clock::now();
    bridge->stop();
    const auto took = std::chrono::steady_clock::now() - from;
    EXPECT_GE(took, std::chrono::milliseconds(2 * limits::bridge_child_grace_ms));
    EXPECT_LT(took, std::chrono::milliseconds(3 * limits::bridge_child_grace_ms));
    EXPECT_TRUE(is_gone(pids.child));
    EXPECT_TRUE(eventually([&] { return is_gone(pids.grandchild); }));
    EXPECT_FALSE(has_children());
}

TEST_F(BridgeTest, two_hundred_sessions_leave_nothing_behind) {
    start(16);
    constexpr int cycles = 200;
    std::atomic<int> next = 0;
    std::atomic<int> failed = 0;
    std::mutex mutex;
    std::vector<pid_t> pids;
    const auto cycle = [&](int n) {
        TestClient client(port);
        if (!eventually([&] { return client.open(); })) return false;
        const Pids these = pids_of(client);
        {
            const std::lock_guard lock(mutex);
            pids.push_back(these.child);
            pids.push_back(these.grandchild);
        }
        OpenStream standalone(client, "GET", "");
        if (standalone.status() != 200 || these.child <= 0) return false;
        switch (n % 4) {
            case 0:
                return client.close().status == 200;
            case 1:
                return contains(client.call(1, "test/exit").last(), "-32603");
            case 2:
                return kill(these.child, SIGKILL) == 0 && standalone.wait_for_end();
            default: {
                OpenStream call(client, "POST", R"({"jsonrpc":"2.0","id":1,"method":"test/ask"})");
                if (!call.wait_for("roots/list")) return false;
                call.disconnect();
                standalone.disconnect();
                return client.close().status == 200;
            }
        }
    };
    std::vector<std::future<void>> workers;
    for (int w = 0; w < 8; ++w)
        workers.push_back(std::async(std::launch::async, [&] {
            for (int n = next++; n < cycles; n = next++)
                if (!cycle(n)) ++failed;
        }));
    for (auto& worker : workers)
        worker.get();
    EXPECT_EQ(failed, 0);
    EXPECT_TRUE(eventually([this] { return bridge->children() == 0; }));
    EXPECT_EQ(bridge->sessions(), 0U);
    EXPECT_FALSE(has_children()) << "no zombie";
    ASSERT_EQ(pids.size(), 2U * cycles);
    EXPECT_TRUE(eventually([&pids] { return std::ranges::all_of(pids, is_gone); })) << "no orphan";
}

// The bridge as a process of its own.
class BridgeProcess {
  public:
    explicit BridgeProcess(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), MCPGW_BRIDGE);
        std::vector<char*> argv;
        for (std::string& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        int fds[2];
        EXPECT_EQ(pipe(fds), 0);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(fds[1], 1);
            close(fds[0]);
            close(fds[1]);
            execv(argv[0], argv.data());
            _exit(127);
        }
        close(fds[1]);
        output_ = fdopen(fds[0], "r");
    }
    ~BridgeProcess() {
        fclose(output_);
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            wait();
        }
    }
    BridgeProcess(const BridgeProcess&) = delete;
    BridgeProcess& operator=(const BridgeProcess&) = delete;

    // The port in its first line; 0 without one.
    std::uint16_t port() {
        char line[256] = {};
        if (fgets(line, sizeof line, output_) == nullptr) return 0;
        const std::string text = line;
        EXPECT_TRUE(
            text.starts_with("ready http"
                             "://127.0.0.1:"))
            << text;
        return static_cast<std::uint16_t>(std::atoi(text.c_str() + text.rfind(':') + 1));
    }
    void signal(int number) { EXPECT_EQ(kill(pid_, number), 0); }
    // Its wait status.
    int wait() {
        int status = 0;
        EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_ = -1;
    FILE* output_ = nullptr;
};

std::vector<std::string> usual_arguments() {
    return {"--listen", "127.0.0.1:0", "--", MCPGW_FAKE_STDIO_SERVER};
}

TEST(BridgeCommand, sigterm_ends_it_and_its_processes) {
    BridgeProcess bridge(usual_arguments());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.child, 0);
    bridge.signal(SIGTERM);
    const int status = bridge.wait();
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(eventually([&] { return is_gone(pids.child) && is_gone(pids.grandchild); }));
}

TEST(BridgeCommand, a_killed_bridge_leaves_nobody_behind) {
    BridgeProcess bridge(usual_arguments());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.grandchild, 0);
    ASSERT_EQ(client.call(1, "test/stubborn").status, 200);
    bridge.signal(SIGKILL);
    bridge.wait();
    EXPECT_TRUE(eventually([&] { return is_gone(pids.child) && is_gone(pids.grandchild); }));
}

TEST(BridgeCommand, wrong_usage_is_2_and_a_missing_program_is_1) {
    unsetenv("PORT");
    const auto exit_code = [](std::vector<std::string> arguments) {
        const int status = BridgeProcess(std::move(arguments)).wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    EXPECT_EQ(exit_code({}), 2);
    EXPECT_EQ(exit_code({"--", "cat"}), 2) << "nobody said where to listen";
    EXPECT_EQ(exit_code({"--listen", "nowhere", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--children-max", "0", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--children-max", "9x", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--children-max", "5000", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--what", "1", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--", "no-such-program-here"}), 1);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--", "/etc/passwd"}), 1);
    EXPECT_EQ(exit_code({"--help"}), 0);
}

TEST(BridgeCommand, the_port_comes_from_the_environment) {
    setenv("PORT", "0", 1);
    BridgeProcess bridge({"--", MCPGW_FAKE_STDIO_SERVER});
    EXPECT_TRUE(TestClient(bridge.port(), "/").open());
    unsetenv("PORT");
}

}  // namespace
}  // namespace mcpgw::server
