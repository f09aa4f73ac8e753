// How an instance has done lately, as traffic sees it: after a number of failures in a row it gets
// no new work for a while (it is ejected), and then one request a second, until one succeeds.
//
//   open ──failures in a row──▶ closed for 5 s, 10 s, … ──time is over──▶ on trial ──▶ open
//                                  ▲                                         │  success
//                                  └────────────────failure──────────────────┘
//
// Shared by all workers, two atomic words, no locks; a lost race costs one request more or less.
// Only new work is concerned: a session has no other instance to go to. Seconds are those of the
// monotonic clock. What counts as a failure is for the caller to say.
#pragma once

#include <atomic>
#include <cstdint>

namespace mcpgw {

class InstanceHealth {
  public:
    // True if this failure has closed it.
    bool note_failure(std::uint32_t now);
    void note_success() {
        if (failures_.load(std::memory_order_relaxed) == 0) return;
        failures_.store(0, std::memory_order_relaxed);
        closed_until_.store(0, std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_closed(std::uint32_t now) const {
        return now < (closed_until_.load(std::memory_order_relaxed) & ~kOnTrial);
    }
    // Whether a request may go to it now. On trial it is the one of this second.
    [[nodiscard]] bool admit(std::uint32_t now);

  private:
    // Beside the second up to which the trial's request is the only one.
    static constexpr std::uint32_t kOnTrial = 1U << 31;

    std::atomic<std::uint32_t> failures_{0};      // in a row
    std::atomic<std::uint32_t> closed_until_{0};  // 0: it is open
};

}  // namespace mcpgw
