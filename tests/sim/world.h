// Time, chance and what is going to happen: the frame in which one run takes place.
//
// Nothing in a run reads a real clock. Time stands still while anybody acts, and moves when the
// worker waits: to the next event, or to the worker's own deadline. Events of the same time happen
// in the order in which they were planned. There is one world at a time (World::current), because
// Ring::open and the source of nonces are plain functions.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "common/time.h"
#include "tests/sim/dice.h"
#include "tests/sim/trace.h"

namespace mcpgw::sim {

// Called once when an invariant is broken; does not return.
using OnFailure = void (*)(const std::string& invariant);

class World {
  public:
    explicit World(std::uint64_t seed);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    [[nodiscard]] static World& current();
    // For worker::WorkerOptions::random: drawn from the world's dice.
    static bool random_bytes(std::span<std::byte> out);
    // What to do when an invariant is broken; the runner prints and ends the process.
    static void on_failure(OnFailure handler);
    [[noreturn]] static void fail(const std::string& invariant);

    [[nodiscard]] Nanos now() const { return now_; }
    [[nodiscard]] std::uint64_t unix_seconds() const;
    [[nodiscard]] Dice& dice() { return dice_; }
    [[nodiscard]] const Trace& trace() const { return trace_; }
    void note(Who who, const char* what, std::int64_t a = 0, std::int64_t b = 0) {
        trace_.note(now_, who, what, a, b);
    }

    void at(Nanos when, std::function<void()> what);
    void after(Nanos delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    // The run fails with this sentence unless `done` is true by then. Time in which the machine
    // stood still does not count.
    void expect(Nanos by, std::function<bool()> done, std::string otherwise);
    // When the next event is due; kNever when nothing is planned.
    [[nodiscard]] Nanos next_event() const;
    // Moves on to the next event and lets it, and all others that are due then, happen.
    void run_next();
    // Lets time pass; never backwards.
    void pass_until(Nanos when);

    // The machine stands still for a while (everything is late by that), or its wall clock is set.
    void freeze(Nanos duration);
    void set_wall_clock(std::int64_t offset_seconds);
    // How long the machine has stood still in all: what every bound on time must allow for.
    [[nodiscard]] Nanos frozen() const { return frozen_; }

  private:
    struct Event {
        Nanos when;
        std::uint64_t order;
        std::function<void()> what;
    };
    struct Later {
        bool operator()(const Event& a, const Event& b) const {
            return a.when != b.when ? a.when > b.when : a.order > b.order;
        }
    };

    Nanos now_;
    Nanos frozen_ = 0;
    std::int64_t wall_offset_seconds_ = 0;
    std::uint64_t planned_ = 0;
    Dice dice_;
    Trace trace_;
    std::priority_queue<Event, std::vector<Event>, Later> events_;
};

}  // namespace mcpgw::sim
