// One live slot for a key: candidates, precedence, and finishing the work of others.
#include "dataplane/session/slot_directory.h"

#include <bit>

#include "common/check.h"

namespace mcpgw {
namespace {

using Phase = SlotState::Phase;

// So many bytes of slots are in small pages: a few thousand sessions do not pay for huge ones.
constexpr std::size_t kSmallPagesBytes = 2 * 1024 * 1024;

}  // namespace

SlotDirectory::SlotDirectory(const Options& options)
    : slots_(options.slots),
      slot_bytes_log2_(static_cast<unsigned>(std::countr_zero(options.slot_bytes))),
      seed_(options.seed),
      memory_(std::size_t{options.slots} * options.slot_bytes, kSmallPagesBytes),
      memory_bytes_(static_cast<std::byte*>(memory_.data())),
      index_(options.slots),
      free_(options.slots) {
    check(options.slot_bytes >= sizeof(KeyedSlot) && std::has_single_bit(options.slot_bytes),
          "a slot begins with state and key");
}

bool SlotDirectory::change(std::uint32_t slot, SlotState& expected, SlotState wanted) const {
    std::uint64_t word = expected.word();
    const bool changed =
        at(slot).state.compare_exchange_strong(word, wanted.word(), std::memory_order_seq_cst);
    expected = SlotState(word);
    return changed;
}

// The state of a slot at a moment at which it has the key; no state if it has another one. Between
// two looks at the same life that is past filling, the key cannot have been another one.
inline SlotState SlotDirectory::state_with_key(std::uint32_t slot, const SlotKey& key) const {
    const KeyedSlot& there = at(slot);
    const SlotState before(there.state.load(std::memory_order_seq_cst));
    if (!before.has_key() || !(key_of(there) == key)) return SlotState::none();
    const SlotState now(there.state.load(std::memory_order_seq_cst));
    return now.has_key() && now.generation() == before.generation() ? now : SlotState::none();
}

SlotHandle SlotDirectory::find_anywhere(std::uint64_t hash, const SlotKey& key) const {
    SlotHandle found;
    maybe(index_.any_of(hash, [&](std::uint32_t slot, const auto&, std::uint32_t) {
        const SlotState state = state_with_key(slot, key);
        if (state.phase() != Phase::live) return false;
        found = {slot, state.generation()};
        return true;
    }));
    return found;
}

bool SlotDirectory::has_ending(const SlotKey& key) const {
    return index_.any_of(hash_of(key), [&](std::uint32_t slot, const auto&, std::uint32_t) {
        return state_with_key(slot, key).phase() == Phase::ending;
    });
}

std::uint32_t SlotDirectory::reserve() {
    const std::uint32_t slot = free_.take();
    if (slot == 0) return 0;
    const SlotState state = state_of(slot);
    check(state.phase() == Phase::free, "a free slot is free");
    at(slot).state.store(state.in(Phase::filling).word(), std::memory_order_release);
    return slot;
}

void SlotDirectory::abandon(std::uint32_t slot) {
    check(state_of(slot).phase() == Phase::filling, "only who fills a slot abandons it");
    free(slot);
}

void SlotDirectory::free(std::uint32_t slot) {
    const SlotState state = state_of(slot);
    check(state.is_unused(), "a slot that is freed is held by nobody");
    at(slot).state.store(SlotState(state.in(Phase::free)).next_life().word(),
                         std::memory_order_release);
    free_.give(slot);
}

void SlotDirectory::remove(std::uint32_t slot) {
    index_.remove(hash_of(key_of(at(slot))), slot);
}

SlotDirectory::Added SlotDirectory::add(std::uint32_t slot, const SlotKey& key,
                                        std::uint32_t number) {
    KeyedSlot& mine = at(slot);
    check(state_of(slot).phase() == Phase::filling, "a slot is filled before it is added");
    // Release: whoever reads one of these also sees that the former life is over.
    mine.first.store(key.first, std::memory_order_release);
    mine.second.store(key.second, std::memory_order_release);
    mine.third.store(key.third, std::memory_order_release);
    const std::uint64_t hash = hash_of(key);
    for (;;) {
        const SlotState filling = state_of(slot);
        const SlotHandle handle{slot, filling.generation()};
        mine.state.store(filling.in(Phase::candidate).with_number(number).word(),
                         std::memory_order_seq_cst);
        const bool placed = index_.place(hash, slot);
        if (placed) settle(handle, key);
        // Whoever finished the work for us may have gone on: live, ended, even the next life.
        const SlotState outcome = state_of(slot);
        check(!placed || !outcome.is(Phase::candidate, handle.generation), "settled");
        if (placed && !outcome.is(Phase::lost, handle.generation)) return {Outcome::made, handle};

        // Out of the index first, so that a cell always speaks of the life it was placed in.
        if (placed) index_.remove(hash, slot);
        mine.state.store(filling.next_life().word(), std::memory_order_release);
        if (!placed) return {Outcome::no_room, {}};
        if (const SlotHandle winner = find(key)) return {Outcome::found, winner};
        if (has_ending(key)) return {Outcome::ending, {}};
    }
}

SlotDirectory::Seen SlotDirectory::rival_of(std::uint32_t slot, const SlotKey& key) const {
    Seen rival;
    maybe(index_.any_of(
        hash_of(key), [&](std::uint32_t other, const SlotIndex::Cell& cell, std::uint32_t value) {
            if (other == slot) return false;
            SlotState state = state_with_key(other, key);
            if (!state.has_key()) return false;
            while (state.phase() == Phase::candidate && other > slot) {
                const std::uint32_t generation = state.generation();
                if (change(other, state, state.in(Phase::lost))) return false;
                if (state.generation() != generation || !state.has_key()) return false;
            }
            // A candidate may be finished by others only from the moment that it is in the index,
            // and this cell may be from its former life.
            if (state.phase() == Phase::candidate && cell.load(std::memory_order_seq_cst) != value)
                return false;
            rival = {other, state};
            return true;
        }));
    return rival;
}

// Afterwards the candidate is live or has lost, and so has everybody whose work was begun on the
// way, or the next try could stumble over the same one again. Nobody else of its key can have
// become live unnoticed: whoever did looked around after having been placed, and so did this. Of
// the two, the one that was placed last saw the other.
void SlotDirectory::settle(SlotHandle candidate, const SlotKey& key) const {
    SlotHandle target = candidate;
    for (;;) {
        SlotState state = state_of(target.slot);
        if (!state.is(Phase::candidate, target.generation)) {
            if (target == candidate) return;
            target = candidate;
            continue;
        }
        const Seen rival = rival_of(target.slot, key);
        if (rival.slot == 0)
            maybe(change(target.slot, state, state.in(Phase::live)));
        else if (rival.state.phase() == Phase::candidate)
            target = {rival.slot, rival.state.generation()};
        else
            maybe(change(target.slot, state, state.in(Phase::lost)));
    }
}

}  // namespace mcpgw
