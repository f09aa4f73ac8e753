// What a seed stands for: how the world of a run is, and what its clients and servers will do.
//
// Each seed switches a random half of the unkindnesses on and leaves the others off, so that some
// runs are calm and judged strictly, and others combine few faults deeply. Everything is drawn
// before the run begins, but for what happens in reaction to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/kernel.h"
#include "tests/sim/ledger.h"
#include "tests/sim/network.h"

namespace mcpgw::sim {

struct AdapterPlan {
    std::string name;
    std::size_t instances = 1;
    std::uint32_t connect_ms = 5000;
    std::uint32_t first_byte_ms = 300'000;
    std::uint32_t idle_ms = 0;
};

struct Plan {
    Weather weather;
    KernelTemper kernel;
    std::vector<AdapterPlan> adapters;
    std::size_t clients = 1;
    std::size_t errands_max = 1;
    std::size_t connections_max = 1024;
    bool pipelining = false;
    bool slow_clients = false;
    bool slow_servers = false;
    bool streams = false;
    bool long_streams = false;  // hours
    bool bulk = false;          // megabytes
    bool idle_clients = false;
    bool early_answers = false;  // often before the request is complete
    bool servers_close_idle = false;
    unsigned client_faults = 0;  // permille of the requests
    unsigned server_faults = 0;
    unsigned client_cuts = 0;  // permille of the connections that the network breaks
    unsigned server_cuts = 0;
    unsigned table_changes = 0;  // how often
    unsigned outages = 0;
    unsigned freezes = 0;
    bool drains_midway = false;
    Nanos span = kSecond;  // within which clients start and things happen

    [[nodiscard]] static Plan draw(Dice& dice);
    [[nodiscard]] std::string text() const;
};

// Draws requests, answers and conduct.
class Planner {
  public:
    Planner(const Plan& plan, Dice& dice, Ledger& ledger)
        : plan_(plan), dice_(dice), ledger_(ledger) {}

    [[nodiscard]] Errand draw(std::size_t index);

  private:
    void own(Ask& ask);
    void forwarded(Ask& ask, std::size_t index);
    void request_body(Ask& ask, std::string_view method);
    void answer(Ask& ask);
    void stream(Ask& ask);
    void pieces(AnswerPlan& answer);
    void answer_fault(AnswerPlan& answer);
    void conduct(Errand& errand, std::size_t index);
    void client_fault(Errand& errand);
    void bad_request(Errand& errand);
    [[nodiscard]] std::string letters(std::size_t count);
    [[nodiscard]] std::size_t body_size();

    const Plan& plan_;
    Dice& dice_;
    Ledger& ledger_;
};

}  // namespace mcpgw::sim
