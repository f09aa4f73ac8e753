// Starting, watching, probing, stopping and adopting one local server.
#include "controlplane/deploy/process_instance.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/deploy/pidfd.h"
#include "controlplane/deploy/shim_starter.h"

namespace mcpgw::deploy {
namespace {

constexpr Nanos kProbeTimeout = limits::probe_timeout_ms * kMillisecond;
// Between the failed probes of a server that answered before: make sure quickly.
constexpr Nanos kDoubtInterval = 100 * kMillisecond;
constexpr Nanos kProbeIntervalMin = 10 * kMillisecond;
// A shim needs a moment for its own end after the grace of its server.
constexpr Nanos kShimEndPatience = 2 * kSecond;
constexpr Nanos kUnknownInterval = 20 * kMillisecond;
// Longer than this, people want to know what we are waiting for.
constexpr Nanos kLongStart = 10 * kSecond;
// At adoption, while nothing is published yet, a local server gets this long to answer.
constexpr int kAdoptionProbeMs = 100;

std::string seconds_text(Nanos delay) {
    const double seconds = static_cast<double>(delay) / static_cast<double>(kSecond);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), seconds < 1 ? "%.1f s" : "%.0f s", seconds);
    return text.data();
}

std::string with_port(std::string argument, std::uint16_t port) {
    constexpr std::string_view placeholder = "{port}";
    const std::string number = std::to_string(port);
    for (std::size_t at = 0; (at = argument.find(placeholder, at)) != std::string::npos;
         at += number.size())
        argument.replace(at, placeholder.size(), number);
    return argument;
}

// Why a command that was looked up cannot be run, like the shim says it.
Error cannot_run(const std::string& program, int error) {
    return Error{Code::not_found, Side::backend, Retry::never,
                 program + ": " + std::strerror(error)};
}

}  // namespace

ProcessInstance::ProcessInstance(ProcessSite& site, std::string adapter, std::uint32_t ordinal)
    : site_(site),
      adapter_(std::move(adapter)),
      ordinal_(ordinal),
      directory_(site.instance_directory(adapter_, ordinal)),
      serial_(site.new_serial()),
      backoff_(site.options().backoff_first_ms, site.options().backoff_last_ms) {
    make_directory();
    enter(State::idle, "waiting to start");
}

ProcessInstance::~ProcessInstance() {
    if (port_ != 0) site_.give_back_port(port_);
}

// Failure shows when the lock in it cannot be opened.
void ProcessInstance::make_directory() const {
    std::error_code ignored;
    std::filesystem::create_directories(directory_, ignored);
}

void ProcessInstance::enter(State state, std::string reason) {
    if (state != state_ || since_unix_ms_ == 0) since_unix_ms_ = unix_millis_now();
    state_ = state;
    reason_ = std::move(reason);
}

InstanceStatus ProcessInstance::status() const {
    InstanceStatus status;
    status.name = adapter_ + "-" + std::to_string(ordinal_);
    status.uid = uid_;
    status.ready = state_ == State::ready;
    status.alive = state_ != State::idle && state_ != State::unknown;
    status.stopping = state_ == State::stopping;
    status.draining = state_ == State::draining;
    if (status.alive) {
        status.host = "127.0.0.1";
        status.port = port_;
        status.authority = status.address = address_text(status.host, port_);
        status.path = path_;
    }
    status.restarts = restarts_;
    status.reason = reason_;
    status.since_unix_ms = since_unix_ms_;
    return status;
}

// --- Start and end ------------------------------------------------------------------------------

void ProcessInstance::start(const ServerSpec& spec, Nanos now) {
    check(state_ == State::idle, "nothing runs");
    spec_hash_ = spec.hash;
    path_ = spec.path;
    if (ever_started_) ++restarts_;
    ever_started_ = true;
    if (Result<> started = try_start(spec); !started) {
        wait_before_restart("cannot start: " + started.error().detail, now);
        return;
    }
    started_at_ = now;
    ready_at_ = kNever;
    killed_ = false;
    failed_probes_ = 0;
    probe_at_ = now + kProbeIntervalMin;
    enter(State::starting, last_end_.empty() ? "starting" : "starting again; before: " + last_end_);
}

