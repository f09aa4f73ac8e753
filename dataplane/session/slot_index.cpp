// Where a slot goes: into the smallest level that is large enough for all there are.
#include "dataplane/session/slot_index.h"

#include <bit>

#include "common/check.h"

namespace mcpgw {
namespace {

// The largest level has two cells for each slot; each other one is so many times smaller than the
// next, as long as it would still fill a page.
constexpr std::size_t kCellsPerSlot = 2;
constexpr std::size_t kLevelFactor = 32;
constexpr std::size_t kPageBytes = 4096;
// A first bucket with this many used cells is left alone if the second one has fewer. When half of
// all cells are used that is one bucket in sixty.
constexpr std::size_t kRatherFull = kIndexBucketCells - 1;
// What of the largest level is in small pages; it is only used when there are many slots.
constexpr std::size_t kNoSmallPages = 0;

}  // namespace

SlotIndex::SlotIndex(std::uint32_t slots)
    : slot_bits_(static_cast<std::uint32_t>(std::bit_width(slots))),
      slot_mask_((1U << slot_bits_) - 1) {
    check(slots > 0 && slot_bits_ < 32, "slot numbers fit into a cell beside a tag");
    std::array<std::size_t, kLevelsMax> buckets{};
    std::size_t next = (slots * kCellsPerSlot + kIndexBucketCells - 1) / kIndexBucketCells;
    do {
        buckets[levels_used_++] = next;
        next /= kLevelFactor;
    } while (levels_used_ < kLevelsMax && next * sizeof(Bucket) >= kPageBytes);
    for (std::size_t i = 0; i < levels_used_; ++i)
        levels_[i].buckets = MappedArray<Bucket>(buckets[levels_used_ - 1 - i], kNoSmallPages);
    largest_ = &levels_[levels_used_ - 1];
}

std::uint32_t SlotIndex::size() const {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < levels_used_; ++i)
        sum += levels_[i].used.load(std::memory_order_relaxed);
    return sum;
}

std::size_t SlotIndex::level_for(std::uint32_t slots) const {
    std::size_t level = 0;
    while (level + 1 < levels_used_ &&
           std::size_t{slots} * kCellsPerSlot >= levels_[level].buckets.size() * kIndexBucketCells)
        ++level;
    return level;
}

bool SlotIndex::place(std::uint64_t hash, std::uint32_t slot) {
    check(slot != 0 && (slot & ~slot_mask_) == 0, "a slot number of this index");
    const std::size_t wanted = level_for(size());
    for (std::size_t i = wanted; i < levels_used_; ++i)
        if (place_in(levels_[i], hash, slot)) return true;
    for (std::size_t i = wanted; i-- > 0;)
        if (place_in(levels_[i], hash, slot)) return true;
    return false;
}

bool SlotIndex::place_in(Level& level, std::uint64_t hash, std::uint32_t slot) {
    struct Room {
        Cell* free = nullptr;
        std::size_t used = 0;
    };
    const auto room_in = [](Bucket& bucket) {
        Room room;
        for (Cell& cell : bucket.cells)
            if (cell.load(std::memory_order_relaxed) != 0)
                ++room.used;
            else if (room.free == nullptr)
                room.free = &cell;
        return room;
    };
    Bucket& first = *first_choice(level, hash);
    Bucket& second = *second_choice(level, hash);
    level.used.fetch_add(1, std::memory_order_seq_cst);
    for (;;) {
        Room room = room_in(first);
        if (room.used >= kRatherFull && &second != &first)
            if (const Room other = room_in(second); other.used < room.used) room = other;
        if (room.free == nullptr) break;
        std::uint32_t empty = 0;
        if (room.free->compare_exchange_strong(empty, cell_of(hash, slot),
                                               std::memory_order_seq_cst))
            return true;
    }
    level.used.fetch_sub(1, std::memory_order_seq_cst);
    return false;
}

bool SlotIndex::clear(Bucket& bucket, std::uint32_t value) {
    for (Cell& cell : bucket.cells)
        if (cell.load(std::memory_order_relaxed) == value) {
            cell.store(0, std::memory_order_release);
            return true;
        }
    return false;
}

void SlotIndex::remove(std::uint64_t hash, std::uint32_t slot) {
    const std::uint32_t value = cell_of(hash, slot);
    for (std::size_t i = 0; i < levels_used_; ++i) {
        const Level& level = levels_[i];
        if (clear(*first_choice(level, hash), value) || clear(*second_choice(level, hash), value)) {
            levels_[i].used.fetch_sub(1, std::memory_order_seq_cst);
            return;
        }
    }
    check(false, "a slot that is removed was placed");
}

}  // namespace mcpgw
