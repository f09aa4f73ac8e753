// The load: server and clients in one thread, driven by one command at a time.
//
// Both ends live in one process on one core, so the time from an answer to the next request is no
// switch of processes, and the load costs as little as it can; what is measured is the CPU time of
// the proxy between them. A run has three parts, so that the driver can read the proxy's CPU time
// at the borders: prepare (connections, sessions, warming up), the measured part, and the end.
// Whatever is not exactly as it must be ends the process with a sentence.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/load/client.h"
#include "bench/load/histogram.h"
#include "bench/load/poller.h"
#include "bench/load/server.h"

namespace mcpgw::bench {

// What one run does. Which members count depends on the run.
struct Plan {
    Target target;
    std::size_t clients = 1;
    Nanos duration = kSecond;
    // Calls: requests per second, sent when they are due whatever happened to the earlier ones;
    // 0: each connection asks again as soon as it is answered.
    std::uint64_t rate_per_second = 0;
    // Calls: a connection of its own for each request.
    bool fresh = false;
    // Events: how many are on their way at a time.
    std::size_t in_flight = 1;
    // Look for news without ever sleeping: the proxy then pays for no wake-up of the load, and
    // times are exact.
    bool spin = true;
};

struct Outcome {
    std::uint64_t count = 0;
    Nanos nanos = 0;
};

class Load {
  public:
    explicit Load(std::uint16_t port);

    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    // The next line of standard input, while the server goes on serving; empty at its end.
    std::string next_command();

    // Clients with a session each, each of which has made one call.
    void prepare_callers(const Plan& plan);
    Outcome run_calls(const Plan& plan);
    // Clients with a session and an event stream each, on which one event has come.
    void prepare_streams(const Plan& plan);
    Outcome run_events(const Plan& plan);
    void close_clients();

    [[nodiscard]] const Histogram& latencies() const { return latencies_; }

  private:
    using Step = void (Client::*)();

    // Deals with one batch of events; what the clients report is in news_ until the next call.
    void poll(bool spin);
    void make_clients(const Plan& plan);
    // Every client takes the step and reports `until`, a few at a time.
    void each(Step step, News::What until);
    std::uint64_t run_closed(Nanos begin, const Plan& plan);
    std::uint64_t run_open(Nanos begin, const Plan& plan);
    void call_again(Client& client, bool fresh);
    void send_event(std::size_t stream);

    Poller poller_;
    Server server_;
    Watched commands_;
    std::string input_;
    Target target_;
    std::vector<News> news_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<std::uint64_t> events_sent_;  // by stream
    std::size_t next_stream_ = 0;
    Histogram latencies_;
};

}  // namespace mcpgw::bench
