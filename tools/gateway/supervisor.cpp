// The life of `mcp-gateway up` after its preparations.
#include "tools/gateway/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/log.h"
#include "tools/gateway/outcome.h"

namespace mcpgw::cli {
namespace {

constexpr Nanos kFirstPause = 100 * kMillisecond;
constexpr Nanos kLongestPause = 5 * kSecond;
constexpr Nanos kGoodRun = 10 * kSecond;  // whoever ran this long starts again without waiting long
constexpr Nanos kSlowStart = 10 * kSecond;
constexpr Nanos kDrainGrace = 2 * kSecond;  // beyond the time that the data plane gives requests
constexpr Nanos kStopping = 10 * kSecond;
constexpr Nanos kEnding = 10 * kSecond;
constexpr Nanos kKillingTick = 20 * kMillisecond;

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return "exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<UniqueFd> Supervisor::block_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &action, nullptr);
    action.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &action, nullptr);

    sigset_t taken;
    sigemptyset(&taken);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD})
        sigaddset(&taken, number);
    struct sigaction hangup{};
    ::sigaction(SIGHUP, nullptr, &hangup);
    // nohup(1) means that the end of the terminal is not the end of the gateway.
    if (hangup.sa_handler != SIG_IGN) sigaddset(&taken, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &taken, nullptr);
    UniqueFd fd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.is_open()) return std::unexpected(error_from_errno(errno, "cannot take signals"));
    return fd;
}

Supervisor::Supervisor(SupervisorPlan plan, Listeners listeners, UniqueFd signals)
    : plan_(std::move(plan)), listeners_(std::move(listeners)), signals_(std::move(signals)) {
    data_.name = "dataplane";
    data_.spec = plan_.dataplane;
    data_.spec.fds = listeners_.fds();
    data_.spec.takes_listeners = true;
    data_.spec.environment.push_back("LISTEN_FDS=" + std::to_string(data_.spec.fds.size()));
    data_.spec.environment.push_back("LISTEN_FDNAMES=" + listeners_.fd_names());
    // Its connections are worth nothing without `up`; the control plane ends its servers first.
    data_.spec.death_signal = SIGKILL;

    control_.name = "controlplane";
    control_.spec = plan_.controlplane;
    control_.spec.environment.push_back("MCP_GATEWAY_LIFELINE_FD=3");
    control_.spec.death_signal = SIGTERM;
}

Result<> Supervisor::prepare() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return std::unexpected(error_from_errno(errno, "cannot make the lifeline"));
    lifeline_read_ = UniqueFd(ends[0]);
    lifeline_write_ = UniqueFd(ends[1]);
    control_.spec.fds = {lifeline_read_.get()};
    for (Plane* plane : {&data_, &control_})
        plane->spec.environment.push_back("NOTIFY_SOCKET=" + plane->notify->path());
    return {};
}

int Supervisor::run(NotifySocket dataplane_notify, NotifySocket controlplane_notify) {
    data_.notify = &dataplane_notify;
    control_.notify = &controlplane_notify;
    if (auto ok = prepare(); !ok) return complain(ok.error());
    warn_slow_start_at_ = monotonic_now() + kSlowStart;
    start(control_);
    if (phase_ == Phase::starting) start(data_);
    for (;;) {
        for (Phase before = Phase::over; before != phase_;) {
            before = phase_;
            advance();
        }
        if (phase_ == Phase::over) return exit_status_;
        wait_for_news();
    }
}

// --- noting -------------------------------------------------------------------------------------

void Supervisor::wait_for_news() {
    std::array<pollfd, 3> sources{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{data_.notify->fd(), POLLIN, 0},
                                  pollfd{control_.notify->fd(), POLLIN, 0}};
    const Nanos now = monotonic_now();
    const Nanos deadline = next_deadline();
    const Nanos left = deadline > now ? deadline - now : 0;
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(left / kSecond);
    timeout.tv_nsec = static_cast<long>(left % kSecond);
    const bool is_endless = deadline == kNever;
    if (::ppoll(sources.data(), sources.size(), is_endless ? nullptr : &timeout, nullptr) < 0)
        check(errno == EINTR, "ppoll of own descriptors");
    take_signals();
    // Readiness first: a plane may say READY and end at once.
    for (Plane* plane : {&data_, &control_})
        if (plane->notify->take_ready() && plane->pid != 0) {
            if (!plane->is_ready && plane->was_ready)
                log_info("plane is ready again", {{"plane", plane->name}});
            plane->is_ready = true;
            plane->was_ready = true;
        }
    reap();
}

void Supervisor::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        if (info.ssi_signo != SIGCHLD) ++stop_signals_;
}

void Supervisor::reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == data_.pid) {
            data_.ended = status;
        } else if (pid == control_.pid) {
            control_.ended = status;
        } else if (pid == after_ready_pid_) {
            after_ready_pid_ = 0;
            if (status != 0 && phase_ == Phase::serving)
                log_warn("not every server of --import was applied");
        } else {
            log_debug("reaped", {{"pid", pid}, {"status", how_it_ended(status)}});
        }
    }
}

// --- deciding -----------------------------------------------------------------------------------

