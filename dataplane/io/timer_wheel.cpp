// Slots are visited in order; what is due fires, what is not goes on to its next slot.
#include "dataplane/io/timer_wheel.h"

#include <algorithm>

namespace mcpgw::io {

void TimerWheel::link(Timer& timer) {
    // A slot is visited when its time has passed completely, so nothing in it fires early.
    const std::uint64_t due = std::max(timer.deadline_ / kSlotNanos + 1, now_slot_);
    const std::uint64_t visit = std::min(due, now_slot_ + kSlots - 1);
    timer.slot_ = static_cast<std::uint16_t>(visit % kSlots);
    slots_[timer.slot_].push_back(timer);
    occupied_.set(timer.slot_);
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
    if (target < now_slot_) return;
    // After a long sleep one turn visits everything; slots in between would be visited twice.
    if (target - now_slot_ >= kSlots) now_slot_ = target - kSlots + 1;
    for (; now_slot_ <= target; ++now_slot_) {
        const std::size_t index = now_slot_ % kSlots;
        if (!occupied_.test(index)) continue;
        List<Timer, TimerTag> due;
        due.take_all(slots_[index]);
        occupied_.reset(index);
        const std::uint64_t resume = now_slot_;
        ++now_slot_;  // what is linked from here on belongs to later slots
        while (Timer* timer = due.pop_front()) {
            if (timer->deadline_ <= now) {
                timer->deadline_ = kNever;
                timer->fire_.get()(timer->owner_.owner_of(timer));
            } else if (timer->deadline_ != kNever) {
                link(*timer);
            }
        }
        now_slot_ = resume;
    }
}

Nanos TimerWheel::next_visit() const {
    if (occupied_.none()) return kNever;
    for (std::uint64_t step = 0; step < kSlots; ++step)
        if (occupied_.test((now_slot_ + step) % kSlots)) return (now_slot_ + step) * kSlotNanos;
    return kNever;
}

}  // namespace mcpgw::io
