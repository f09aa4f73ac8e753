// Slots that are found by a key, added and removed by any thread without locks, with never more
// than one live slot for a key.
//
//   SlotIndex: hash of the key ──▶ slot number          NumberPool: which slots are free
//   memory:    [ KeyedSlot | the owner's words ] × slots, lowest first, so few slots touch few
//   pages
//
// Adding: reserve() a slot, fill its words, add() it. Of several threads that add the same key one
// slot becomes live and all get its handle: each places its slot as a candidate, then looks at all
// others with that key. One that is live wins; among candidates the lowest slot number has
// precedence, the others are told that they lost, and whoever meets a candidate with precedence
// finishes its work first (settle()), so nobody waits for a thread that sleeps. find() is
// wait-free. What the words mean, and when a live slot ends, is the business of the owner:
// session_table.h and session_counts.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/session/mapped_array.h"
#include "dataplane/session/number_pool.h"
#include "dataplane/session/shared_word.h"
#include "dataplane/session/slot_index.h"
#include "dataplane/session/slot_state.h"

namespace mcpgw {

// At least one part is a hash of everything that counts.
struct SlotKey {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::uint64_t third = 0;

    bool operator==(const SlotKey&) const = default;
};

// Every kind of slot begins like this.
struct KeyedSlot {
    SharedWord<std::uint64_t> state;  // SlotState
    SharedWord<std::uint64_t> first;
    SharedWord<std::uint64_t> second;
    SharedWord<std::uint64_t> third;
};

class SlotDirectory {
  public:
    struct Options {
        std::uint32_t slots = 0;                     // 1...2^26
        std::size_t slot_bytes = sizeof(KeyedSlot);  // a power of two
        // Keeps those who choose keys from choosing places.
        std::uint64_t seed = 0;
    };
    explicit SlotDirectory(const Options& options);

    // The live slot of this key, or no slot.
    [[nodiscard]] SlotHandle find(const SlotKey& key) const;
    [[nodiscard]] bool has_ending(const SlotKey& key) const;

    // A slot that is the caller's to fill; 0: all are taken.
    [[nodiscard]] std::uint32_t reserve();
    // Gives back a slot that is being filled.
    void abandon(std::uint32_t slot);

    enum class Outcome : std::uint8_t { made, found, ending, no_room };
    struct Added {
        Outcome outcome = Outcome::no_room;
        SlotHandle handle;  // made: the slot itself; found: the live one
    };
    // Makes a filled slot live with this number in its state. Unless it is `made`, the slot is the
    // caller's again, who abandons it: another one is live, or (with `ending`) is being ended, or
    // the index has no room. A slot that was made may have been used, and ended, before this
    // returns.
    [[nodiscard]] Added add(std::uint32_t slot, const SlotKey& key, std::uint32_t number);

    // Takes a slot out of the index; by the thread that ended it, once.
    void remove(std::uint32_t slot);
    // The next life of a slot that is out of the index and that nobody holds.
    void free(std::uint32_t slot);

    [[nodiscard]] KeyedSlot& at(std::uint32_t slot) const {
        return *reinterpret_cast<KeyedSlot*>(memory_bytes_ +
                                             (std::size_t{slot - 1} << slot_bytes_log2_));
    }
    [[nodiscard]] bool has(std::uint32_t slot) const { return slot >= 1 && slot <= slots_; }
    [[nodiscard]] SlotState state_of(std::uint32_t slot) const {
        return SlotState(at(slot).state.load(std::memory_order_acquire));
    }
    // One transition. On failure `expected` is what the state is now.
    [[nodiscard]] bool change(std::uint32_t slot, SlotState& expected, SlotState wanted) const;

    [[nodiscard]] static SlotKey key_of(const KeyedSlot& slot) {
        // Acquire: whoever reads the key of a later life then also reads the state of that life.
        return {slot.first.load(std::memory_order_acquire),
                slot.second.load(std::memory_order_acquire),
                slot.third.load(std::memory_order_acquire)};
    }
    // In the index: live, ending, or on the way to be live.
    [[nodiscard]] std::uint32_t size() const { return index_.size(); }
    [[nodiscard]] std::uint32_t high_water() const { return free_.high_water(); }

  private:
    // A slot with the key asked for, as it was at one moment.
    struct Seen {
        std::uint32_t slot = 0;
        SlotState state = SlotState::none();
    };
    // One wide product: the parts that callers choose are hashes already, and who does not know the
    // seed cannot aim at a bucket.
    [[nodiscard]] std::uint64_t hash_of(const SlotKey& key) const {
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{key.third ^ seed_} * (key.second ^ 0xD6E8FEB86659FD93ULL);
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    [[nodiscard]] SlotHandle find_anywhere(std::uint64_t hash, const SlotKey& key) const;
    [[nodiscard]] SlotState state_with_key(std::uint32_t slot, const SlotKey& key) const;
    // Another one of this key that stands in the way of `slot`, after all lesser candidates have
    // been told that they lost; no slot if there is none.
    [[nodiscard]] Seen rival_of(std::uint32_t slot, const SlotKey& key) const;
    void settle(SlotHandle candidate, const SlotKey& key) const;

    std::uint32_t slots_;
    unsigned slot_bytes_log2_;
    std::uint64_t seed_;
    MappedMemory memory_;
    std::byte* memory_bytes_;
    SlotIndex index_;
    NumberPool free_;
};

// Short and inline, so that a processor that guesses has several lookups of a large table on the
// way at once, and needs no key that was written in parts and is read as a whole.
inline SlotHandle SlotDirectory::find(const SlotKey& key) const {
    const std::uint64_t hash = hash_of(key);
    if (const std::uint32_t slot = index_.likely_slot(hash); slot != 0) {
        const KeyedSlot& there = at(slot);
        const SlotState state(there.state.load(std::memory_order_acquire));
        if (state.phase() == SlotState::Phase::live && key_of(there) == key &&
            there.state.load(std::memory_order_relaxed) == state.word())
            return {slot, state.generation()};
    }
    return find_anywhere(hash, key);
}

}  // namespace mcpgw