void Supervisor::advance() {
    for (Plane* plane : {&data_, &control_})
        advance_plane(*plane);
    if (stop_signals_ > stop_signals_obeyed_) {
        const bool is_first = stop_signals_obeyed_ == 0;
        stop_signals_obeyed_ = is_first ? 1 : stop_signals_;
        if (is_first && phase_ <= Phase::serving) enter(Phase::draining);
        if (stop_signals_ > 1 && phase_ < Phase::killing) enter(Phase::killing);
    }
    const Nanos now = monotonic_now();
    const bool is_late = now >= phase_ends_at_;
    switch (phase_) {
        case Phase::starting:
            if (data_.is_ready && control_.is_ready) {
                announce_ready();
            } else if (now >= warn_slow_start_at_) {
                warn_slow_start_at_ = kNever;
                log_warn("still waiting", {{"dataplane_ready", data_.is_ready},
                                           {"controlplane_ready", control_.is_ready}});
            }
            return;
        case Phase::serving:
            return;
        case Phase::draining:
            if (data_.pid == 0) {
                enter(Phase::stopping);
            } else if (is_late) {
                log_warn("the data plane did not end in time and is killed");
                ::kill(data_.pid, SIGKILL);
                phase_ends_at_ = kNever;
            }
            break;
        case Phase::stopping:
            if (control_.pid == 0) {
                enter(Phase::ending);
            } else if (is_late) {
                log_warn("the control plane did not end in time and is killed");
                ::kill(control_.pid, SIGKILL);
                phase_ends_at_ = kNever;
            }
            break;
        case Phase::ending:
            if (descendants_.children().empty()) {
                enter(Phase::over);
            } else if (is_late) {
                log_warn("servers did not end in time and are killed");
                enter(Phase::killing);
            }
            break;
        case Phase::killing:
            kill_everything();
            break;
        case Phase::over:
            break;
    }
}

// What has ended is noted as gone; in the phases that want it running it gets a new start.
void Supervisor::advance_plane(Plane& plane) {
    if (plane.ended) note_end_of(plane);
    if (phase_ > Phase::serving) return;
    if (plane.pid == 0 && monotonic_now() >= plane.restart_at) start(plane);
}

void Supervisor::note_end_of(Plane& plane) {
    check(plane.pid != 0, "only what runs can end");
    const int status = *plane.ended;
    plane.ended.reset();
    plane.pid = 0;
    plane.is_ready = false;
    if (phase_ > Phase::serving) return;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (!plane.was_ready && (code == kFailed || code == kUsage)) {
        log_error("plane cannot start", {{"plane", plane.name}, {"status", code}});
        return give_up(code);
    }
    const Nanos now = monotonic_now();
    const bool ran_well = now - plane.started_at >= kGoodRun;
    plane.pause =
        ran_well || plane.pause == 0 ? kFirstPause : std::min(2 * plane.pause, kLongestPause);
    plane.restart_at = now + plane.pause;
    log_warn("plane ended and is started again", {{"plane", plane.name},
                                                  {"how", how_it_ended(status)},
                                                  {"pause_ms", plane.pause / kMillisecond}});
}

void Supervisor::start(Plane& plane) {
    check(plane.pid == 0, "a plane runs once");
    [[maybe_unused]] const bool stale = plane.notify->take_ready();  // of the one before
    plane.started_at = monotonic_now();
    plane.restart_at = kNever;
    const auto pid = start_child(plane.spec);
    if (pid) {
        plane.pid = *pid;
        log_debug("plane started", {{"plane", plane.name}, {"pid", *pid}});
        return;
    }
    if (!plane.was_ready) {
        complain(std::string_view(pid.error().detail));
        return give_up(kFailed);
    }
    plane.pause = std::min(std::max(2 * plane.pause, kFirstPause), kLongestPause);
    plane.restart_at = plane.started_at + plane.pause;
    log_error("plane cannot be started", {{"plane", plane.name}, {"why", pid.error().detail}});
}

void Supervisor::announce_ready() {
    enter(Phase::serving);
    std::printf("%s\n", plan_.ready_line.c_str());
    std::fflush(stdout);
    if (!plan_.after_ready) return;
    const auto pid = start_child(*plan_.after_ready);
    if (pid)
        after_ready_pid_ = *pid;
    else
        log_error("--import cannot be applied", {{"why", pid.error().detail}});
}

void Supervisor::give_up(int exit_status) {
    exit_status_ = exit_status;
    enter(Phase::draining);
}

void Supervisor::enter(Phase phase) {
    check(phase > phase_, "phases only move right");
    phase_ = phase;
    const Nanos now = monotonic_now();
    phase_ends_at_ = kNever;
    switch (phase) {
        case Phase::starting:
        case Phase::serving:
            return;
        case Phase::draining:
            log_info("stopping", {{"drain_seconds", plan_.drain_seconds}});
            listeners_.close();  // from now on new clients are refused, not kept waiting
            if (after_ready_pid_ != 0) ::kill(after_ready_pid_, SIGTERM);
            if (data_.pid != 0) ::kill(data_.pid, SIGTERM);
            phase_ends_at_ = now + plan_.drain_seconds * kSecond + kDrainGrace;
            return;
        case Phase::stopping:
            if (control_.pid != 0) ::kill(control_.pid, SIGTERM);
            phase_ends_at_ = now + kStopping;
            return;
        case Phase::ending:
            lifeline_write_.reset();
            phase_ends_at_ = now + kEnding;
            return;
        case Phase::killing:
            listeners_.close();
            lifeline_write_.reset();
            return;
        case Phase::over:
            log_info("stopped");
            return;
    }
}

// Whoever dies may leave children, which then become ours: again until none is left.
void Supervisor::kill_everything() {
    const std::vector<pid_t> children = descendants_.children();
    if (children.empty()) return enter(Phase::over);
    for (const pid_t pid : children)
        ::kill(pid, SIGKILL);
    phase_ends_at_ = monotonic_now() + kKillingTick;
}

Nanos Supervisor::next_deadline() const {
    const Nanos warning = phase_ == Phase::starting ? warn_slow_start_at_ : kNever;
    const Nanos restart =
        phase_ > Phase::serving ? kNever : std::min(data_.restart_at, control_.restart_at);
    return std::min({phase_ends_at_, warning, restart});
}

}  // namespace mcpgw::cli
