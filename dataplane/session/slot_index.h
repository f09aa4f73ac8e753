// Finds slots by the hash of their key: buckets of one cache line, two of which may hold a key.
//
//   level    [ bucket ][ bucket ] …        each half full at most, the next 32 times as large
//   bucket   16 cells                      a slot lies in one of two: the first, unless that is
//                                          rather full and the other one is emptier
//   cell     [ tag | slot number ]         0: free; the tag is a part of the hash
//
// A cell stays where it is from place() to remove(), so there are no chains, no tombstones and
// nothing that a reader could overtake. Few slots use the small levels, so that they touch few
// pages; a level without slots is not looked at. Looking is wait-free: at most two cache lines a
// level, and the largest level, which has nearly all slots if there are many, comes first. Writers
// fill a free cell by CAS. The index knows nothing of keys and lives; that is slot_directory.h.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/session/cells_with_tag.h"
#include "dataplane/session/mapped_array.h"
#include "dataplane/session/shared_word.h"

namespace mcpgw {

class SlotIndex {
  public:
    using Cell = SharedWord<std::uint32_t>;

    // For slot numbers 1...`slots`.
    explicit SlotIndex(std::uint32_t slots);

    // False: both buckets of the hash are full on every level.
    [[nodiscard]] bool place(std::uint64_t hash, std::uint32_t slot);
    // Takes out what place() put there; by one thread only.
    void remove(std::uint64_t hash, std::uint32_t slot);

    // The first slot that any_of() would come to, if it is where most are; else 0. For those who
    // want to know soon, and ask any_of() when they are not content.
    [[nodiscard]] std::uint32_t likely_slot(std::uint64_t hash) const;

    // Calls visit(slot number, cell, value of the cell) for slots that may be meant by the hash,
    // until it returns true; whether it did.
    template <class Visit>
    [[nodiscard]] bool any_of(std::uint64_t hash, Visit&& visit) const;

    // Slots that are in the index; while others come and go, a number from this moment.
    [[nodiscard]] std::uint32_t size() const;

  private:
    static constexpr std::size_t kLevelsMax = 4;
    struct alignas(64) Bucket {
        IndexCells cells;
    };
    struct Level {
        MappedArray<Bucket> buckets;
        // Counted before a cell is filled and after it was cleared: 0 means that nothing is there.
        SharedWord<std::uint32_t> used{0};
    };
    // Both halves of a hash choose a bucket by their upper bits; the tag is from the lowest.
    [[nodiscard]] static Bucket* first_choice(const Level& level, std::uint64_t hash) {
        return &level.buckets[((hash >> 32) * level.buckets.size()) >> 32];
    }
    [[nodiscard]] static Bucket* second_choice(const Level& level, std::uint64_t hash) {
        return &level.buckets[((hash & 0xFFFF'FFFF) * level.buckets.size()) >> 32];
    }
    // A tag is never 0, or free cells would look like slots.
    [[nodiscard]] std::uint32_t tag_of(std::uint64_t hash) const {
        const std::uint32_t tag = static_cast<std::uint32_t>(hash << slot_bits_);
        return tag != 0 ? tag : 1U << slot_bits_;
    }
    [[nodiscard]] std::uint32_t cell_of(std::uint64_t hash, std::uint32_t slot) const {
        return tag_of(hash) | slot;
    }
    [[nodiscard]] std::size_t level_for(std::uint32_t slots) const;
    [[nodiscard]] bool place_in(Level& level, std::uint64_t hash, std::uint32_t slot);
    [[nodiscard]] static bool clear(Bucket& bucket, std::uint32_t value);

    std::uint32_t slot_bits_;
    std::uint32_t slot_mask_;
    std::size_t levels_used_ = 0;
    std::array<Level, kLevelsMax> levels_;  // the smallest first
    Level* largest_ = nullptr;
};

inline std::uint32_t SlotIndex::likely_slot(std::uint64_t hash) const {
    if (largest_->used.load(std::memory_order_acquire) == 0) return 0;
    const std::uint32_t tag = tag_of(hash);
    const IndexCells& cells = first_choice(*largest_, hash)->cells;
    const unsigned found = cells_with_tag(cells, tag, ~slot_mask_);
    if (found == 0) return 0;
    // If the cell is another slot's by now, that is no worse than a tag that two keys have.
    const auto place = static_cast<std::size_t>(std::countr_zero(found));
    return cells[place].load(std::memory_order_acquire) & slot_mask_;
}

template <class Visit>
bool SlotIndex::any_of(std::uint64_t hash, Visit&& visit) const {
    const std::uint32_t tag = tag_of(hash);
    const auto look = [&](const Bucket& bucket) {
        // Which cells have the tag is computed without a branch, so that a processor that guesses
        // goes on with the slot, and with the next lookup, before the cells have arrived.
        for (unsigned left = cells_with_tag(bucket.cells, tag, ~slot_mask_); left != 0;
             left &= left - 1) {
            const Cell& cell = bucket.cells[static_cast<std::size_t>(std::countr_zero(left))];
            const std::uint32_t value = cell.load(std::memory_order_seq_cst);
            if ((value & ~slot_mask_) == tag && visit(value & slot_mask_, cell, value)) return true;
        }
        return false;
    };
    for (std::size_t i = levels_used_; i-- > 0;) {
        const Level& level = levels_[i];
        if (level.used.load(std::memory_order_seq_cst) == 0) continue;
        const Bucket* const first = first_choice(level, hash);
        if (look(*first)) return true;
        const Bucket* const second = second_choice(level, hash);
        if (second != first && look(*second)) return true;
    }
    return false;
}

}  // namespace mcpgw
