// The control plane of a run: which adapters and instances there are, and the tables that say so.
//
// It starts and kills servers, publishes a table after every change, and wakes the worker a moment
// later, as the link thread does. Everything that a change can do to a request is noted in the
// ledger before the table is out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/link/event_queue.h"
#include "dataplane/route/publication.h"
#include "tests/sim/plan.h"
#include "tests/sim/server.h"

namespace mcpgw::sim {

class Control {
  public:
    Control(const Plan& plan, Network& network, Ledger& ledger);

    [[nodiscard]] Publication& publication() { return publication_; }
    [[nodiscard]] EventQueue& events() { return events_; }
    // Wakes the worker; set by the scenario.
    std::function<void()> wake;

    // Publishes the first table.
    void start();
    // Something changes: an instance or an adapter comes, goes, or is replaced, or a key is new.
    void change();
    // A server refuses connections, or leaves them hanging, for a while.
    void outage();
    // The excuses that a request has from its birth.
    void judge_at_birth(Ask& ask);
    // What the worker tells about failing instances; a change may follow.
    void take_events();
    // Nothing of the past is counted any more.
    void check_loads();

  private:
    struct Instance {
        std::unique_ptr<Server> server;
        bool ready = true;
        bool listed = true;
    };
    struct Adapter {
        const AdapterPlan* plan;
        bool listed = true;
        std::vector<Instance> instances;
    };
    void add_instance(Adapter& adapter);
    void change_instance(Adapter& adapter, Instance& instance);
    void publish();
    [[nodiscard]] Instance* any_listed(Adapter& adapter);

    const Plan& plan_;
    Network& network_;
    Ledger& ledger_;
    Dice& dice_;
    RouteBuilder builder_;
    Publication publication_{1};
    EventQueue events_;
    std::vector<Adapter> adapters_;
    std::uint64_t version_ = 0;
    std::uint64_t instances_made_ = 0;
    unsigned key_ = 1;
};

}  // namespace mcpgw::sim
