// Deadlines of one worker.
//
// A hashed wheel of kSlots slots of kSlotNanos each (about half a minute around). A deadline beyond
// one turn waits in its slot and is looked at once a turn. A timer fires at most one slot late and
// never early. Moving a deadline to later, or clearing it, costs nothing: the timer stays where it
// is and is put further, or let go, when its slot comes up. So a deadline that moves with every
// byte is cheap.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>

#include "common/intrusive_list.h"
#include "common/time.h"

namespace mcpgw::io {

struct TimerTag;

// A member of its owner, like an Operation. `fire` only records and marks.
class Timer : public ListNode<TimerTag> {
  public:
    using Fire = void (*)(void* owner);
    Timer(void* owner, Fire fire) : owner_(owner), fire_(fire) {}
    ~Timer() { unlink(); }

    [[nodiscard]] Nanos deadline() const { return deadline_; }

  private:
    friend class TimerWheel;
    void* owner_;
    Fire fire_;
    Nanos deadline_ = kNever;  // when it shall fire
    Nanos visit_ = kNever;     // when the wheel looks at it: never after deadline_ + one slot
};

template <class Owner, void (Owner::*handler)()>
class TimerOf final : public Timer {
  public:
    explicit TimerOf(Owner& owner)
        : Timer(&owner, [](void* object) { (static_cast<Owner*>(object)->*handler)(); }) {}
};

class TimerWheel {
  public:
    static constexpr Nanos kSlotNanos = 8 * kMillisecond;
    static constexpr std::size_t kSlots = 4096;

    explicit TimerWheel(Nanos now) : now_slot_(now / kSlotNanos) {}

    // Sets or moves a deadline; kNever clears it.
    void set(Timer& timer, Nanos deadline);
    void clear(Timer& timer);
    // Fires everything whose deadline is at or before `now`.
    void advance(Nanos now);
    // A time at which advance() must be called at the latest; kNever if nothing waits.
    [[nodiscard]] Nanos next_visit() const;

  private:
    void link(Timer& timer);

    std::uint64_t now_slot_;  // slots before this one have been visited
    std::array<List<Timer, TimerTag>, kSlots> slots_;
    std::bitset<kSlots> occupied_;
};

}  // namespace mcpgw::io
