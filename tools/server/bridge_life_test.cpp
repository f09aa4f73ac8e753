// The bridge as a process among processes: however sessions, children, clients and the bridge
// itself end, nothing stays behind. The test is a subreaper: whoever is left over becomes its
// child, as a zombie too.
#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <random>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tools/server/bridge_fixture.h"
#include "tools/server/process_marks.h"

namespace mcpgw::server {
namespace {

using test::Answer;
using test::BridgeProcess;
using test::children_of;
using test::contains;
using test::eventually;
using test::has_children;
using test::is_gone;
using test::OpenStream;
using test::Pids;
using test::pids_of;
using test::request;
using test::running_with;
using test::TestClient;

// In the environment of bridges and all that they start.
const std::string kVariable = "MCPGW_BRIDGE_LIFE_TEST";

// Children that have been left to us.
void collect() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

struct BridgeLife : testing::Test {
    BridgeLife() {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        setenv(kVariable.c_str(), mark.c_str(), 1);
    }
    ~BridgeLife() override { unsetenv(kVariable.c_str()); }

    [[nodiscard]] int left() const { return running_with(kVariable + "=" + mark); }

    const unsigned seed = std::random_device()();
    const std::string mark = std::to_string(seed);
};

// What a request may come to while processes are killed: its result, or an error that says so.
bool is_definite(const Answer& answer) {
    const std::string text = answer.last();
    for (const char* sign : {"\"result\"", "-32603", "-32001", "-32000"})
        if (contains(text, sign)) return true;
    return false;
}

// One client's visit; its last act is one of several. False if it was left without an answer.
bool visit(std::uint16_t port, std::mt19937& random) {
    TestClient client(port);
    const Answer opened = client.post(test::kInitialize);
    client.set_session(opened.header("Mcp-Session-Id"));
    if (!is_definite(opened)) return false;
    if (opened.status != 200) return true;
    if (random() % 8 == 0 && !is_definite(client.call(1, "test/stray"))) return false;
    if (random() % 4 == 0 && !is_definite(client.call(2, "test/pid"))) return false;
    OpenStream call(client, "POST", request(3, "test/never"));
    if (call.status() == 0) return false;
    switch (random() % 4) {
        case 0:
            call.disconnect();  // and never comes again
            return true;
        case 1:
            return is_definite(client.call(4, "test/exit")) && call.wait_for_end();
        case 2:
            return is_definite(client.call(5, "ping"));
        default: {
            const Answer closed = client.close();
            return (closed.status == 200 || is_definite(closed)) && call.wait_for_end();
        }
    }
}

// SIGKILL to a child of the bridge, whichever but the one that guards the others.
void kill_one(pid_t bridge, std::mt19937& random) {
    std::vector<pid_t> children = children_of(bridge);
    // It leads a session of its own. So does, for a moment, what makes strays; it may be left out.
    std::erase_if(children, [](pid_t pid) { return getsid(pid) == pid; });
    if (!children.empty()) kill(children[random() % children.size()], SIGKILL);
}

TEST_F(BridgeLife, a_thousand_sessions_leave_nothing_behind) {
    SCOPED_TRACE("seed " + mark);
    BridgeProcess bridge(BridgeProcess::usual(
        {"--max-sessions", "32", "--pre-spawn", "4", "--session-idle-seconds", "1"}));
    const std::uint16_t port = bridge.port();
    ASSERT_NE(port, 0);
    std::atomic<int> next = 0;
    std::atomic<int> unanswered = 0;
    std::vector<std::future<void>> clients;
    for (unsigned c = 0; c < 8; ++c)
        clients.push_back(std::async(std::launch::async, [&, c] {
            std::mt19937 random(seed + c);
            while (next++ < 1000)
                if (!visit(port, random)) ++unanswered;
        }));
    std::mt19937 random(seed - 1);
    while (next < 1000) {
        kill_one(bridge.pid(), random);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
    }
    for (auto& client : clients)
        client.get();
    EXPECT_EQ(unanswered, 0);
    // The guarding process, and four that wait; zombies would be children, too, and strays would be
    // counted with the bridge.
    EXPECT_TRUE(eventually([&] { return children_of(bridge.pid()).size() == 5 && left() == 6; }))
        << children_of(bridge.pid()).size() << ", " << left();
    bridge.signal(SIGTERM);
    EXPECT_EQ(bridge.wait(), 0);
    EXPECT_EQ(left(), 0);
    EXPECT_FALSE(has_children());
}

TEST_F(BridgeLife, a_bridge_that_is_killed_takes_everybody_along) {
    SCOPED_TRACE("seed " + mark);
    std::mt19937 random(seed);
    for (int round = 0; round < 20; ++round) {
        BridgeProcess bridge(BridgeProcess::usual({"--pre-spawn", "2"}));
        const std::uint16_t port = bridge.port();
        ASSERT_NE(port, 0);
        std::atomic<bool> over = false;
        std::vector<std::future<void>> clients;
        for (unsigned c = 0; c < 4; ++c)
            clients.push_back(std::async(std::launch::async, [&, c] {
                std::mt19937 of_client(seed + c);
                while (!over)
                    over = !visit(port, of_client) || over;
            }));
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
        bridge.signal(SIGKILL);
        bridge.wait();
        over = true;
        for (auto& client : clients)
            client.get();
        ASSERT_TRUE(eventually([this] {
            collect();
            return left() == 0 && !has_children();
        })) << round;
    }
}

TEST_F(BridgeLife, a_process_that_forks_and_ends_while_it_is_looked_for_is_found) {
    for (int round = 0; round < 10; ++round) {
        const pid_t first = fork();
        if (first == 0) {
            execl(MCPGW_FAKE_STDIO_SERVER, "fake", "--hop", nullptr);
            _exit(127);
        }
        ASSERT_TRUE(eventually([this] { return left() > 0; }));
        kill_marked(kVariable + "=" + mark);
        ASSERT_EQ(left(), 0) << round;
        ASSERT_TRUE(eventually([] {
            collect();
            return !has_children();
        })) << round;
    }
}

TEST_F(BridgeLife, what_leaves_group_and_parent_ends_with_its_session) {
    BridgeProcess bridge(BridgeProcess::usual());
    const std::uint16_t port = bridge.port();
    TestClient one(port);
    TestClient two(port);
    ASSERT_TRUE(one.open());
    ASSERT_TRUE(two.open());
    const Pids first = pids_of(one, "test/stray");
    const Pids second = pids_of(two, "test/stray");
    ASSERT_GT(first.grandchild, 0);
    ASSERT_GT(second.grandchild, 0);
    // It holds the output of its server open, which must not delay anything.
    EXPECT_TRUE(contains(one.call(1, "test/exit").last(), "exit status 7"));
    EXPECT_TRUE(eventually([&] { return is_gone(first.grandchild); }));
    EXPECT_FALSE(is_gone(second.grandchild)) << "another session's";
    bridge.signal(SIGTERM);
    EXPECT_EQ(bridge.wait(), 0);
    EXPECT_TRUE(is_gone(second.grandchild));
    EXPECT_FALSE(has_children());
}

TEST_F(BridgeLife, sigterm_ends_it_and_its_processes) {
    BridgeProcess bridge(BridgeProcess::usual());
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

TEST_F(BridgeLife, a_killed_bridge_leaves_nobody_behind) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const Pids pids = pids_of(client);
    ASSERT_GT(pids.grandchild, 0);
    ASSERT_EQ(client.call(1, "test/stubborn").status, 200);
    bridge.signal(SIGKILL);
    bridge.wait();
    EXPECT_TRUE(eventually([&] {
        collect();
        return is_gone(pids.child) && is_gone(pids.grandchild);
    }));
}

TEST_F(BridgeLife, wrong_usage_is_2_and_a_missing_program_is_1) {
    unsetenv("PORT");
    const auto exit_code = [](std::vector<std::string> arguments) {
        const int status = BridgeProcess(std::move(arguments)).wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    EXPECT_EQ(exit_code({}), 2);
    EXPECT_EQ(exit_code({"--", "cat"}), 2) << "nobody said where to listen";
    EXPECT_EQ(exit_code({"--listen", "nowhere", "--", "cat"}), 2);
    for (const char* number : {"0", "9x", "5000", "-1", ""})
        EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--max-sessions", number, "--", "cat"}), 2)
            << number;
    EXPECT_EQ(exit_code({"--max-sessions=3", "--pre-spawn=4", "--listen=[::1]:0", "cat"}), 2);
    EXPECT_EQ(exit_code({"--session-idle-seconds", "1y", "--listen", "127.0.0.1:0", "cat"}), 2);
    EXPECT_EQ(exit_code({"--what", "1", "--", "cat"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--", "no-such-program-here"}), 1);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:0", "--", "/etc/passwd"}), 1);
    EXPECT_EQ(exit_code({"--help"}), 0);
}

TEST_F(BridgeLife, the_port_comes_from_the_environment) {
    setenv("PORT", "0", 1);
    BridgeProcess bridge({"--", MCPGW_FAKE_STDIO_SERVER});
    EXPECT_TRUE(TestClient(bridge.port(), "/").open());
    unsetenv("PORT");
}

}  // namespace
}  // namespace mcpgw::server