Result<> ProcessInstance::try_start(const ServerSpec& spec) {
    const ProcessOptions& options = site_.options();
    make_directory();  // somebody may have deleted it
    Result<Descriptor> lock = lock_instance(directory_);
    if (!lock) return std::unexpected(lock.error());
    const auto path = spec.environment.find("PATH");
    const char* inherited_path = std::getenv("PATH");
    const std::string search = path != spec.environment.end() ? path->second
                               : inherited_path != nullptr    ? inherited_path
                                                              : "/usr/bin:/bin";
    if (!spec.program.empty())
        if (const int error = look_up_command(spec.program, search); error != 0)
            return std::unexpected(cannot_run(spec.program, error));

    Result<std::uint16_t> port = site_.take_port();
    if (!port) return std::unexpected(port.error());
    port_ = *port;
    uid_ = site_.new_uid();
    shim::Launch launch;
    launch.uid = uid_;
    launch.spec_hash = spec.hash;
    launch.port = port_;
    launch.path = spec.path;
    launch.restarts = restarts_;
    launch.grace_ms = options.grace_ms;
    launch.log_bytes_max = options.log_bytes_max;
    for (const std::string& argument : spec.command)
        launch.command.push_back(with_port(argument, port_));
    std::map<std::string, std::string> variables = spec.environment;
    variables["PORT"] = std::to_string(port_);
    variables["MCP_GATEWAY_INSTANCE"] = adapter_ + "-" + std::to_string(ordinal_);
    variables[shim::kUidVariable] = uid_;
    launch.environment = server_environment(variables);

    // What the last run left must not be taken for news of this one.
    std::error_code ignored;
    std::filesystem::remove(directory_ + "/state.json", ignored);
    const ShimStart start{options.bin_dir + "/mcp-gateway-shim", directory_, lock->get(),
                          options.lifeline_fd};
    Result<Descriptor> shim_fd = start_shim(start, launch);
    if (!shim_fd) return std::unexpected(shim_fd.error());
    shim_fd_ = std::move(*shim_fd);
    Result<> watched = site_.watch(shim_fd_.get(), EPOLLIN,
                                   serial_ << 1 | static_cast<std::uint64_t>(Event::shim_ended));
    if (!watched) {
        // What cannot be watched must not run.
        signal_pidfd(shim_fd_.get(), SIGKILL);
        siginfo_t info{};
        waitid(P_PIDFD, static_cast<id_t>(shim_fd_.get()), &info, WEXITED);
        shim_fd_.reset();
    }
    return watched;
}

void ProcessInstance::stop(Nanos now) {
    if (state_ == State::idle) {
        start_at_ = 0;
        backoff_.reset();
        last_end_.clear();
        return;
    }
    if (state_ == State::stopping || state_ == State::unknown) return;
    check(static_cast<bool>(shim_fd_), "a shim is watched");
    signal_pidfd(shim_fd_.get(), SIGTERM);
    probe_.cancel();
    probe_at_ = kNever;
    kill_at_ = now + site_.options().grace_ms * kMillisecond + kShimEndPatience;
    enter(State::stopping, "stopping");
}

void ProcessInstance::drain(Nanos now) {
    if (state_ == State::draining) return;
    const Nanos time = site_.options().drain_ms * kMillisecond;
    // One that does not answer keeps no session going.
    if (state_ != State::ready || time == 0) return stop(now);
    probe_.cancel();
    probe_at_ = kNever;
    drain_ends_at_ = now + time;
    log_info("server drains",
             {{"instance", status().name}, {"milliseconds", site_.options().drain_ms}});
    tell_time_left(now);
}

void ProcessInstance::tell_time_left(Nanos now) {
    check(now < drain_ends_at_, "there is time left");
    const Nanos seconds = (drain_ends_at_ - now + kSecond - 1) / kSecond;
    drain_told_at_ = drain_ends_at_ - (seconds - 1) * kSecond;
    enter(State::draining, "draining: " + std::to_string(seconds) + " s left");
}

void ProcessInstance::resume(Nanos now) {
    check(state_ == State::draining, "it was on its way out");
    failed_probes_ = 0;
    probe_at_ = now;  // nobody has looked at it meanwhile
    enter(State::ready, "ready");
}

