// Counters that come with the first session of a name and go with its last.
#include "dataplane/session/session_counts.h"

#include "common/check.h"

namespace mcpgw {
namespace {

using Phase = SlotState::Phase;

// Counters that are being added, or are on their way out, beside those of the sessions.
constexpr std::uint32_t kInTransit = 256;

SlotKey counter_key(SessionCounts::Kind kind, std::uint64_t name_hash) {
    return {static_cast<std::uint64_t>(kind), static_cast<std::uint64_t>(kind), name_hash};
}

}  // namespace

SessionCounts::SessionCounts(std::uint32_t counters, std::uint64_t seed)
    : directory_({.slots = counters + kInTransit, .seed = seed}) {
    check(counters <= SlotState::kNumberMax / 2, "a counter counts all sessions");
}

SlotHandle SessionCounts::enter(Kind kind, std::uint64_t name_hash, std::uint32_t max) {
    const SlotKey key = counter_key(kind, name_hash);
    for (;;) {
        SlotHandle counter = directory_.find(key);
        if (!counter) {
            const SlotDirectory::Added added = add_counter(key);
            if (added.outcome != SlotDirectory::Outcome::found) return added.handle;
            counter = added.handle;
        }
        switch (add_one(counter, max)) {
            case Step::entered:
                return counter;
            case Step::full:
                return {};
            case Step::gone:
                break;  // its last one has just left
        }
    }
}

SlotDirectory::Added SessionCounts::add_counter(const SlotKey& key) {
    const std::uint32_t slot = directory_.reserve();
    if (slot == 0) return {};
    const SlotDirectory::Added added = directory_.add(slot, key, 1);
    if (added.outcome != SlotDirectory::Outcome::made) directory_.abandon(slot);
    return added;
}

SessionCounts::Step SessionCounts::add_one(SlotHandle counter, std::uint32_t max) {
    SlotState state = directory_.state_of(counter.slot);
    while (state.is(Phase::live, counter.generation)) {
        if (max != 0 && state.number() >= max) return Step::full;
        if (directory_.change(counter.slot, state, state.with_number(state.number() + 1)))
            return Step::entered;
    }
    return Step::gone;
}

void SessionCounts::leave(SlotHandle counter) {
    SlotState state = directory_.state_of(counter.slot);
    for (;;) {
        check(state.is(Phase::live, counter.generation) && state.number() > 0,
              "a counter lives while somebody is counted");
        const bool last = state.number() == 1;
        const SlotState less = state.with_number(state.number() - 1);
        if (!directory_.change(counter.slot, state, last ? less.in(Phase::left) : less)) continue;
        if (!last) return;
        directory_.remove(counter.slot);
        directory_.free(counter.slot);
        return;
    }
}

std::uint32_t SessionCounts::of(Kind kind, std::uint64_t name_hash) const {
    const SlotHandle counter = directory_.find(counter_key(kind, name_hash));
    if (!counter) return 0;
    const SlotState state = directory_.state_of(counter.slot);
    return state.is(Phase::live, counter.generation) ? state.number() : 0;
}

}  // namespace mcpgw
