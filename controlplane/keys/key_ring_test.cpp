// Which key seals when, and which one goes.
#include "controlplane/keys/key_ring.h"

#include <set>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::keys {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;

RingKey key_of(const std::string& id, std::uint64_t created, std::uint64_t seals_from) {
    return {id, std::string(kKeyBytes, id.back()), created, seals_from};
}

std::string current_id(const KeyRing& ring, std::uint64_t now) {
    return ring[current_at(ring, now)].id;
}

TEST(KeyRing, the_key_that_began_to_seal_last_is_current) {
    const KeyRing ring = {key_of("a", 100, 100), key_of("b", 200, 250), key_of("c", 300, 350)};
    EXPECT_EQ(current_id(ring, 100), "a");
    EXPECT_EQ(current_id(ring, 249), "a");
    EXPECT_EQ(current_id(ring, 250), "b");
    EXPECT_EQ(current_id(ring, 349), "b");
    EXPECT_EQ(current_id(ring, 350), "c");
    EXPECT_EQ(current_id(ring, kNeverUnixMs), "c");
    // However they are ordered.
    EXPECT_EQ(current_id({ring[2], ring[0], ring[1]}, 260), "b");
    // Of two that began together, the younger.
    EXPECT_EQ(current_id({key_of("a", 1, 5), key_of("b", 2, 5)}, 9), "b");
}

TEST(KeyRing, a_clock_that_was_set_back_leaves_a_key_that_seals) {
    const KeyRing ring = {key_of("a", 100, 100), key_of("b", 200, 250)};
    EXPECT_EQ(current_id(ring, 0), "a");
    EXPECT_EQ(current_id({ring[1], ring[0]}, 0), "a");
    EXPECT_EQ(current_id({ring[1]}, 0), "b");
}

TEST(KeyRing, the_next_change_is_when_the_next_key_begins_to_seal) {
    const KeyRing ring = {key_of("a", 100, 100), key_of("b", 200, 250), key_of("c", 300, 350)};
    EXPECT_EQ(next_change_after(ring, 99), 100U);
    EXPECT_EQ(next_change_after(ring, 100), 250U);
    EXPECT_EQ(next_change_after(ring, 250), 350U);
    EXPECT_EQ(next_change_after(ring, 350), kNeverUnixMs);
}

TEST(KeyRing, data_planes_are_told_all_keys_and_one_is_current) {
    const KeyRing ring = {key_of("a", 100, 100), key_of("b", 200, 250)};
    const std::vector<contract::SealingKey> before = {{"a", ring[0].key, true},
                                                      {"b", ring[1].key, false}};
    const std::vector<contract::SealingKey> after = {{"a", ring[0].key, false},
                                                     {"b", ring[1].key, true}};
    EXPECT_EQ(keys_at(ring, 249, false), before);
    EXPECT_EQ(keys_at(ring, 250, false), after);
}

TEST(KeyRing, made_keys_differ_and_keep_the_rules) {
    KeyRing ring;
    std::set<std::string> keys;
    for (std::size_t i = 0; i < limits::sealing_keys_max; ++i) {
        auto key = make_key(ring, 1'000, 20);
        ASSERT_TRUE(key);
        EXPECT_EQ(key->created_unix_ms, 1'000U);
        EXPECT_EQ(key->seals_from_unix_ms, 1'020U);
        keys.insert(key->key);
        ring.push_back(std::move(*key));
    }
    EXPECT_EQ(problem_of(ring), "");
    EXPECT_EQ(keys.size(), ring.size());
}

TEST(KeyRing, the_oldest_makes_room_for_the_youngest) {
    KeyRing ring;
    for (std::size_t i = 0; i < limits::sealing_keys_max; ++i)
        add_key(ring, key_of("k" + std::to_string(i), i, i), i);
    EXPECT_EQ(ring.size(), limits::sealing_keys_max);
    EXPECT_EQ(ring.front().id, "k0");
    add_key(ring, key_of("last", 100, 110), 100);
    EXPECT_EQ(ring.size(), limits::sealing_keys_max);
    EXPECT_EQ(ring.front().id, "k1");
    EXPECT_EQ(ring.back().id, "last");
}

TEST(KeyRing, the_key_that_seals_is_not_dropped_for_keys_that_wait) {
    KeyRing ring = {key_of("seals", 0, 0)};
    for (std::size_t i = 1; i <= 2 * limits::sealing_keys_max; ++i)
        add_key(ring, key_of("w" + std::to_string(i), i, 1'000'000), 1'000);
    EXPECT_EQ(ring.size(), limits::sealing_keys_max);
    EXPECT_EQ(ring.front().id, "seals");
    EXPECT_EQ(current_id(ring, 1'000), "seals");
    EXPECT_EQ(ring[1].id, "w18");
}

TEST(KeyRing, a_successor_is_due_when_the_youngest_key_is_old) {
    const KeyRing ring = {key_of("a", 0, 0), key_of("b", 3 * kDayMs, 3 * kDayMs)};
    EXPECT_FALSE(is_successor_due(ring, 3 * kDayMs, 7 * kDayMs));
    EXPECT_FALSE(is_successor_due(ring, 10 * kDayMs - 1, 7 * kDayMs));
    EXPECT_TRUE(is_successor_due(ring, 10 * kDayMs, 7 * kDayMs));
    // A clock that goes back a little changes nothing; a key of the next century does not count.
    EXPECT_FALSE(is_successor_due(ring, 2 * kDayMs, 7 * kDayMs));
    EXPECT_TRUE(is_successor_due({key_of("z", 40'000 * kDayMs, 0)}, kDayMs, 7 * kDayMs));
}

TEST(KeyRing, what_is_no_ring_is_named) {
    EXPECT_NE(problem_of({}), "");
    EXPECT_EQ(problem_of({key_of("a", 0, 0)}), "");
    EXPECT_NE(problem_of({key_of("a", 0, 0), key_of("a", 1, 1)}), "");
    EXPECT_NE(problem_of({{"a", "short", 0, 0}}), "");
    for (const char* id : {"", "a.b", "a b", "ä", "12345678901234567"})
        EXPECT_NE(problem_of({{id, std::string(kKeyBytes, 'x'), 0, 0}}), "") << id;
    KeyRing many;
    for (std::size_t i = 0; i <= limits::sealing_keys_max; ++i)
        many.push_back(key_of("k" + std::to_string(i), i, i));
    EXPECT_NE(problem_of(many), "");
}

}  // namespace
}  // namespace mcpgw::keys
