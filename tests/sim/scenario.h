// One run: a worker, its clients and servers, from the first connect to an empty worker.
//
// The production worker runs in this thread on the simulated ring; everything else happens while it
// waits. The run ends by a drain or a stop through the worker's mailbox, and then everything must
// have been given back. A broken invariant does not return (World::fail).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/worker/worker.h"
#include "tests/sim/control.h"

namespace mcpgw::sim {

// The facts of a run that went well.
struct Outcome {
    std::uint64_t hash = 0;
    std::uint64_t ticks = 0;
    std::uint64_t notes = 0;
    Nanos simulated = 0;
    std::size_t requests = 0;
    std::size_t answered = 0;
};

class Scenario {
  public:
    explicit Scenario(std::uint64_t seed);
    ~Scenario();
    Scenario(const Scenario&) = delete;
    Scenario& operator=(const Scenario&) = delete;

    [[nodiscard]] Outcome run();
    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] World& world() { return world_; }
    [[nodiscard]] const Ledger& ledger() const { return ledger_; }

  private:
    void make_clients();
    void plan_events();
    void post(void (worker::Mailbox::*mail)());
    void drain();
    void stop();
    void on_tick();
    void stop_listening();
    void look_whether_done();
    void run_worker();
    void check_end();
    void check_metrics();
    [[nodiscard]] Nanos slack() const;

    World world_;
    Plan plan_;
    Network network_;
    Kernel kernel_;
    Ledger ledger_;
    Control control_;
    Planner planner_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::unique_ptr<WorkerMetrics> metrics_ = std::make_unique<WorkerMetrics>();
    SharedSessions sessions_{{.sessions_max = limits::sessions_max_least}};
    exchange::Settings settings_;
    worker::Mailbox mailbox_;
    Nanos started_;
    bool draining_ = false;
    bool ended_run_ = false;
};

}  // namespace mcpgw::sim
