// The numbers 1...n, taken and given back by any thread without locks: slots and blocks that are
// free.
//
//   head_ [ changes 32 | number 32 ] ──▶ next_[number] ──▶ … ──▶ 0      given back, last in first
//   out fresh_: numbers up to here were taken at least once                 the others, lowest
//   first
//
// Numbers that were given back are taken first, so what is in use stays at the front. take() and
// give() change the head by one CAS each; the count of changes lets a CAS fail whose number was
// taken and given back meanwhile (ABA). Both are lock-free: a CAS fails only because another one
// succeeded.
#pragma once

#include <cstdint>

#include "dataplane/session/mapped_array.h"
#include "dataplane/session/shared_word.h"

namespace mcpgw {

class NumberPool {
  public:
    explicit NumberPool(std::uint32_t numbers);

    // 0: all are taken.
    [[nodiscard]] std::uint32_t take();
    void give(std::uint32_t number);
    // No number above this one was ever taken.
    [[nodiscard]] std::uint32_t high_water() const {
        return fresh_.load(std::memory_order_acquire);
    }

  private:
    std::uint32_t numbers_;
    MappedArray<SharedWord<std::uint32_t>> next_;  // of number n: [n - 1]
    alignas(64) SharedWord<std::uint64_t> head_{0};
    SharedWord<std::uint32_t> fresh_{0};
};

}  // namespace mcpgw
