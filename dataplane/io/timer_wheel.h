// Deadlines of one worker.
//
// A hashed wheel of kSlots slots of kSlotNanos each (about half a minute around). A deadline beyond
// one turn waits in its slot and is looked at once a turn. A timer fires at most one slot late and
// never early. Moving a deadline to later, or clearing it, costs nothing: the timer stays where it
// is and is put further, or let go, when its slot comes up. So a deadline that moves with every
// byte is cheap.
#pragma once

#include <array>
#include <cstdint>

#include "common/intrusive_list.h"
#include "common/time.h"
#include "dataplane/io/near_function.h"
#include "dataplane/io/owner_offset.h"

namespace mcpgw::io {

struct TimerTag;

// A member of its owner, like an Operation. `fire` only records and marks.
class Timer : public ListNode<TimerTag> {
  public:
    using Fire = void(void* owner);
    Timer(OwnerOffset owner, Fire* fire) : fire_(fire), owner_(owner) {}
    ~Timer() { unlink(); }

    [[nodiscard]] Nanos deadline() const { return deadline_; }

  private:
    friend class TimerWheel;
    Nanos deadline_ = kNever;  // when it shall fire
    NearFunction<Fire> fire_;
    OwnerOffset owner_;
    // Where the wheel has it, if it is linked: a slot that comes up before deadline_ + one slot.
    std::uint16_t slot_ = 0;
};

template <class Owner, void (Owner::*handler)()>
class TimerOf final : public Timer {
  public:
    explicit TimerOf(Owner& owner)
        : Timer(OwnerOffset(owner, this),
                [](void* object) { (static_cast<Owner*>(object)->*handler)(); }) {}
};

class TimerWheel {
  public:
    static constexpr Nanos kSlotNanos = 8 * kMillisecond;
    static constexpr std::size_t kSlots = 4096;
    static_assert(kSlots <= 65536, "a timer knows its slot in 16 bits");

    explicit TimerWheel(Nanos now) : now_slot_(now / kSlotNanos) {}

    // Sets or moves a deadline; kNever clears it.
    void set(Timer& timer, Nanos deadline);
    void clear(Timer& timer);
    // Fires everything whose deadline is at or before `now`.
    void advance(Nanos now);
    // A time at which advance() must be called at the latest; kNever if nothing waits.
    [[nodiscard]] Nanos next_visit() const {
        return next_slot_ == kNone ? kNever : next_slot_ * kSlotNanos;
    }

  private:
    static constexpr std::uint64_t kNone = UINT64_MAX;
    static constexpr std::size_t kWordBits = 64;

    void link(Timer& timer);
    void visit(std::uint64_t slot, Nanos now);
    [[nodiscard]] std::uint64_t find_occupied() const;

    std::uint64_t now_slot_;  // slots before this one have been visited
    // The first that is occupied, or was when its timers were last looked at.
    std::uint64_t next_slot_ = kNone;
    std::array<List<Timer, TimerTag>, kSlots> slots_;
    std::array<std::uint64_t, kSlots / kWordBits> occupied_{};  // a bit for each slot
};

}  // namespace mcpgw::io
