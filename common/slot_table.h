// Objects that never move, in slots that are reused.
//
// A SlotTable hands out at most `slots_max` objects of one type. Memory comes in blocks of
// kBlockSlots when first needed and is never given back, so the address of an object is stable from
// `acquire` to `release`, and a busy table does not allocate. A slot is first touched when no other
// is free, and the one that became free last is taken first: what is resident follows the most that
// were ever needed at once. Not thread-safe: one per worker.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "common/check.h"

namespace mcpgw {

template <class T>
class SlotTable {
  public:
    static constexpr std::size_t kBlockSlots = 64;

    explicit SlotTable(std::size_t slots_max) : slots_max_(slots_max) {
        blocks_.reserve((slots_max + kBlockSlots - 1) / kBlockSlots);
    }
    SlotTable(const SlotTable&) = delete;
    SlotTable& operator=(const SlotTable&) = delete;
    ~SlotTable() { check(used_ == 0, "a slot table dies with objects in it"); }

    // A new object built from `arguments`, or nullptr when the table is full.
    template <class... Arguments>
    [[nodiscard]] T* acquire(Arguments&&... arguments) {
        Slot* slot = free_;
        if (slot != nullptr)
            free_ = slot->next_free;
        else if (slot = untouched(); slot == nullptr)
            return nullptr;
        ++used_;
        // Without arguments T is default-initialised: T() would clear all of it first, however
        // large, also where its members need no value yet.
        if constexpr (sizeof...(arguments) == 0)
            return new (static_cast<void*>(slot->storage)) T;
        else
            return new (static_cast<void*>(slot->storage)) T(std::forward<Arguments>(arguments)...);
    }
    void release(T* object) {
        check(object != nullptr && used_ > 0, "release of an object that is not in the table");
        object->~T();
        auto* slot = reinterpret_cast<Slot*>(object);
        slot->next_free = free_;
        free_ = slot;
        --used_;
    }
    [[nodiscard]] std::size_t used() const { return used_; }
    [[nodiscard]] std::size_t slots_max() const { return slots_max_; }
    [[nodiscard]] bool full() const { return used_ == slots_max_; }

  private:
    union Slot {
        Slot* next_free;
        alignas(T) std::byte storage[sizeof(T)];
    };
    using Block = std::array<Slot, kBlockSlots>;

    // The next one that was never taken; nullptr when all were. Every one that was is in use here.
    Slot* untouched() {
        if (used_ == slots_max_) return nullptr;
        const std::size_t place = used_ % kBlockSlots;
        if (place == 0) blocks_.push_back(std::make_unique_for_overwrite<Block>());
        return &(*blocks_.back())[place];
    }

    std::size_t slots_max_;
    std::size_t used_ = 0;
    Slot* free_ = nullptr;
    std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace mcpgw
