// Where tasks are: which instance has begun the task of an id (MCP 2026-07-28, tasks extension,
// SEP-2663). Later requests about it carry only the id, and must reach that instance.
//
//   places: [ instance | instance xor hash of adapter and task id ] ...  ways of 4, the oldest goes
//
// One set for all workers, of fixed size, learnt from the answers that pass. Reading and writing
// are wait-free: two loads or stores for each entry that is looked at. Halves of two entries do not
// fit together, unless their instances are the same and it makes no difference; so an entry that is
// being written is simply not found. What is not known (never seen, forgotten, from before a
// restart) may go to any instance: then the server's own answer counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/limits.h"

namespace mcpgw {

class TaskPlaces {
  public:
    TaskPlaces();

    // `instance` is not 0.
    void put(std::uint64_t adapter, std::string_view task_id, std::uint64_t instance);
    // 0 when it is not known.
    [[nodiscard]] std::uint64_t find(std::uint64_t adapter, std::string_view task_id) const;
    // Whether the instance has begun a task that is not forgotten yet; it looks at every entry.
    [[nodiscard]] bool any_at(std::uint64_t instance) const;

  private:
    static constexpr std::size_t kWays = 4;
    static constexpr std::size_t kSets = limits::task_places_max / kWays;
    static_assert((kSets & (kSets - 1)) == 0, "a set is found with a mask");
    struct Place {
        std::atomic<std::uint64_t> instance{0};  // 0: free
        std::atomic<std::uint64_t> check{0};
    };
    struct Set {
        std::array<Place, kWays> places;
        std::atomic<std::uint32_t> next{0};  // the way that gives way next
    };
    std::unique_ptr<std::array<Set, kSets>> sets_;
};

}  // namespace mcpgw
