// Runs two or three threads through every interleaving of their accesses to shared words.
//
//   setup ─▶ ● ─1─▶ ● ─1─▶ ● …        a node: the shared words, and where and in what state each
//             ╲2      ╲2              thread is. An edge: one access of one thread
//              ▶ ●      ▶ ● …  ─▶ check at every end
//
// Depth first, and without a way back: each run starts from an empty arena, follows the path that
// is decided, then the first new edge. A node that was reached before, by another order of the
// same, is not left again: that makes the number of runs that of the nodes instead of astronomical,
// and leaves out no outcome. Threads are fibers of the one thread of the test, so the state of one
// is its stack and what it has reported. A run that takes more accesses than any terminating one
// does is a failure: so a thread that waits for another one is found, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::schedule {

struct Scenario {
    std::function<void()> setup;  // makes what is shared, alone
    std::vector<std::function<void()>> threads;
    std::function<void()> check;     // looks at the end of a run, alone
    std::function<void()> teardown;  // destroys what is shared
    // Changes away from a thread that could go on; what needs more of them is not explored.
    std::size_t preemptions_max = SIZE_MAX;
    // Whether to stop: an expectation of the test has failed.
    std::function<bool()> is_broken = testing::Test::HasFailure;
};

struct Explored {
    std::size_t runs = 0;
    std::size_t nodes = 0;
    std::size_t ends = 0;  // different ends that were checked
    bool broken = false;   // a check failed, or a run did not end
    std::string schedule;  // of the run that failed: the number of the thread for each access
};

[[nodiscard]] Explored explore(const Scenario& scenario);

// What the present thread has learned and keeps outside of its own stack and of shared words, for
// the check at the end: without the report, ends that differ in it would count as one.
void report(std::uint64_t value);

}  // namespace mcpgw::schedule
