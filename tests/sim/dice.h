// The only source of chance in a simulation: everything random in a run is drawn from here, in an
// order that the run itself determines, so that a seed is the whole run.
//
// The generator is the data plane's own (splitmix64); it is fast, and the same on every machine,
// which the distributions of the standard library are not.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/exchange/services.h"

namespace mcpgw::sim {

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    std::uint64_t next() { return random_.next(); }
    // 0 ... bound - 1; 0 for a bound of 0.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
    // low ... high, both included.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + below(high - low + 1);
    }
    bool chance(unsigned permille) { return below(1000) < permille; }
    // Mostly small, sometimes near the bound: what sizes of messages look like.
    std::uint64_t skewed(std::uint64_t low, std::uint64_t high) {
        return low + below(below(below(high - low + 1) + 1) + 1);
    }
    template <class T>
    const T& pick(std::span<const T> items) {
        return items[below(items.size())];
    }

  private:
    exchange::Random random_;
};

}  // namespace mcpgw::sim
