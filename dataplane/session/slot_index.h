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
#include <cstddef>
#include <cstdint>

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

    // Calls visit(slot number, cell, value of the cell) for slots that may be meant by the hash,
    // until it returns true; whether it did.
    template <class Visit>
    [[nodiscard]] bool any_of(std::uint64_t hash, Visit&& visit) const;

    // Slots that are in the index; while others come and go, a number from this moment.
    [[nodiscard]] std::uint32_t size() const;

  private:
    static constexpr std::size_t kLevelsMax = 4;
    struct alignas(64) Bucket {
        std::array<Cell, kIndexBucketCells> cells;
    };
    struct Level {
        MappedArray<Bucket> buckets;
        // Counted before a cell is filled and after it was cleared: 0 means that nothing is there.
        SharedWord<std::uint32_t> used{0};
    };
    struct Choice {
        Bucket* first;
        Bucket* second;
    };
    // Both halves of a hash choose a bucket by their upper bits; the tag is from the lowest.
    [[nodiscard]] static Choice choice_of(const Level& level, std::uint64_t hash) {
        const std::uint64_t buckets = level.buckets.size();
        return {&level.buckets[((hash >> 32) * buckets) >> 32],
                &level.buckets[((hash & 0xFFFF'FFFF) * buckets) >> 32]};
    }
    [[nodiscard]] std::uint32_t cell_of(std::uint64_t hash, std::uint32_t slot) const {
        return static_cast<std::uint32_t>(hash << slot_bits_) | slot;
    }
    [[nodiscard]] std::size_t level_for(std::uint32_t slots) const;
    [[nodiscard]] bool place_in(Level& level, std::uint64_t hash, std::uint32_t slot);
    [[nodiscard]] static bool clear(Bucket& bucket, std::uint32_t value);

    std::uint32_t slot_bits_;
    std::uint32_t slot_mask_;
    std::size_t levels_used_ = 0;
    std::array<Level, kLevelsMax> levels_;  // the smallest first
};

template <class Visit>
bool SlotIndex::any_of(std::uint64_t hash, Visit&& visit) const {
    const std::uint32_t tag = cell_of(hash, 0);
    const auto look = [&](const Bucket& bucket) {
        for (const Cell& cell : bucket.cells) {
            const std::uint32_t value = cell.load(std::memory_order_seq_cst);
            // An empty cell may look like the tag 0.
            if (((value ^ tag) & ~slot_mask_) == 0 && (value & slot_mask_) != 0 &&
                visit(value & slot_mask_, cell, value))
                return true;
        }
        return false;
    };
    for (std::size_t i = levels_used_; i-- > 0;) {
        const Level& level = levels_[i];
        if (level.used.load(std::memory_order_seq_cst) == 0) continue;
        const Choice choice = choice_of(level, hash);
        if (look(*choice.first)) return true;
        if (choice.second != choice.first && look(*choice.second)) return true;
    }
    return false;
}

}  // namespace mcpgw
