// One local server, over all its lives.
//
//           +------------------------------------------------------------+
//           v                                                            | shim gone
//   idle --start--> starting --answers--> ready --3 failed probes--> silent
//    |  back-off        |                 ^ |  ^----------------------/   |
//    |                  |          resume | | drain                       |
//    |                  |               draining (serves its sessions)    |
//    |                  |                   | stop, time over             |
//    |                  \-------- stop -----+------> stopping ------------+
//    \--lock held by a shim whose state cannot be read--> unknown --(adopted, or killed)--> ...
//
// Invariants: in idle nothing runs; else a shim holds the lock of the directory, and (except in
// unknown) its pidfd is watched. A new uid comes with every start and only then: the identity of
// the instance towards clients (contract::instance_identity). An end while draining is no failure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/time.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/deploy/process_site.h"
#include "controlplane/deploy/tcp_probe.h"

namespace mcpgw::deploy {

// How to run the server of an adapter. Two specs with the same hash run the same.
struct ServerSpec {
    std::string hash;
    std::vector<std::string> command;  // "{port}" not yet replaced
    std::map<std::string, std::string> environment;
    std::string program;  // what the user wants to run, if that is not command[0] (stdio)
    std::string path;     // of its endpoint
};

class ProcessInstance {
  public:
    enum class State : std::uint8_t { idle, unknown, starting, ready, silent, draining, stopping };
    // What an event is about; part of the key that the site's epoll returns.
    enum class Event : std::uint8_t { shim_ended = 0, probe_answered = 1 };

    ProcessInstance(ProcessSite& site, std::string adapter, std::uint32_t ordinal);
    ProcessInstance(const ProcessInstance&) = delete;
    ProcessInstance& operator=(const ProcessInstance&) = delete;
    ~ProcessInstance();

    // Takes over what an earlier control plane left in the directory, or cleans up after it.
    void adopt(Nanos now);

    // Each is one step and never blocks.
    void start(const ServerSpec& spec, Nanos now);  // in idle, when start_at() has come
    void stop(Nanos now);                           // any state; idempotent
    void drain(Nanos now);                          // in ready: stops it later; else like stop()
    void resume(Nanos now);                         // in draining: it is wanted again as it is
    void tick(Nanos now);                           // whatever is due
    void take_event(Event event, Nanos now);
    void probe_now(Nanos now);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Nanos start_at() const { return start_at_; }
    // When tick() has something to do, kNever if only an event can change anything.
    [[nodiscard]] Nanos due_at() const;
    [[nodiscard]] bool runs(const ServerSpec& spec) const { return spec_hash_ == spec.hash; }
    [[nodiscard]] const std::string& spec_hash() const { return spec_hash_; }
    [[nodiscard]] std::uint64_t serial() const { return serial_; }
    [[nodiscard]] const std::string& adapter() const { return adapter_; }
    [[nodiscard]] InstanceStatus status() const;

    // In idle: deletes the directory with everything in it.
    void delete_files();

  private:
    void make_directory() const;
    void enter(State state, std::string reason);
    [[nodiscard]] Result<> try_start(const ServerSpec& spec);
    void tell_time_left(Nanos now);
    void shim_ended(Nanos now);
    void let_go();
    void rest();
    void wait_before_restart(std::string what, Nanos now);
    void attach(const shim::RunState& run, Descriptor shim_fd, Nanos now);
    void look_again_for_shim(Nanos now);
    void begin_probe(Nanos now);
    void finish_probe(ProbeOutcome outcome, Nanos now);
    [[nodiscard]] Nanos probe_patience(Nanos now) const;
    [[nodiscard]] std::string story() const;

    ProcessSite& site_;
    const std::string adapter_;
    const std::uint32_t ordinal_;
    const std::string directory_;
    const std::uint64_t serial_;

    State state_ = State::idle;
    std::string reason_;
    std::uint64_t since_unix_ms_ = 0;
    std::uint32_t restarts_ = 0;
    bool ever_started_ = false;
    std::string last_end_;  // why the life before this one ended, in words
    Backoff backoff_;

    // The present life; meaningless in idle.
    std::string uid_;
    std::string spec_hash_;
    std::string path_;
    std::uint16_t port_ = 0;
    Descriptor shim_fd_;
    Nanos started_at_ = 0;
    Nanos ready_at_ = kNever;
    bool killed_ = false;  // SIGKILL was sent to the shim

    Nanos start_at_ = 0;            // idle: not before
    Nanos probe_at_ = kNever;       // next probe
    Nanos kill_at_ = kNever;        // stopping, unknown: patience ends
    Nanos drain_ends_at_ = kNever;  // draining: it is stopped then
    Nanos drain_told_at_ = kNever;  // draining: when the time that is left is told anew; no later
    TcpProbe probe_;
    std::uint32_t failed_probes_ = 0;
};

}  // namespace mcpgw::deploy
