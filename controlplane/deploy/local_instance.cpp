// Starting, probing, draining and stopping one local server.
#include "controlplane/deploy/local_instance.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/deploy/shim_starter.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::deploy {
namespace {

constexpr Nanos kProbeIntervalMin = 10 * kMillisecond;
// A keeper needs a moment for its own end after the grace of its server.
constexpr Nanos kKeeperEndPatience = 2 * kSecond;
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

}  // namespace

LocalInstance::LocalInstance(LocalSite& site, std::string adapter, Place place)
    : site_(site),
      adapter_(std::move(adapter)),
      place_(place),
      directory_(site.instance_directory(adapter_, place)),
      serial_(site.new_serial()),
      backoff_(site.options().backoff_first_ms, site.options().backoff_last_ms),
      rules_(usual_rules(site.options())) {
    make_directory();
    enter(State::idle, "waiting to start");
}

LocalInstance::~LocalInstance() {
    give_back_port();
}

// Failure shows when something is to be put into it.
void LocalInstance::make_directory() const {
    std::error_code ignored;
    std::filesystem::create_directories(directory_, ignored);
}

void LocalInstance::give_back_port() {
    if (run_.port != 0) site_.give_back_port(run_.port);
    run_.port = 0;
}

Result<> LocalInstance::watch(int fd, std::uint32_t events, Event event) const {
    return site_.watch(fd, events, serial_ << 1 | static_cast<std::uint64_t>(event));
}

void LocalInstance::enter(State state, std::string reason) {
    if (state != state_ || since_unix_ms_ == 0) since_unix_ms_ = unix_millis_now();
    state_ = state;
    reason_ = std::move(reason);
}

std::string LocalInstance::name() const {
    return adapter_ + "-" + std::to_string(place_.ordinal);
}

InstanceStatus LocalInstance::status() const {
    InstanceStatus status;
    status.name = name();
    status.uid = run_.uid;
    status.ready = state_ == State::ready;
    status.alive = state_ != State::idle && state_ != State::unknown;
    status.stopping = state_ == State::stopping;
    status.draining = state_ == State::draining;
    status.in_trouble = in_trouble();
    if (status.alive) {
        status.host = "127.0.0.1";
        status.port = run_.port;
        status.authority = status.address = address_text(status.host, run_.port);
        status.path = run_.path;
    }
    status.restarts = run_.restarts;
    status.reason = reason_;
    status.since_unix_ms = since_unix_ms_;
    return status;
}

bool LocalInstance::in_trouble() const {
    switch (state_) {
        case State::idle:
            return !last_end_.empty();
        case State::starting:
            return !last_end_.empty() || starts_long_;
        case State::silent:
            return true;
        case State::unknown:
        case State::ready:
        case State::draining:
        case State::stopping:
            return false;
    }
    return false;
}

// --- Start and end ------------------------------------------------------------------------------

void LocalInstance::start(const ServerSpec& spec, Nanos now) {
    check(state_ == State::idle, "nothing runs");
    run_.spec_hash = spec.hash;
    run_.path = spec.path;
    if (ever_started_) ++run_.restarts;
    ever_started_ = true;
    if (Result<> started = try_start(spec); !started) {
        wait_before_restart("cannot start: " + started.error().detail, now);
        return;
    }
    started_at_ = now;
    ready_at_ = kNever;
    killed_ = false;
    count_.forget();
    starts_long_ = false;
    probe_at_ = now + kProbeIntervalMin;
    enter(State::starting, last_end_.empty() ? "starting" : "starting again; before: " + last_end_);
}

Result<> LocalInstance::try_start(const ServerSpec& spec) {
    make_directory();  // somebody may have deleted it
    if (!spec.program.empty()) {
        const Result<std::string> found = find_command(spec.program, spec.environment);
        if (!found) return std::unexpected(found.error());
    }
    Result<std::uint16_t> port = site_.take_port();
    if (!port) return std::unexpected(port.error());
    run_.port = *port;
    run_.uid = site_.new_uid();
    std::map<std::string, std::string> variables;
    variables["PORT"] = std::to_string(run_.port);
    variables["MCP_GATEWAY_INSTANCE"] = name();
    variables[shim::kUidVariable] = run_.uid;
    return begin(spec, variables);
}

void LocalInstance::stop(Nanos now) {
    if (state_ == State::idle) {
        start_at_ = 0;
        backoff_.reset();
        last_end_.clear();
        return;
    }
    if (state_ == State::stopping || state_ == State::unknown) return;
    ask_to_end();
    probe_.cancel();
    probe_at_ = kNever;
    kill_at_ = now + site_.options().grace_ms * kMillisecond + kKeeperEndPatience;
    enter(State::stopping, "stopping");
}

