// Starting, watching, ending and adopting the shim of one local server.
#include "controlplane/deploy/process_instance.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/check.h"
#include "common/log.h"
#include "controlplane/deploy/pidfd.h"
#include "controlplane/deploy/shim_starter.h"

namespace mcpgw::deploy {

Result<> ProcessInstance::begin(const ServerSpec& spec,
                                const std::map<std::string, std::string>& variables) {
    Result<Descriptor> lock = lock_instance(directory());
    if (!lock) return std::unexpected(lock.error());
    shim::Launch launch;
    launch.uid = run().uid;
    launch.spec_hash = spec.hash;
    launch.port = run().port;
    launch.path = spec.path;
    launch.restarts = run().restarts;
    launch.grace_ms = options().grace_ms;
    launch.log_bytes_max = options().log_bytes_max;
    launch.command = with_port(spec.command, run().port);
    std::map<std::string, std::string> all = variables;
    all.insert(spec.environment.begin(), spec.environment.end());
    launch.environment = server_environment(all);

    // What the last run left must not be taken for news of this one.
    std::error_code ignored;
    std::filesystem::remove(directory() + "/state.json", ignored);
    const ShimStart start{options().bin_dir + "/mcp-gateway-shim", directory(), lock->get(),
                          options().lifeline_fd};
    Result<Descriptor> shim_fd = start_shim(start, launch);
    if (!shim_fd) return std::unexpected(shim_fd.error());
    shim_fd_ = std::move(*shim_fd);
    Result<> watched = watch(shim_fd_.get(), EPOLLIN, Event::run);
    if (!watched) {
        // What cannot be watched must not run.
        signal_pidfd(shim_fd_.get(), SIGKILL);
        siginfo_t info{};
        waitid(P_PIDFD, static_cast<id_t>(shim_fd_.get()), &info, WEXITED);
        shim_fd_.reset();
    }
    return watched;
}

void ProcessInstance::ask_to_end() {
    check(static_cast<bool>(shim_fd_), "a shim is watched");
    signal_pidfd(shim_fd_.get(), SIGTERM);
}

// Its server dies with the shim, and the rest is found by its mark.
void ProcessInstance::force_end() {
    signal_pidfd(shim_fd_.get(), SIGKILL);
}

void ProcessInstance::take_run_event(Nanos now) {
    if (!shim_fd_) return;
    pollfd ended{shim_fd_.get(), POLLIN, 0};
    if (poll(&ended, 1, 0) == 0) return;  // the event was about a shim before this one
    siginfo_t info{};
    // ECHILD for an adopted one: whoever is its parent now collects it.
    waitid(P_PIDFD, static_cast<id_t>(shim_fd_.get()), &info, WEXITED | WNOHANG);
    shim_fd_.reset();
    const Result<shim::RunState> state = shim::read_run_state(directory());
    const bool is_its = state && state->uid == run().uid;
    const bool told =
        is_its && (state->phase == shim::Phase::ended || state->phase == shim::Phase::failed);
    if (!told && is_its) kill_leftovers(*state);
    run_is_over(told ? state->reason : "its keeper was killed", now);
}

void ProcessInstance::adopt(Nanos now) {
    check(state() == State::idle, "adoption comes first");
    const Result<shim::RunState> run = shim::read_run_state(directory());
    const Result<Descriptor> lock = lock_instance(directory());
    if (lock) {
        // No shim: a fresh beginning, with a count of its own. If it did not say how it ended, it
        // may have left something.
        if (run && run->phase != shim::Phase::ended && run->phase != shim::Phase::failed)
            kill_leftovers(*run);
        return;
    }
    if (run) {
        if (Descriptor shim_fd = open_shim(*run)) {
            take_over(*run, std::move(shim_fd), now);
            return;
        }
    }
    if (lock.error().code != Code::conflict) return;  // no lock, no shim: the start will tell why
    enter_unknown(now);
}

void ProcessInstance::take_over(const shim::RunState& state, Descriptor shim_fd, Nanos now) {
    shim_fd_ = std::move(shim_fd);
    if (Result<> watched = watch(shim_fd_.get(), EPOLLIN, Event::run); !watched)
        log_error("cannot watch a server", {{"why", watched.error().detail}});
    const bool lives = state.phase == shim::Phase::running || state.phase == shim::Phase::starting;
    attach({state.uid, state.spec_hash, state.path, state.port, state.restarts}, !lives, now);
}

// The lock is held, but by whom?
void ProcessInstance::identify(Nanos now) {
    if (const Result<shim::RunState> run = shim::read_run_state(directory())) {
        if (Descriptor shim_fd = open_shim(*run)) {
            take_over(*run, std::move(shim_fd), now);
            return;
        }
    }
    const Result<Descriptor> lock = lock_instance(directory());
    if (lock || lock.error().code != Code::conflict) forget_unknown();
}

void ProcessInstance::end_unknown() {
    const std::optional<pid_t> pid = find_shim(directory());
    log_warn("a server without a readable state is ended",
             {{"directory", directory()}, {"shim", pid.value_or(0)}});
    // SIGTERM: the shim ends its server in order, state or not.
    if (pid) kill(*pid, SIGTERM);
}

bool ProcessInstance::delete_remains(const LocalInstance* heir) {
    check(state() == State::idle, "nothing runs");
    std::error_code error;
    // Its log is that of the run before its heir's, unless the heir has had one itself.
    if (heir != nullptr && !std::filesystem::exists(heir->directory() + "/log.1", error))
        std::filesystem::rename(directory() + "/log", heir->directory() + "/log.1", error);
    std::filesystem::remove_all(directory(), error);
    if (error) log_warn("cannot delete", {{"path", directory()}, {"why", error.message()}});
    return true;
}

}  // namespace mcpgw::deploy
