// The seam between the reconciler and what runs servers (local processes, URLs, later systemd and
// Kubernetes).
//
// A deployer never blocks: `apply` and `remove` take one idempotent step towards what is asked and
// say when they want to be called again; between the calls the file descriptor of `wait_fd` becomes
// readable when something happened, and `take_events` names the adapters concerned. All functions
// belong to the reconciler's thread, except `logs`, which any thread may call. Nothing throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::deploy {

// The outcome of one step.
struct Step {
    Nanos again_at = kNever;  // call again then (monotonic clock) even if no event comes
    bool settled = true;      // false: the first look at its instances is not finished yet
    bool done = true;         // false: there is still something to start, replace or stop
};

// What is wrong with an adapter as a whole, and not with one of its instances.
struct Trouble {
    std::string reason;   // one word for programs ("ClusterUnreachable"), empty: nothing is wrong
    std::string message;  // for people
};

struct LogQuery {
    std::uint32_t instance = 0;
    std::size_t tail = 1000;          // lines; what follows is not limited
    std::uint64_t since_unix_ms = 0;  // only lines written at or after this, 0 = all
    bool follow = false;
    bool previous = false;  // the run before, or the part that was rotated away
};

// Receives log text; returns false to end (the reader went away). While following, it is called
// with an empty text at least once a second, so that a dead reader is noticed.
using LogSink = std::function<bool(std::string_view text)>;

class Deployer {
  public:
    Deployer() = default;
    Deployer(const Deployer&) = delete;
    Deployer& operator=(const Deployer&) = delete;
    virtual ~Deployer() = default;

    // Adapters of which anything is left, desired or not: found at start, or applied since.
    [[nodiscard]] virtual std::vector<std::string> adapters() const = 0;
    // One entry for each instance that is desired or still there, by ordinal.
    [[nodiscard]] virtual std::vector<InstanceStatus> observe(std::string_view adapter) const = 0;
    // For adapters that were applied; all others are well.
    [[nodiscard]] virtual Trouble trouble(std::string_view /*adapter*/) const { return {}; }
    virtual Step apply(const model::Adapter& desired) = 0;
    // `done` once nothing is left of the adapter.
    virtual Step remove(std::string_view adapter) = 0;
    // Traffic met a failure of this adapter: look at its instances now.
    virtual void probe_now(std::string_view adapter) = 0;
    // Nobody uses this draining instance any more (contract::instance_identity). News may be late:
    // an instance that does not drain is left alone.
    virtual void note_drained(std::string_view adapter, std::uint64_t instance) = 0;

    // An epoll descriptor: readable when `take_events` has something to say.
    [[nodiscard]] virtual int wait_fd() const = 0;
    // Adapters that want a step (`apply` or `remove`) because something happened; may repeat.
    [[nodiscard]] virtual std::vector<std::string> take_events() = 0;

    // Writes log lines to the sink; with `follow` only returns when the sink says so or the
    // instance is removed. not_found: no such instance. Never started: one explaining line.
    [[nodiscard]] virtual Result<> logs(const model::Adapter& adapter, const LogQuery& query,
                                        const LogSink& sink) = 0;
};

}  // namespace mcpgw::deploy
