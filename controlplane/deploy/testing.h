// What the tests of deployers and of the reconciler share: a directory that goes away, a deadline,
// a deployer that is driven as the reconciler drives it, and questions to the test server.
//
// Header only, for tests.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/time.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/shim/process_table.h"

namespace mcpgw::deploy::testing {

// Far beyond what any step takes on a busy machine.
inline constexpr Nanos kPatience = 20 * kSecond;

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string form = (std::filesystem::temp_directory_path() / "mcpgw-XXXXXX").string();
        if (mkdtemp(form.data()) == nullptr) std::abort();
        path_ = form;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// Asks again, a few milliseconds apart, until it is so or patience ends.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate predicate) {
    const Nanos deadline = monotonic_now() + kPatience;
    while (!predicate()) {
        if (monotonic_now() >= deadline) return false;
        poll(nullptr, 0, 2);
    }
    return true;
}

// Drives one adapter until `done(statuses)`, as the reconciler does: events first, then one step.
template <class Predicate>
[[nodiscard]] bool drive(Deployer& deployer, const model::Adapter& adapter, Predicate done) {
    const Nanos deadline = monotonic_now() + kPatience;
    for (;;) {
        const Step step = deployer.apply(adapter);
        if (done(deployer.observe(adapter.name))) return true;
        const Nanos now = monotonic_now();
        if (now >= deadline) return false;
        const Nanos left = step.again_at <= now ? 0 : std::min(step.again_at, deadline) - now;
        pollfd wait{deployer.wait_fd(), POLLIN, 0};
        poll(&wait, 1, static_cast<int>((left + kMillisecond - 1) / kMillisecond));
        maybe(deployer.take_events().empty());
    }
}

[[nodiscard]] inline bool drive_away(Deployer& deployer, const std::string& adapter) {
    return eventually([&] {
        maybe(deployer.take_events().empty());
        return deployer.remove(adapter).done;
    });
}

inline bool all_ready(const std::vector<InstanceStatus>& all) {
    return !all.empty() && std::ranges::all_of(all, &InstanceStatus::ready);
}
inline auto ready_count(std::size_t count) {
    return [count](const std::vector<InstanceStatus>& all) {
        return all.size() == count && all_ready(all);
    };
}

// The answer of the test server to one line; empty if it cannot be reached or ends.
inline std::string ask(std::uint16_t port, std::string line) {
    const Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "";
    line += '\n';
    if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return "";
    std::string answer;
    for (char c = 0; read(fd.get(), &c, 1) == 1 && c != '\n';)
        answer += c;
    return answer;
}
inline pid_t ask_pid(std::uint16_t port, const std::string& line = "pid") {
    return static_cast<pid_t>(std::atoi(ask(port, line).c_str()));
}

inline bool is_running(pid_t pid) {
    const auto entry = shim::process_entry(pid);
    return entry && entry->state != 'Z';
}

// Makes orphans ours for the length of a test, as `mcp-gateway up` does.
inline void adopt_orphans() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}
// Collects what ended; true once there is no child left, alive or dead.
inline bool no_child_left() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
}

}  // namespace mcpgw::deploy::testing