void LocalInstance::drain(Nanos now) {
    if (state_ == State::draining) return;
    const Nanos time = site_.options().drain_ms * kMillisecond;
    // One that does not answer keeps no session going.
    if (state_ != State::ready || time == 0) return stop(now);
    probe_.cancel();
    probe_at_ = kNever;
    drain_ends_at_ = now + time;
    log_info("server drains", {{"instance", name()}, {"milliseconds", site_.options().drain_ms}});
    tell_time_left(now);
}

void LocalInstance::tell_time_left(Nanos now) {
    check(now < drain_ends_at_, "there is time left");
    const Nanos seconds = (drain_ends_at_ - now + kSecond - 1) / kSecond;
    drain_told_at_ = drain_ends_at_ - (seconds - 1) * kSecond;
    enter(State::draining, "draining: " + std::to_string(seconds) + " s left");
}

void LocalInstance::resume(Nanos now) {
    check(state_ == State::draining, "it was on its way out");
    count_.forget();
    probe_at_ = now;  // nobody has looked at it meanwhile
    enter(State::ready, "ready");
}

void LocalInstance::run_is_over(std::string what, Nanos now) {
    check(state_ != State::idle && state_ != State::unknown, "only a known run can end");
    probe_.cancel();
    const bool asked = state_ == State::stopping;
    const bool expected = asked || state_ == State::draining;
    if (ready_at_ != kNever && now - ready_at_ >= site_.options().healthy_resets_ms * kMillisecond)
        backoff_.reset();
    log_info("server ended", {{"instance", name()}, {"how", what}, {"asked", asked}});
    if (expected)
        rest();
    else
        wait_before_restart(std::move(what), now);
}

// What belonged to the life that has ended.
void LocalInstance::let_go() {
    give_back_port();
    probe_at_ = kNever;
    kill_at_ = kNever;
}

// Enters idle, as if it had never run: the next start is at once.
void LocalInstance::rest() {
    let_go();
    start_at_ = 0;
    backoff_.reset();
    last_end_.clear();
    enter(State::idle, "stopped");
}

// Enters idle. `what` says how the life before ended.
void LocalInstance::wait_before_restart(std::string what, Nanos now) {
    let_go();
    const Nanos delay = backoff_.next(site_.random());
    start_at_ = now + delay;
    last_end_ = what;
    enter(State::idle, std::move(what) + ", restarting in " + seconds_text(delay));
}

void LocalInstance::run_began_again(std::string uid, std::uint32_t more_restarts,
                                    std::string_view what, Nanos now) {
    log_info("server was started again", {{"instance", name()}, {"before", what}});
    run_.uid = std::move(uid);
    run_.restarts += more_restarts;
    last_end_ = what;
    if (state_ == State::stopping) return;
    probe_.cancel();
    started_at_ = now;
    ready_at_ = kNever;
    count_.forget();
    probe_at_ = now + kProbeIntervalMin;
    enter(State::starting, "starting again; before: " + last_end_);
}

// --- Adoption -----------------------------------------------------------------------------------

