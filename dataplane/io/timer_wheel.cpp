// Slots are visited in order; what is due fires, what is not goes on to its next slot.
#include "dataplane/io/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace mcpgw::io {

void TimerWheel::link(Timer& timer) {
    // A slot is visited when its time has passed completely, so nothing in it fires early.
    const std::uint64_t due = std::max(timer.deadline_ / kSlotNanos + 1, now_slot_);
    const std::uint64_t visit = std::min(due, now_slot_ + kSlots - 1);
    timer.slot_ = static_cast<std::uint16_t>(visit % kSlots);
    slots_[timer.slot_].push_back(timer);
    occupied_[timer.slot_ / kWordBits] |= std::uint64_t{1} << timer.slot_ % kWordBits;
    next_slot_ = std::min(next_slot_, visit);
}

void TimerWheel::set(Timer& timer, Nanos deadline) {
    timer.deadline_ = deadline;
    if (deadline == kNever) return;
    if (timer.is_linked()) {
        const std::uint64_t visit = now_slot_ + (timer.slot_ - now_slot_) % kSlots;
        if (visit * kSlotNanos <= deadline + kSlotNanos) return;
        timer.unlink();
    }
    link(timer);
}

void TimerWheel::clear(Timer& timer) {
    set(timer, kNever);
}

void TimerWheel::advance(Nanos now) {
    const std::uint64_t target = now / kSlotNanos;
    while (next_slot_ <= target) {
        const std::uint64_t slot = std::exchange(next_slot_, kNone);
        now_slot_ = slot + 1;  // what is linked from here on belongs to later slots
        visit(slot, now);
        next_slot_ = std::min(next_slot_, find_occupied());
    }
    now_slot_ = std::max(now_slot_, target + 1);
}

void TimerWheel::visit(std::uint64_t slot, Nanos now) {
    const std::size_t index = slot % kSlots;
    List<Timer, TimerTag> due;
    due.take_all(slots_[index]);
    occupied_[index / kWordBits] &= ~(std::uint64_t{1} << index % kWordBits);
    while (Timer* timer = due.pop_front()) {
        if (timer->deadline_ <= now) {
            timer->deadline_ = kNever;
            timer->fire_.get()(timer->owner_.owner_of(timer));
        } else if (timer->deadline_ != kNever) {
            link(*timer);
        }
    }
}

// From now_slot_ once around.
std::uint64_t TimerWheel::find_occupied() const {
    const std::size_t first = now_slot_ % kSlots;
    std::uint64_t bits = occupied_[first / kWordBits] >> first % kWordBits;
    if (bits != 0) return now_slot_ + static_cast<unsigned>(std::countr_zero(bits));
    std::uint64_t slot = now_slot_ + (kWordBits - first % kWordBits);
    for (std::size_t word = 0; word < occupied_.size(); ++word, slot += kWordBits) {
        bits = occupied_[slot % kSlots / kWordBits];
        if (bits != 0) return slot + static_cast<unsigned>(std::countr_zero(bits));
    }
    return kNone;
}

}  // namespace mcpgw::io