void ProcessInstance::shim_ended(Nanos now) {
    pollfd ended{shim_fd_.get(), POLLIN, 0};
    if (poll(&ended, 1, 0) == 0) return;  // the event was about a shim before this one
    siginfo_t info{};
    // ECHILD for an adopted one: whoever is its parent now collects it.
    waitid(P_PIDFD, static_cast<id_t>(shim_fd_.get()), &info, WEXITED | WNOHANG);
    shim_fd_.reset();
    probe_.cancel();
    const Result<shim::RunState> run = shim::read_run_state(directory_);
    const bool told = run && run->uid == uid_ &&
                      (run->phase == shim::Phase::ended || run->phase == shim::Phase::failed);
    if (!told && run && run->uid == uid_) kill_leftovers(*run);
    const std::string what = told ? run->reason : "its keeper was killed";
    const bool asked = state_ == State::stopping;
    const bool expected = asked || state_ == State::draining;
    if (ready_at_ != kNever && now - ready_at_ >= site_.options().healthy_resets_ms * kMillisecond)
        backoff_.reset();
    log_info("server ended", {{"instance", status().name}, {"how", what}, {"asked", asked}});
    if (expected)
        rest();
    else
        wait_before_restart(what, now);
}

// What belonged to the life that has ended.
void ProcessInstance::let_go() {
    if (port_ != 0) site_.give_back_port(port_);
    port_ = 0;
    probe_at_ = kNever;
    kill_at_ = kNever;
}

// Enters idle, as if it had never run: the next start is at once.
void ProcessInstance::rest() {
    let_go();
    start_at_ = 0;
    backoff_.reset();
    last_end_.clear();
    enter(State::idle, "stopped");
}

// Enters idle. `what` says how the life before ended.
void ProcessInstance::wait_before_restart(std::string what, Nanos now) {
    let_go();
    const Nanos delay = backoff_.next(site_.random());
    start_at_ = now + delay;
    last_end_ = what;
    enter(State::idle, std::move(what) + ", restarting in " + seconds_text(delay));
}

// --- Adoption -----------------------------------------------------------------------------------

void ProcessInstance::adopt(Nanos now) {
    check(state_ == State::idle, "adoption comes first");
    const Result<shim::RunState> run = shim::read_run_state(directory_);
    const Result<Descriptor> lock = lock_instance(directory_);
    if (lock) {
        // No shim: a fresh beginning, with a count of its own. If it did not say how it ended, it
        // may have left something.
        if (run && run->phase != shim::Phase::ended && run->phase != shim::Phase::failed)
            kill_leftovers(*run);
        return;
    }
    if (run) {
        if (Descriptor shim_fd = open_shim(*run)) {
            attach(*run, std::move(shim_fd), now);
            return;
        }
    }
    if (lock.error().code != Code::conflict) return;  // no lock, no shim: the start will tell why
    enter(State::unknown, "taking over");
    kill_at_ = now + site_.options().unknown_ms_max * kMillisecond;
    probe_at_ = now + kUnknownInterval;
}

void ProcessInstance::attach(const shim::RunState& run, Descriptor shim_fd, Nanos now) {
    uid_ = run.uid;
    spec_hash_ = run.spec_hash;
    port_ = run.port;
    path_ = run.path;
    restarts_ = run.restarts;
    ever_started_ = true;
    site_.keep_port(port_);
    shim_fd_ = std::move(shim_fd);
    started_at_ = now;
    kill_at_ = kNever;
    probe_at_ = now;
    if (Result<> watched = site_.watch(
            shim_fd_.get(), EPOLLIN, serial_ << 1 | static_cast<std::uint64_t>(Event::shim_ended));
        !watched) {
        log_error("cannot watch a server", {{"why", watched.error().detail}});
    }
    if (run.phase != shim::Phase::running && run.phase != shim::Phase::starting) {
        kill_at_ = now + site_.options().grace_ms * kMillisecond + kShimEndPatience;
        probe_at_ = kNever;
        enter(State::stopping, "stopping");
        return;
    }
    enter(State::starting, "starting");
    begin_probe(now);
    if (probe_.under_way()) {
        pollfd wait{probe_.fd(), POLLOUT, 0};
        poll(&wait, 1, kAdoptionProbeMs);
        if (const auto outcome = probe_.finish(now)) finish_probe(*outcome, now);
    }
    log_info("server adopted", {{"instance", status().name}, {"ready", state_ == State::ready}});
}

// The lock is held, but by whom?
void ProcessInstance::look_again_for_shim(Nanos now) {
    probe_at_ = now + kUnknownInterval;
    if (const Result<shim::RunState> run = shim::read_run_state(directory_)) {
        if (Descriptor shim_fd = open_shim(*run)) {
            attach(*run, std::move(shim_fd), now);
            return;
        }
    }
    const Result<Descriptor> lock = lock_instance(directory_);
    if (lock || lock.error().code != Code::conflict) {
        kill_at_ = kNever;
        probe_at_ = kNever;
        start_at_ = 0;
        enter(State::idle, "waiting to start");
        return;
    }
    if (now < kill_at_) return;
    kill_at_ = now + site_.options().unknown_ms_max * kMillisecond;
    const std::optional<pid_t> pid = find_shim(directory_);
    log_warn("a server without a readable state is ended",
             {{"directory", directory_}, {"shim", pid.value_or(0)}});
    // SIGTERM: the shim ends its server in order, state or not.
    if (pid) kill(*pid, SIGTERM);
}