void LocalInstance::attach(Run run, bool is_ending, Nanos now) {
    run_ = std::move(run);
    ever_started_ = true;
    site_.keep_port(run_.port);
    started_at_ = now;
    kill_at_ = kNever;
    probe_at_ = now;
    if (is_ending) {
        kill_at_ = now + site_.options().grace_ms * kMillisecond + kKeeperEndPatience;
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
    log_info("server adopted", {{"instance", name()}, {"ready", state_ == State::ready}});
}

void LocalInstance::enter_unknown(Nanos now) {
    check(state_ == State::idle, "adoption comes first");
    enter(State::unknown, "taking over");
    kill_at_ = now + site_.options().unknown_ms_max * kMillisecond;
    probe_at_ = now + kUnknownInterval;
}

void LocalInstance::forget_unknown() {
    check(state_ == State::unknown, "nothing was known");
    kill_at_ = kNever;
    probe_at_ = kNever;
    start_at_ = 0;
    enter(State::idle, "waiting to start");
}

// --- Time and events ----------------------------------------------------------------------------

Nanos LocalInstance::due_at() const {
    if (state_ == State::draining) return std::min(drain_told_at_, keeper_due_at());
    Nanos due = std::min({probe_at_, kill_at_, keeper_due_at()});
    if (probe_.under_way()) due = std::min(due, probe_.deadline());
    return due;
}

void LocalInstance::tick(Nanos now) {
    take_notes(now);
    if (state_ == State::idle) return;
    if (state_ == State::unknown) {
        if (now < probe_at_) return;
        probe_at_ = now + kUnknownInterval;
        identify(now);
        if (state_ != State::unknown || now < kill_at_) return;
        kill_at_ = now + site_.options().unknown_ms_max * kMillisecond;
        end_unknown();
        return;
    }
    if (state_ == State::draining) {
        if (now >= drain_ends_at_) return stop(now);
        if (now >= drain_told_at_) tell_time_left(now);
        return;
    }
    if (now >= kill_at_) {
        // It ignored its own deadline.
        if (!killed_) force_end();
        killed_ = true;
        kill_at_ = kNever;
    }
    if (probe_.under_way()) {
        if (const auto outcome = probe_.finish(now)) finish_probe(*outcome, now);
    } else if (now >= probe_at_) {
        begin_probe(now);
    }
}

void LocalInstance::take_event(Event event, Nanos now) {
    switch (event) {
        case Event::run:
            take_run_event(now);
            return;
        case Event::probe:
            if (!probe_.under_way()) return;
            if (const auto outcome = probe_.finish(now)) finish_probe(*outcome, now);
            return;
    }
}

void LocalInstance::probe_now(Nanos now) {
    if (state_ != State::ready) return;
    count_.doubt();
    if (!probe_.under_way()) begin_probe(now);
}

void LocalInstance::judge_by(const ProbeRules& rules, Nanos now) {
    if (rules == rules_) return;
    const bool asks_anew = rules.path != rules_.path;
    rules_ = rules;
    if (state_ != State::starting && state_ != State::ready && state_ != State::silent) return;
    probe_.cancel();
    probe_at_ = now;
    count_.forget();
    if (asks_anew) count_.doubt();
}

void LocalInstance::begin_probe(Nanos now) {
    probe_at_ = kNever;
    const auto outcome = probe_.start({.host = "127.0.0.1",
                                       .port = run_.port,
                                       .path = rules_.path,
                                       .authority = address_text("127.0.0.1", run_.port),
                                       .timeout_ms = rules_.timeout_ms},
                                      now);
    if (outcome) {
        finish_probe(*outcome, now);
        return;
    }
    if (!watch(probe_.fd(), Probe::kEvents, Event::probe)) {
        probe_.cancel();
        finish_probe({false, false, "cannot be watched: too many open files"}, now);
    }
}

// While starting: a twentieth of the time it has taken so far, so that nobody waits 5 % too long
// and a slow start costs little. So, too, after silence, unless people have said how often.
Nanos LocalInstance::probe_patience(Nanos now) {
    const Nanos usual = scattered(rules_.interval_ms, site_.random());
    if (state_ == State::ready)
        return count_.is_counting() ? rules_.doubt_ms * kMillisecond : usual;
    if (count_.is_counting() || (state_ == State::silent && !rules_.path.empty())) return usual;
    const Nanos share = (now - started_at_) / 20;
    return std::clamp(share, kProbeIntervalMin, std::max(usual, kProbeIntervalMin));
}

// How the server before this one ended, for the reason that people read.
std::string LocalInstance::story() const {
    return last_end_.empty() ? "" : "; before: " + last_end_;
}

// One that answers, but not as it should, is worth telling at once.
void LocalInstance::tell_slow_start(const ProbeOutcome& outcome, Nanos now) {
    starts_long_ = now - started_at_ > kLongStart;
    if (outcome.connected)
        enter(State::starting, "starting: " + outcome.trouble + story());
    else if (starts_long_)
        enter(State::starting,
              "starting: nothing listens on port " + std::to_string(run_.port) + " yet" + story());
}

void LocalInstance::finish_probe(const ProbeOutcome& outcome, Nanos now) {
    check(state_ == State::starting || state_ == State::ready || state_ == State::silent,
          "only living servers are probed");
    const bool was_healthy = state_ == State::ready;
    const bool is_healthy = count_.after(outcome.is_good, was_healthy, rules_);
    if (is_healthy && !was_healthy) {
        ready_at_ = now;
        enter(State::ready, "ready" + story());
    } else if (!is_healthy && was_healthy) {
        ready_at_ = kNever;
        started_at_ = now;  // patience starts anew
        enter(State::silent, outcome.trouble);
    } else if (state_ == State::silent && !outcome.is_good) {
        enter(State::silent, outcome.trouble);
    } else if (state_ == State::starting && !outcome.is_good) {
        tell_slow_start(outcome, now);
    }
    probe_at_ = now + probe_patience(now);
}

}  // namespace mcpgw::deploy
