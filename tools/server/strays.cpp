// Adopted children by way of /proc/<pid>/task/<pid>/children (proc(5)). A kernel that does not have
// the file (CONFIG_PROC_CHILDREN) leaves strays to whoever is above us.
#include "tools/server/strays.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "tools/server/process_marks.h"

namespace mcpgw::server {
namespace {

constexpr int kTurnsMax = 1000;
constexpr std::chrono::milliseconds kTurn(1);

std::vector<pid_t> children_of_first_thread() {
    const std::string self = std::to_string(getpid());
    std::ifstream file("/proc/" + self + "/task/" + self + "/children");
    std::vector<pid_t> children;
    for (pid_t pid = 0; file >> pid;)
        children.push_back(pid);
    return children;
}

// True if it has ended; it is collected then.
bool collected(pid_t pid) {
    return waitpid(pid, nullptr, WNOHANG) != 0;
}

}  // namespace

Strays::Strays() {
    const auto before = children_of_first_thread();
    spared_.insert(before.begin(), before.end());
    check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "every kernel we run on has subreapers");
}

void Strays::spare(pid_t pid) {
    const std::lock_guard lock(mutex_);
    spared_.insert(pid);
}

std::vector<pid_t> Strays::adopted() const {
    std::vector<pid_t> adopted = children_of_first_thread();
    std::erase_if(adopted, [this](pid_t pid) { return spared_.contains(pid); });
    return adopted;
}

void Strays::collect() {
    const std::lock_guard lock(mutex_);
    for (const pid_t pid : adopted())
        if (collected(pid)) continue;
}

void Strays::end(std::string_view mark) {
    check(!mark.empty(), "a mark says whose they are");
    end_those(mark);
}

void Strays::end_all() {
    end_those({});
}

// In turns, because the end of one may bring its own children here.
void Strays::end_those(std::string_view mark) {
    for (int turn = 0; turn < kTurnsMax; ++turn) {
        bool left = false;
        {
            // Nobody else collects meanwhile, so a process id means the same all the time.
            const std::lock_guard lock(mutex_);
            for (const pid_t pid : adopted()) {
                if (collected(pid)) {
                    left = true;
                } else if (mark.empty() || carries_mark(pid, mark)) {
                    kill(pid, SIGKILL);
                    left = true;
                } else if (is_ending(pid)) {
                    left = true;  // and may leave children to us
                }
            }
        }
        if (!left) return;
        std::this_thread::sleep_for(kTurn);
    }
}

}  // namespace mcpgw::server
