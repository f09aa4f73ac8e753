// What the tests of the bridge share: a bridge inside the test or as a process of its own, and
// looks at processes.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/types.h>

#include "tools/server/bridge.h"
#include "tools/server/test_client.h"

namespace mcpgw::server::test {

[[nodiscard]] bool contains(const std::string& text, std::string_view part);
[[nodiscard]] std::string notification(std::string_view method);
[[nodiscard]] std::string request(int id, std::string_view method);

// Neither running nor a zombie of ours; a zombie that only waits for init counts as gone.
[[nodiscard]] bool is_gone(pid_t pid);
// Also those that have ended and are not collected.
[[nodiscard]] bool has_children();
// Everybody's, on all threads.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
// How many of the running processes have this assignment in their environment.
[[nodiscard]] int running_with(const std::string& assignment);
[[nodiscard]] std::size_t resident_kib(pid_t pid);

struct Pids {
    pid_t child = 0;
    pid_t grandchild = 0;
};
// What test/pid, or test/stray, answers; zeros if it is not answered.
[[nodiscard]] Pids pids_of(const TestClient& client, std::string_view method = "test/pid");

struct BridgeTest : testing::Test {
    // A bridge in front of the fake server, unless `options` say otherwise.
    void start(BridgeOptions options = hasty());
    // Options with little patience for servers that take no input.
    [[nodiscard]] static BridgeOptions hasty() {
        BridgeOptions options;
        options.server.take_timeout_ms = 500;
        return options;
    }
    void start_with_max(std::size_t children_max);

    std::unique_ptr<Bridge> bridge;
    std::uint16_t port = 0;
};

// The bridge as a process of its own.
class BridgeProcess {
  public:
    explicit BridgeProcess(std::vector<std::string> arguments);
    ~BridgeProcess();
    BridgeProcess(const BridgeProcess&) = delete;
    BridgeProcess& operator=(const BridgeProcess&) = delete;

    // In front of the fake server, on any port, with these options.
    static std::vector<std::string> usual(std::vector<std::string> options = {});

    // The port in its first line; 0 without one.
    std::uint16_t port();
    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number);
    // Its wait status.
    int wait();
    // What it has written to standard error so far.
    [[nodiscard]] std::string log();

  private:
    pid_t pid_ = -1;
    std::FILE* output_ = nullptr;
    std::FILE* log_ = nullptr;
};

}  // namespace mcpgw::server::test