// --- Time and events ----------------------------------------------------------------------------

Nanos ProcessInstance::due_at() const {
    if (state_ == State::draining) return drain_told_at_;
    Nanos due = std::min(probe_at_, kill_at_);
    if (probe_.under_way()) due = std::min(due, probe_.deadline());
    return due;
}

void ProcessInstance::tick(Nanos now) {
    if (state_ == State::idle) return;
    if (state_ == State::unknown) {
        if (now >= probe_at_) look_again_for_shim(now);
        return;
    }
    if (state_ == State::draining) {
        if (now >= drain_ends_at_) return stop(now);
        if (now >= drain_told_at_) tell_time_left(now);
        return;
    }
    if (now >= kill_at_) {
        // It ignored its own deadline; its server dies with it, and the rest is found by its mark.
        if (!killed_) signal_pidfd(shim_fd_.get(), SIGKILL);
        killed_ = true;
        kill_at_ = kNever;
    }
    if (probe_.under_way()) {
        if (const auto outcome = probe_.finish(now)) finish_probe(*outcome, now);
    } else if (now >= probe_at_) {
        begin_probe(now);
    }
}

void ProcessInstance::take_event(Event event, Nanos now) {
    switch (event) {
        case Event::shim_ended:
            if (shim_fd_) shim_ended(now);
            return;
        case Event::probe_answered:
            if (!probe_.under_way()) return;
            if (const auto outcome = probe_.finish(now)) finish_probe(*outcome, now);
            return;
    }
}

void ProcessInstance::probe_now(Nanos now) {
    if (state_ != State::ready) return;
    // Traffic has seen one failure already: one more, seen by us, is enough.
    failed_probes_ = limits::probe_failures_max - 1;
    if (!probe_.under_way()) begin_probe(now);
}

void ProcessInstance::begin_probe(Nanos now) {
    probe_at_ = kNever;
    const auto outcome = probe_.start("127.0.0.1", port_, now + kProbeTimeout);
    if (outcome) {
        finish_probe(*outcome, now);
        return;
    }
    const Result<> watched = site_.watch(
        probe_.fd(), EPOLLOUT, serial_ << 1 | static_cast<std::uint64_t>(Event::probe_answered));
    if (!watched) {
        probe_.cancel();
        finish_probe({false, EMFILE}, now);
    }
}

// While starting: a twentieth of the time it has taken so far, so that nobody waits 5 % too long
// and a slow start costs little.
Nanos ProcessInstance::probe_patience(Nanos now) const {
    const Nanos interval = site_.options().probe_interval_ms * kMillisecond;
    if (state_ == State::ready) return failed_probes_ > 0 ? kDoubtInterval : interval;
    const Nanos share = (now - started_at_) / 20;
    return std::clamp(share, kProbeIntervalMin, std::max(interval, kProbeIntervalMin));
}

// How the server before this one ended, for the reason that people read.
std::string ProcessInstance::story() const {
    return last_end_.empty() ? "" : "; before: " + last_end_;
}

void ProcessInstance::finish_probe(ProbeOutcome outcome, Nanos now) {
    check(state_ == State::starting || state_ == State::ready || state_ == State::silent,
          "only living servers are probed");
    if (outcome.connected) {
        failed_probes_ = 0;
        if (state_ != State::ready) {
            ready_at_ = now;
            enter(State::ready, "ready" + story());
        }
    } else if (state_ == State::ready) {
        if (++failed_probes_ >= limits::probe_failures_max) {
            ready_at_ = kNever;
            started_at_ = now;  // patience starts anew
            enter(State::silent, std::string("not reachable: ") + std::strerror(outcome.error));
        }
    } else if (state_ == State::starting && now - started_at_ > kLongStart) {
        enter(State::starting,
              "starting: nothing listens on port " + std::to_string(port_) + " yet" + story());
    }
    probe_at_ = now + probe_patience(now);
}

void ProcessInstance::delete_files() {
    check(state_ == State::idle, "nothing runs");
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
    if (error) log_warn("cannot delete", {{"path", directory_}, {"why", error.message()}});
}

}  // namespace mcpgw::deploy
