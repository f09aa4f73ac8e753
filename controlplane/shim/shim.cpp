// Fork, poll, signal, wait: the life of one server.
#include "controlplane/shim/shim.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"
#include "controlplane/shim/process_table.h"

namespace mcpgw::shim {
namespace {

// While processes are being killed we look again this often, should a SIGCHLD be late.
constexpr int kLookAgainMs = 20;
// A reason is shown in one line and kept in a small file.
constexpr std::size_t kReasonBytesMax = 1024;

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD})
        sigaddset(&set, number);
    return set;
}

// Pointers into strings that outlive them, as exec wants them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// As in a unit of systemd: no core dumps, which hold secrets and fill disks, and a bound for open
// files. A bound for processes would count all of the user's, the gateway's among them; one for
// memory counts address space that is only reserved, as Node and sanitizers do. So there is none.
void limit_resources() {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_max = std::min<rlim_t>(files.rlim_max, limits::server_files_max);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

// The forked child: becomes the server, or writes errno to `report_fd`. The shim has one thread, so
// anything may be called here.
[[noreturn]] void become_server(const Launch& launch, pid_t shim, int output_fd, int report_fd) {
    const auto give_up = [report_fd] {
        const int error = errno;
        maybe(write(report_fd, &error, sizeof error) == sizeof error);
        _exit(127);
    };
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim) _exit(127);  // it died before PDEATHSIG was set
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    limit_resources();
    if (dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0) give_up();
    std::vector<std::string> arguments = launch.command;
    std::vector<std::string> variables;
    for (const auto& [name, value] : launch.environment)
        variables.push_back(name + "=" + value);
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(variables);
    environ = envp.data();  // execvp looks for the command in the PATH of the server
    execvp(argv[0], argv.data());
    give_up();
    _exit(127);
}

std::string reason_of(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return "exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Shim::Shim(std::string directory, Launch launch, ServerLog log, int lifeline_fd)
    : directory_(std::move(directory)),
      launch_(std::move(launch)),
      log_(std::move(log)),
      lifeline_fd_(lifeline_fd) {
    state_.uid = launch_.uid;
    state_.spec_hash = launch_.spec_hash;
    state_.port = launch_.port;
    state_.path = launch_.path;
    state_.restarts = launch_.restarts;
    state_.shim_pid = getpid();
    if (const auto self = process_entry(getpid())) state_.shim_start_ticks = self->start_ticks;
    state_.started_unix_ms = unix_millis_now();
}

Shim::~Shim() {
    for (const int fd : {signal_fd_, output_fd_})
        if (fd >= 0) close(fd);
}

Result<> Shim::record(Phase phase, std::string reason) {
    reason.resize(std::min(reason.size(), kReasonBytesMax));
    state_.phase = phase;
    state_.reason = std::move(reason);
    if (phase == Phase::ended || phase == Phase::failed) state_.ended_unix_ms = unix_millis_now();
    return write_run_state(directory_, state_);
}

Result<> Shim::watch_signals() {
    const sigset_t set = watched_signals();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    for (const int number : {SIGHUP, SIGPIPE, SIGQUIT})
        signal(number, SIG_IGN);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd_ < 0) return std::unexpected(error_from_errno(errno, "signalfd"));
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return std::unexpected(error_from_errno(errno, "PR_SET_CHILD_SUBREAPER"));
    return {};
}

