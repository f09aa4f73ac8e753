// A lock-free stack of numbers over an array of links.
#include "dataplane/session/number_pool.h"

#include "common/check.h"

namespace mcpgw {
namespace {

constexpr std::uint64_t kChange = std::uint64_t{1} << 32;

std::uint32_t number_of(std::uint64_t head) {
    return static_cast<std::uint32_t>(head);
}

// The head after a change that leaves `number` on top.
std::uint64_t changed(std::uint64_t head, std::uint32_t number) {
    return ((head & ~(kChange - 1)) + kChange) | number;
}

}  // namespace

NumberPool::NumberPool(std::uint32_t numbers) : numbers_(numbers), next_(numbers) {}

std::uint32_t NumberPool::take() {
    for (;;) {
        // Asked before the head: when no number is fresh and then the stack is empty, there was a
        // moment at which all were taken.
        std::uint32_t fresh = fresh_.load(std::memory_order_acquire);
        std::uint64_t head = head_.load(std::memory_order_acquire);
        if (const std::uint32_t number = number_of(head); number != 0) {
            const std::uint32_t next = next_[number - 1].load(std::memory_order_relaxed);
            if (head_.compare_exchange_strong(head, changed(head, next), std::memory_order_acq_rel))
                return number;
        } else if (fresh == numbers_) {
            return 0;
        } else if (fresh_.compare_exchange_strong(fresh, fresh + 1, std::memory_order_acq_rel)) {
            return fresh + 1;
        }
    }
}

void NumberPool::give(std::uint32_t number) {
    check(number >= 1 && number <= numbers_, "a number of this pool");
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do {
        next_[number - 1].store(number_of(head), std::memory_order_relaxed);
    } while (
        !head_.compare_exchange_strong(head, changed(head, number), std::memory_order_acq_rel));
}

}  // namespace mcpgw
