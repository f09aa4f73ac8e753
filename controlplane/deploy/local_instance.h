// One local server over all its lives, whatever keeps it running (a shim, or systemd).
//
//           +------------------------------------------------------------+
//           v                                                            | its run is over
//   idle --start--> starting --answers--> ready --failed probes----> silent
//    |  back-off        |                 ^ |  ^----------------------/   |
//    |                  |          resume | | drain                       |
//    |                  |               draining (serves its sessions)    |
//    |                  |                   | stop, time over             |
//    |                  \-------- stop -----+------> stopping ------------+
//    \--something runs, but it cannot be said what--> unknown --(adopted, or ended)--> ...
//
// In idle nothing runs; else its keeper tells when the run is over. A new uid comes with each start
// and only then (contract::instance_identity). An end while draining is no failure. Two generations
// of one ordinal have one name; everything else they have for themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/time.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/deploy/health.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/deploy/local_site.h"
#include "controlplane/deploy/probe.h"
#include "controlplane/deploy/server_spec.h"

namespace mcpgw::deploy {

class LocalInstance {
  public:
    enum class State : std::uint8_t { idle, unknown, starting, ready, silent, draining, stopping };
    // What an event is about; part of the key that the site's epoll returns.
    enum class Event : std::uint8_t { run = 0, probe = 1 };

    LocalInstance(LocalSite& site, std::string adapter, Place place);
    LocalInstance(const LocalInstance&) = delete;
    LocalInstance& operator=(const LocalInstance&) = delete;
    virtual ~LocalInstance();

    // Takes over what an earlier control plane left running, or cleans up after it. Comes first.
    virtual void adopt(Nanos now) = 0;

    // Each is one step and never blocks.
    void start(const ServerSpec& spec, Nanos now);  // in idle, when start_at() has come
    void stop(Nanos now);                           // any state; idempotent
    void drain(Nanos now);                          // in ready: stops it later; else like stop()
    void resume(Nanos now);                         // in draining: it is wanted again as it is
    void tick(Nanos now);                           // whatever is due
    void take_event(Event event, Nanos now);
    void probe_now(Nanos now);
    // How its health is judged from now on. What is asked differently is asked at once, and the
    // first answer that is bad counts: nothing is known by the new question.
    void judge_by(const ProbeRules& rules, Nanos now);
    // In idle: deletes whatever is left of it on disk; true once nothing is. The heir is another
    // generation of its ordinal, which keeps what belongs to the name; null: there is none.
    [[nodiscard]] virtual bool delete_remains(const LocalInstance* heir) = 0;

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Nanos start_at() const { return start_at_; }
    // False while remains of an earlier life are deleted.
    [[nodiscard]] virtual bool may_start() const { return true; }
    // When tick() has something to do, kNever if only an event can change anything.
    [[nodiscard]] Nanos due_at() const;
    [[nodiscard]] bool runs(const ServerSpec& spec) const { return run_.spec_hash == spec.hash; }
    [[nodiscard]] const std::string& spec_hash() const { return run_.spec_hash; }
    [[nodiscard]] std::uint64_t serial() const { return serial_; }
    [[nodiscard]] const std::string& adapter() const { return adapter_; }
    [[nodiscard]] Place place() const { return place_; }
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string name() const;
    [[nodiscard]] InstanceStatus status() const;

  protected:
    // The present life; meaningless in idle.
    struct Run {
        std::string uid;
        std::string spec_hash;
        std::string path;
        std::uint16_t port = 0;
        std::uint32_t restarts = 0;
    };

    // --- What keepers do differently ---
    // Starts a server as run() says; `variables` are those that belong to this start.
    [[nodiscard]] virtual Result<> begin(const ServerSpec& spec,
                                         const std::map<std::string, std::string>& variables) = 0;
    // Asks the run to end within the grace, and ends it without asking. run_is_over() follows.
    virtual void ask_to_end() = 0;
    virtual void force_end() = 0;
    // The keeper's own descriptor, given to watch(), has something to say.
    virtual void take_run_event(Nanos /*now*/) {}
    // At every tick, first: what the keeper has noted meanwhile.
    virtual void take_notes(Nanos /*now*/) {}
    // In unknown, again and again: attach() or forget_unknown(). And when patience is over.
    virtual void identify(Nanos /*now*/) {}
    virtual void end_unknown() {}
    // When the keeper itself wants a tick.
    [[nodiscard]] virtual Nanos keeper_due_at() const { return kNever; }

    // --- What they report ---
    // The run has ended by itself or because it was asked to; `what` for people.
    void run_is_over(std::string what, Nanos now);
    // The keeper has started the server again by itself: another life, on the same port.
    void run_began_again(std::string uid, std::uint32_t more_restarts, std::string_view what,
                         Nanos now);
    // Adoption: this lives. `is_ending`: it has been asked to end.
    void attach(Run run, bool is_ending, Nanos now);
    void enter_unknown(Nanos now);
    void forget_unknown();

    [[nodiscard]] const Run& run() const { return run_; }
    [[nodiscard]] const LocalSite& site() const { return site_; }
    [[nodiscard]] const LocalOptions& options() const { return site_.options(); }
    void make_directory() const;
    [[nodiscard]] Result<> watch(int fd, std::uint32_t events, Event event) const;

  private:
    void enter(State state, std::string reason);
    [[nodiscard]] Result<> try_start(const ServerSpec& spec);
    void tell_time_left(Nanos now);
    void wait_before_restart(std::string what, Nanos now);
    void let_go();
    void rest();
    void give_back_port();
    void begin_probe(Nanos now);
    void finish_probe(const ProbeOutcome& outcome, Nanos now);
    void tell_slow_start(const ProbeOutcome& outcome, Nanos now);
    [[nodiscard]] Nanos probe_patience(Nanos now);
    [[nodiscard]] std::string story() const;
    [[nodiscard]] bool in_trouble() const;

    LocalSite& site_;
    const std::string adapter_;
    const Place place_;
    const std::string directory_;
    const std::uint64_t serial_;

    State state_ = State::idle;
    std::string reason_;
    std::uint64_t since_unix_ms_ = 0;
    bool ever_started_ = false;
    std::string last_end_;  // why the life before this one ended, in words
    Backoff backoff_;

    Run run_;
    Nanos started_at_ = 0;
    Nanos ready_at_ = kNever;
    bool killed_ = false;  // it was ended without asking

    Nanos start_at_ = 0;            // idle: not before
    Nanos probe_at_ = kNever;       // next probe
    Nanos kill_at_ = kNever;        // stopping, unknown: patience ends
    Nanos drain_ends_at_ = kNever;  // draining: it is stopped then
    Nanos drain_told_at_ = kNever;  // draining: when the time that is left is told anew; no later
    Probe probe_;
    ProbeRules rules_;
    HealthCount count_;
    bool starts_long_ = false;  // starting: longer than people expect
};

}  // namespace mcpgw::deploy
