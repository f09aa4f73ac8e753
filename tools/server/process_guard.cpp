// The guarding process reads numbers: g adds group g, -g removes it. It uses only system calls, as
// it is forked from a process that may have threads.
#include "tools/server/process_guard.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"
#include "tools/server/process_marks.h"

namespace mcpgw::server {
namespace {

// A child that is ending has a group still when the one in its place has one already.
constexpr std::size_t kGroupsMax = 2 * limits::bridge_sessions_max;

void replace(std::array<pid_t, kGroupsMax>& groups, pid_t old_group, pid_t new_group) {
    for (pid_t& group : groups) {
        if (group != old_group) continue;
        group = new_group;
        return;
    }
}

[[noreturn]] void guard(int pipe, std::string_view mark) {
    static std::array<pid_t, kGroupsMax> groups;
    groups.fill(0);
    prctl(PR_SET_NAME, "mcp-bridge-grd");
    // Out of the terminal's reach: Ctrl-C is for the bridge, which then ends its children itself.
    setsid();
    dup2(pipe, 0);
    for (const int fd : {1, 2})
        dup2(open("/dev/null", O_WRONLY), fd);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    pid_t told = 0;
    for (;;) {
        const ssize_t got = read(0, &told, sizeof told);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof told) break;
        if (told > 0)
            replace(groups, 0, told);
        else
            replace(groups, -told, 0);
    }
    for (const pid_t group : groups)
        if (group > 0) kill(-group, SIGKILL);
    if (!mark.empty()) kill_marked(mark);
    _exit(0);
}

}  // namespace

Result<> ProcessGuard::start(std::string_view mark) {
    check(pid_ < 0, "a guard is started once");
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return std::unexpected(error_from_errno(errno, "pipe"));
    pid_ = fork();
    if (pid_ == 0) {
        close(fds[1]);
        guard(fds[0], mark);
    }
    const int why = errno;
    close(fds[0]);
    if (pid_ < 0) {
        close(fds[1]);
        return std::unexpected(error_from_errno(why, "fork"));
    }
    pipe_ = fds[1];
    return {};
}

ProcessGuard::~ProcessGuard() {
    if (pid_ < 0) return;
    close(pipe_);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void ProcessGuard::add(pid_t group) {
    tell(group);
}

void ProcessGuard::remove(pid_t group) {
    tell(-group);
}

void ProcessGuard::tell(pid_t group) {
    const std::lock_guard lock(mutex_);
    // Four bytes into a pipe are written whole. A guard that was killed guards no more; the
    // children still have their parent-death signal.
    while (pipe_ >= 0 && write(pipe_, &group, sizeof group) < 0 && errno == EINTR) {
    }
}

}  // namespace mcpgw::server