Result<int> Shim::start_server() {
    std::array<int, 2> output{};
    std::array<int, 2> report{};
    if (pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(report.data(), O_CLOEXEC) != 0)
        return std::unexpected(error_from_errno(errno, "pipe"));
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid == 0) become_server(launch_, self, output[1], report[1]);
    const int fork_error = errno;
    close(output[1]);
    close(report[1]);
    output_fd_ = output[0];
    if (pid < 0) {
        close(report[0]);
        return fork_error;
    }
    setpgid(pid, pid);  // the child does it too: whoever is first
    int error = 0;
    ssize_t got = 0;
    while ((got = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {
    }
    close(report[0]);
    if (got == sizeof error) {
        waitpid(pid, nullptr, 0);
        return error;
    }
    fcntl(output_fd_, F_SETFL, O_NONBLOCK);
    state_.server_pid = pid;
    if (const auto entry = process_entry(pid)) state_.server_start_ticks = entry->start_ticks;
    return 0;
}

Result<> Shim::run() {
    if (Result<> ready = watch_signals(); !ready) return ready;
    if (Result<> kept = record(Phase::starting, ""); !kept) return kept;
    // From here on there are better places for bad news than the starter's standard error, and
    // whoever reads that must not wait for us.
    dup2(0, 2);
    const Result<int> error = start_server();
    if (!error || *error != 0) {
        const std::string reason =
            "cannot start: " +
            (error ? launch_.command[0] + ": " + std::strerror(*error) : error.error().detail);
        log_.note(reason, unix_millis_now());
        return record(Phase::failed, reason);
    }
    if (Result<> kept = record(Phase::running, ""); !kept) {
        // Nobody could adopt or identify what runs here.
        begin_stop("its state cannot be written");
    }
    return keep();
}

// Until nothing is left. Afterwards the state tells how the server ended.
Result<> Shim::keep() {
    check(state_.server_pid > 0, "a server runs");
    while (!nothing_left()) {
        std::array<pollfd, 3> waits{
            {{signal_fd_, POLLIN, 0}, {output_fd_, POLLIN, 0}, {lifeline_fd_, POLLIN, 0}}};
        if (poll(waits.data(), waits.size(), patience_ms()) < 0 && errno != EINTR)
            return std::unexpected(error_from_errno(errno, "poll"));
        if (waits[0].revents != 0) take_signals();
        if (waits[1].revents != 0) take_output();
        if (waits[2].revents != 0) {
            // Nobody ever writes to it: readable means that its other end is gone.
            lifeline_fd_ = -1;
            begin_stop("the gateway has ended");
        }
        collect_children();
        if (server_collected_ || monotonic_now() >= kill_at_) end_the_rest();
    }
    take_output();
    log_.note(state_.reason, unix_millis_now());
    return record(Phase::ended, state_.reason);
}

int Shim::patience_ms() const {
    if (server_collected_) return kLookAgainMs;
    if (kill_at_ == kNever) return -1;
    const Nanos now = monotonic_now();
    return now >= kill_at_ ? kLookAgainMs : static_cast<int>((kill_at_ - now) / kMillisecond) + 1;
}

void Shim::begin_stop(std::string_view why) {
    if (kill_at_ != kNever || server_collected_) return;
    kill_at_ = monotonic_now() + launch_.grace_ms * kMillisecond;
    log_.note("stopping: " + std::string(why), unix_millis_now());
    // The state on disk is advice to the next control plane; a full disk must not stop the stop.
    maybe(record(Phase::stopping, "").has_value());
    kill(-state_.server_pid, SIGTERM);
}

void Shim::take_signals() {
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD) begin_stop("asked to");
}

void Shim::take_output() {
    std::array<char, 65536> block;
    while (output_fd_ >= 0) {
        const ssize_t got = read(output_fd_, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) {
            log_.append({block.data(), static_cast<std::size_t>(got)}, unix_millis_now());
            if (static_cast<std::size_t>(got) == block.size() && !server_collected_) return;
            continue;
        }
        if (got == 0 || errno != EAGAIN) {
            close(output_fd_);
            output_fd_ = -1;
        }
        return;
    }
}

void Shim::collect_children() {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != state_.server_pid) continue;
        server_collected_ = true;
        state_.reason = reason_of(status);
    }
}

// The server is gone, or had its time. Within the grace of a stop its descendants may finish what
// they do; otherwise they are killed, again and again, as the children of the killed become ours.
void Shim::end_the_rest() {
    const bool patient = kill_at_ != kNever && monotonic_now() < kill_at_;
    if (patient && told_the_rest_) return;
    const int signal_number = patient ? SIGTERM : SIGKILL;
    if (!patient) kill(-state_.server_pid, SIGKILL);
    for (const pid_t child : own_children())
        kill(child, signal_number);
    told_the_rest_ = patient;
}

bool Shim::nothing_left() {
    if (!server_collected_) return false;
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

}  // namespace mcpgw::shim
