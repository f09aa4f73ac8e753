// The properties of slot tables: bounded, addresses never move, objects live exactly once.
#include "common/slot_table.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace mcpgw {
namespace {

struct Counted {
    explicit Counted(std::string n) : name(std::move(n)) { ++alive; }
    ~Counted() { --alive; }
    Counted(const Counted&) = delete;
    std::string name;
    static inline int alive = 0;
};

TEST(SlotTable, hands_out_as_many_as_allowed_and_no_more) {
    constexpr std::size_t max = SlotTable<Counted>::kBlockSlots * 2 + 5;
    SlotTable<Counted> table(max);
    EXPECT_EQ(table.slots_max(), max);
    std::set<Counted*> objects;
    for (std::size_t i = 0; i < max; ++i) {
        EXPECT_FALSE(table.full());
        Counted* object = table.acquire(std::to_string(i));
        ASSERT_NE(object, nullptr);
        EXPECT_TRUE(objects.insert(object).second) << "no address twice";
    }
    EXPECT_TRUE(table.full());
    EXPECT_EQ(table.used(), max);
    EXPECT_EQ(table.acquire("more"), nullptr);
    EXPECT_EQ(Counted::alive, static_cast<int>(max));
    for (Counted* object : objects)
        table.release(object);
    EXPECT_EQ(table.used(), 0U);
    EXPECT_EQ(Counted::alive, 0);
}

TEST(SlotTable, objects_stay_where_they_are_while_the_table_grows) {
    SlotTable<Counted> table(1000);
    Counted* first = table.acquire("first");
    std::set<Counted*> others;
    for (int i = 0; i < 999; ++i)
        others.insert(table.acquire("other"));
    EXPECT_EQ(first->name, "first");
    EXPECT_EQ(others.count(first), 0U);
    for (Counted* object : others)
        table.release(object);
    EXPECT_EQ(first->name, "first");
    table.release(first);
}

TEST(SlotTable, a_released_slot_is_reused_before_memory_grows) {
    SlotTable<Counted> table(100);
    Counted* a = table.acquire("a");
    Counted* b = table.acquire("b");
    table.release(a);
    EXPECT_EQ(table.acquire("c"), a);
    EXPECT_EQ(b->name, "b");
    table.release(a);
    table.release(b);
}

TEST(SlotTable, a_table_of_none_is_always_full) {
    SlotTable<Counted> table(0);
    EXPECT_TRUE(table.full());
    EXPECT_EQ(table.acquire("x"), nullptr);
}

TEST(SlotTable, alignment_of_the_type_is_kept) {
    struct alignas(64) Wide {
        char byte = 0;
    };
    SlotTable<Wide> table(70);
    std::set<Wide*> objects;
    for (int i = 0; i < 70; ++i) {
        Wide* wide = table.acquire();
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide) % 64, 0U);
        objects.insert(wide);
    }
    for (Wide* wide : objects)
        table.release(wide);
}

TEST(SlotTableDeathTest, misuse_is_found_at_once) {
    EXPECT_DEATH(
        {
            SlotTable<int> table(1);
            (void)table.acquire(1);
        },
        "objects in it");
    SlotTable<int> table(1);
    EXPECT_DEATH(table.release(nullptr), "not in the table");
}

// Each lies in pages of its own.
struct Large {
    std::array<std::byte, 64 * 1024> bytes;
};

bool is_resident(const void* address) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(address) & ~(page - 1);
    unsigned char state = 0;
    EXPECT_EQ(mincore(reinterpret_cast<void*>(begin), page, &state), 0);
    return (state & 1U) != 0;
}

TEST(SlotTable, a_slot_is_not_touched_before_it_is_needed) {
    SlotTable<Large> table(SlotTable<Large>::kBlockSlots);
    Large* first = table.acquire();
    // Far behind it, because the kernel may give larger pages.
    const Large* last = first + SlotTable<Large>::kBlockSlots - 1;
    EXPECT_FALSE(is_resident(last->bytes.data()));
    table.release(first);
    EXPECT_EQ(table.acquire(), first);
    table.release(first);
    EXPECT_FALSE(is_resident(last->bytes.data()));
}

}  // namespace
}  // namespace mcpgw
