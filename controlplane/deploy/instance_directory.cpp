// Locks, pidfds and the search for what must not be left.
#include "controlplane/deploy/instance_directory.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "controlplane/deploy/pidfd.h"
#include "controlplane/shim/process_table.h"

namespace mcpgw::deploy {
namespace {

// A pidfd of exactly the process that was seen, or nothing.
Descriptor open_process(pid_t pid, std::uint64_t start_ticks) {
    if (pid <= 0) return {};
    Descriptor pidfd(open_pidfd(pid));
    const auto entry = shim::process_entry(pid);
    if (!entry || entry->start_ticks != start_ticks || entry->state == 'Z') return {};
    return pidfd;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

void Descriptor::reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

int Descriptor::release() {
    return std::exchange(fd_, -1);
}

Result<Descriptor> lock_instance(const std::string& directory) {
    const std::string path = directory + "/lock";
    Descriptor lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) return std::unexpected(error_from_errno(errno, "cannot open " + path));
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK) return failure(Code::conflict, path + " is held");
    return std::unexpected(error_from_errno(errno, "cannot lock " + path));
}

Descriptor open_shim(const shim::RunState& state) {
    return open_process(state.shim_pid, state.shim_start_ticks);
}

std::optional<pid_t> find_shim(const std::string& directory) {
    const std::string last_argument = directory + '\0';
    for (const shim::ProcessEntry& entry : shim::all_processes()) {
        const std::string line = shim::command_line(entry.pid);
        if (line.size() <= last_argument.size() || !line.ends_with(last_argument)) continue;
        const std::string program = line.substr(0, line.find('\0'));
        if (program.ends_with("mcp-gateway-shim")) return entry.pid;
    }
    return std::nullopt;
}

void kill_leftovers(const shim::RunState& state) {
    const std::string mark = std::string(shim::kUidVariable) + "=" + state.uid;
    for (const shim::ProcessEntry& entry : shim::all_processes()) {
        if (entry.pid == getpid() || entry.start_ticks < state.shim_start_ticks) continue;
        const bool in_session = state.shim_pid > 0 && entry.session == state.shim_pid;
        if (!in_session && !shim::has_in_environment(entry.pid, mark)) continue;
        if (const Descriptor process = open_process(entry.pid, entry.start_ticks))
            signal_pidfd(process.get(), SIGKILL);
    }
}

}  // namespace mcpgw::deploy
