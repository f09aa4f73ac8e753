// What a sealed id promises: it opens to what was sealed, for its principal and key, and to nothing
// otherwise. Also prints what seal and open cost.
#include "dataplane/session/seal.h"

#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <time.h>

#include "common/bytes.h"
#include "common/time.h"

namespace mcpgw {
namespace {

using Scratch = std::array<std::byte, Sealer::kScratchBytes>;

contract::SealingKey key_of(std::string id, char fill, bool current) {
    return {std::move(id), std::string(32, fill), current};
}

SealedParts parts_of(std::string_view server_id) {
    return {0x0102030405060708, 0xf1f2f3f4f5f6f7f8, 1'800'000'000, server_id};
}

std::string seal(Sealer& sealer, std::string_view server_id, std::string_view principal) {
    std::array<char, limits::sealed_id_bytes_max> out{};
    const std::size_t size = sealer.seal(parts_of(server_id), principal, out);
    return {out.data(), size};
}

class SealTest : public testing::Test {
  protected:
    SealTest() {
        const std::array keys{key_of("k2", 'b', true), key_of("k1", 'a', false)};
        sealer_.set_keys(keys, 1);
    }
    bool opens(std::string_view sealed, std::string_view principal) {
        return sealer_.open(sealed, principal, scratch_).has_value();
    }

    Sealer sealer_;
    Scratch scratch_{};
};

TEST_F(SealTest, opens_to_what_was_sealed_for_every_length) {
    for (std::size_t size = 1; size <= limits::server_session_id_bytes_max; ++size) {
        const std::string id(size, static_cast<char>(0x21 + size % 94));
        const std::string sealed = seal(sealer_, id, "alice");
        ASSERT_FALSE(sealed.empty()) << size;
        const auto parts = sealer_.open(sealed, "alice", scratch_);
        ASSERT_TRUE(parts) << size;
        EXPECT_EQ(parts->adapter, 0x0102030405060708U);
        EXPECT_EQ(parts->instance, 0xf1f2f3f4f5f6f7f8U);
        EXPECT_EQ(parts->issued_unix_seconds, 1'800'000'000U);
        EXPECT_EQ(parts->server_id, id);
    }
}

TEST_F(SealTest, is_visible_ascii_with_version_and_current_key) {
    const std::string sealed = seal(sealer_, "s", "alice");
    EXPECT_TRUE(sealed.starts_with("v1.k2."));
    for (const char c : sealed)
        EXPECT_TRUE(c >= 0x21 && c <= 0x7e);
}

TEST_F(SealTest, does_not_show_the_server_id) {
    EXPECT_EQ(seal(sealer_, "very-secret-id", "alice").find("very-secret-id"), std::string::npos);
    EXPECT_NE(seal(sealer_, "x", "alice"), seal(sealer_, "x", "alice"));
}

TEST_F(SealTest, nonces_are_not_used_twice) {
    std::set<std::string> nonces;
    for (int i = 0; i < 1000; ++i)
        nonces.insert(seal(sealer_, "x", "alice").substr(6, 16));
    EXPECT_EQ(nonces.size(), 1000U);
}

TEST_F(SealTest, opens_for_its_principal_only) {
    const std::string sealed = seal(sealer_, "s", "alice");
    EXPECT_TRUE(opens(sealed, "alice"));
    EXPECT_FALSE(opens(sealed, "bob"));
    EXPECT_FALSE(opens(sealed, ""));
    EXPECT_FALSE(opens(sealed, "alice "));
    const std::string anonymous = seal(sealer_, "s", "");
    EXPECT_TRUE(opens(anonymous, ""));
    EXPECT_FALSE(opens(anonymous, "alice"));
    EXPECT_FALSE(opens(sealed, std::string(limits::principal_bytes_max + 1, 'p')));
}

TEST_F(SealTest, every_flipped_character_is_refused) {
    const std::string sealed = seal(sealer_, "0123456789", "alice");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        for (const char c : {'A', 'B', '.', '\0', '=', '+', '\xff'}) {
            std::string changed = sealed;
            if (changed[i] == c) continue;
            changed[i] = c;
            EXPECT_FALSE(opens(changed, "alice")) << i;
        }
    }
}

TEST_F(SealTest, every_shortened_or_lengthened_value_is_refused) {
    const std::string sealed = seal(sealer_, "0123456789", "alice");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        EXPECT_FALSE(opens(sealed.substr(0, i), "alice")) << i;
        EXPECT_FALSE(opens(sealed.substr(i + 1), "alice")) << i;
    }
    EXPECT_FALSE(opens(sealed + "A", "alice"));
    EXPECT_FALSE(opens(sealed + "AAAA", "alice"));
    EXPECT_FALSE(opens(sealed + "=", "alice"));
}

TEST_F(SealTest, foreign_texts_are_refused) {
    EXPECT_FALSE(opens("", "a"));
    EXPECT_FALSE(opens("v1", "a"));
    EXPECT_FALSE(opens("v1.", "a"));
    EXPECT_FALSE(opens("v1..", "a"));
    EXPECT_FALSE(opens("v1.k2.", "a"));
    EXPECT_FALSE(opens("v1.k2", "a"));
    EXPECT_FALSE(opens("v2.k2.AAAA", "a"));
    EXPECT_FALSE(opens("v1.k2." + std::string(64, 'A'), "a"));
    EXPECT_FALSE(opens("8a1e3a1c-6d0b-4a6e-9a37-2c5e3f0c1d2b", "a"));
    EXPECT_FALSE(opens("v1.k2." + std::string(limits::sealed_id_bytes_max - 6, 'A'), "a"));
    EXPECT_FALSE(opens("v1.k2." + std::string(limits::sealed_id_bytes_max, 'A'), "a"));
    EXPECT_FALSE(opens(std::string(1 << 20, 'v'), "a"));
}

TEST_F(SealTest, random_texts_are_refused) {
    std::array<std::byte, 200> noise{};
    for (int round = 0; round < 2000; ++round) {
        ASSERT_TRUE(system_random(noise));
        const std::size_t size = static_cast<std::size_t>(round) % noise.size();
        std::string text(base64url_size(size), ' ');
        base64url_encode(Bytes(noise.data(), size), text.data());
        EXPECT_FALSE(opens("v1.k2." + text, "a"));
        EXPECT_FALSE(opens(as_text(Bytes(noise.data(), size)), "a"));
    }
}

TEST_F(SealTest, server_ids_that_are_none_are_not_sealed) {
    EXPECT_EQ(seal(sealer_, "", "a"), "");
    EXPECT_EQ(seal(sealer_, std::string(limits::server_session_id_bytes_max + 1, 'x'), "a"), "");
    for (int c = 0; c < 256; ++c) {
        const std::string id{'a', static_cast<char>(c), 'b'};
        EXPECT_EQ(seal(sealer_, id, "a").empty(), c < 0x21 || c > 0x7e) << c;
    }
    EXPECT_EQ(seal(sealer_, "x", std::string(limits::principal_bytes_max + 1, 'p')), "");
    EXPECT_NE(seal(sealer_, "x", std::string(limits::principal_bytes_max, 'p')), "");
}

TEST_F(SealTest, writes_nothing_where_it_does_not_fit) {
    const std::size_t needed = seal(sealer_, "session", "a").size();
    std::string out(needed, '#');
    EXPECT_EQ(sealer_.seal(parts_of("session"), "a", std::span(out).first(needed - 1)), 0U);
    EXPECT_EQ(out, std::string(needed, '#'));
    EXPECT_EQ(sealer_.seal(parts_of("session"), "a", out), needed);
}

TEST_F(SealTest, rotation_keeps_opening_what_the_old_key_sealed) {
    const std::string old = seal(sealer_, "s", "a");
    const std::array both{key_of("k3", 'c', true), key_of("k2", 'b', false)};
    sealer_.set_keys(both, 2);
    EXPECT_TRUE(opens(old, "a"));
    const std::string fresh = seal(sealer_, "s", "a");
    EXPECT_TRUE(fresh.starts_with("v1.k3."));
    const std::array only_new{key_of("k3", 'c', true)};
    sealer_.set_keys(only_new, 3);
    EXPECT_FALSE(opens(old, "a"));
    EXPECT_TRUE(opens(fresh, "a"));
}

TEST_F(SealTest, a_key_that_only_opens_does_not_seal_until_it_is_current) {
    const std::array opening{key_of("k2", 'b', true), key_of("k3", 'c', false)};
    sealer_.set_keys(opening, 2);
    EXPECT_TRUE(seal(sealer_, "s", "a").starts_with("v1.k2."));
    Sealer other;  // one that has heard of the change first
    const std::array sealing{key_of("k2", 'b', false), key_of("k3", 'c', true)};
    other.set_keys(sealing, 9);
    const std::string early = seal(other, "s", "a");
    EXPECT_TRUE(early.starts_with("v1.k3."));
    EXPECT_TRUE(opens(early, "a"));
}

TEST_F(SealTest, as_many_keys_as_there_may_be_open_what_each_has_sealed) {
    std::vector<contract::SealingKey> keys;
    for (std::size_t i = 0; i < limits::sealing_keys_max; ++i)
        keys.push_back(key_of("key" + std::to_string(i), static_cast<char>('A' + i), false));
    const std::string longest(limits::server_session_id_bytes_max, '~');
    std::vector<std::string> sealed;
    std::uint64_t generation = 10;
    for (contract::SealingKey& key : keys) {
        key.current = true;
        sealer_.set_keys(keys, ++generation);
        key.current = false;
        sealed.push_back(seal(sealer_, longest, "a"));
        sealed.push_back(seal(sealer_, "short", "a"));
        ASSERT_TRUE(sealed.back().starts_with("v1." + key.id + "."));
        for (const std::string& one : sealed)
            ASSERT_TRUE(opens(one, "a"));
    }
    // The oldest is dropped: its ids are unknown, also those that were opened before.
    keys.back().current = true;
    keys.erase(keys.begin());
    sealer_.set_keys(keys, ++generation);
    for (std::size_t i = 0; i < sealed.size(); ++i)
        EXPECT_EQ(opens(sealed[i], "a"), i >= 2) << i;
}

TEST_F(SealTest, the_adapter_and_the_instance_cannot_be_exchanged) {
    const std::string sealed = seal(sealer_, "s", "alice");
    const std::string head = "v1.k2.";
    std::array<std::byte, limits::sealed_id_bytes_max> binary{};
    const auto size = base64url_decode(sealed.substr(head.size()), binary.data());
    ASSERT_TRUE(size);
    // Nonce 12, adapter 8, instance 8, time 4: every bit of them is vouched for by the tag.
    for (std::size_t bit = 0; bit < 8 * (12 + 8 + 8 + 4); ++bit) {
        const std::byte mask{static_cast<unsigned char>(1U << bit % 8)};
        binary[bit / 8] ^= mask;
        std::string text(base64url_size(*size), ' ');
        base64url_encode(Bytes(binary.data(), *size), text.data());
        EXPECT_FALSE(opens(head + text, "alice")) << bit;
        binary[bit / 8] ^= mask;
    }
}

TEST_F(SealTest, the_same_key_id_with_another_key_does_not_open) {
    const std::string sealed = seal(sealer_, "s", "a");
    const std::array keys{key_of("k2", 'z', true)};
    sealer_.set_keys(keys, 2);
    EXPECT_FALSE(opens(sealed, "a"));
    EXPECT_FALSE(opens("v1.k1." + sealed.substr(6), "a"));
}

TEST_F(SealTest, the_same_generation_changes_nothing) {
    const std::string sealed = seal(sealer_, "s", "a");
    sealer_.set_keys({}, 1);
    EXPECT_TRUE(opens(sealed, "a"));
    sealer_.set_keys({}, 2);
    EXPECT_FALSE(opens(sealed, "a"));
    EXPECT_EQ(seal(sealer_, "s", "a"), "");
}

TEST_F(SealTest, another_gateway_with_the_same_keys_opens_it) {
    Sealer other;
    const std::array keys{key_of("k1", 'a', false), key_of("k2", 'b', true)};
    other.set_keys(keys, 77);
    EXPECT_TRUE(other.open(seal(sealer_, "s", "a"), "a", scratch_));
}

TEST(SealerTest, without_a_usable_key_nothing_is_sealed_or_opened) {
    Sealer sealer;
    Scratch scratch{};
    EXPECT_EQ(seal(sealer, "s", "a"), "");
    EXPECT_FALSE(sealer.open("v1.k.AAAA", "a", scratch));
    const std::array broken{contract::SealingKey{"k1", "short", true},
                            contract::SealingKey{"k.1", std::string(32, 'x'), true},
                            contract::SealingKey{"", std::string(32, 'x'), true},
                            contract::SealingKey{std::string(17, 'k'), std::string(32, 'x'), true}};
    sealer.set_keys(broken, 1);
    EXPECT_EQ(seal(sealer, "s", "a"), "");
}

TEST(SealerTest, without_randomness_nothing_is_sealed) {
    Sealer sealer([](std::span<std::byte>) { return false; });
    const std::array keys{key_of("k1", 'a', true)};
    sealer.set_keys(keys, 1);
    EXPECT_EQ(seal(sealer, "s", "a"), "");
}

// The known answer was computed with Python's cryptography package: nonce of zero bytes, key of 32
// times 'a', principal "alice", the parts of parts_of("server-id").
TEST(SealerTest, the_format_is_the_documented_one) {
    Sealer sealer([](std::span<std::byte> out) {
        for (std::byte& byte : out)
            byte = std::byte{0};
        return true;
    });
    const std::array keys{key_of("k1", 'a', true)};
    sealer.set_keys(keys, 1);
    EXPECT_EQ(seal(sealer, "server-id", "alice"),
              "v1.k1.AAAAAAAAAAAAAAAAlBazte27O_CA2Q7Zbk3OfqGx_viQHx9OAUe-Viu35U0ZmBNR97TFFflXyFlZ");
}

TEST(AdapterIdentityTest, is_the_start_of_the_sha256_of_the_name) {
    EXPECT_EQ(adapter_identity("abc"), 0xba7816bf8f01cfeaU);  // FIPS 180-2 appendix B.1
    EXPECT_NE(adapter_identity("a"), adapter_identity("b"));
}

// CPU time of this thread: what other processes do does not count.
Nanos cpu_now() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<Nanos>(now.tv_sec) * kSecond + static_cast<Nanos>(now.tv_nsec);
}

// Not a property but a number to read: cost per operation with a UUID and a typical principal.
TEST(SealerTest, prints_its_cost) {
    constexpr int kRounds = 100'000;
    Sealer sealer;
    Scratch scratch{};
    const std::array keys{key_of("k2", 'b', true), key_of("k1", 'a', false)};
    sealer.set_keys(keys, 1);
    const SealedParts parts = parts_of("8a1e3a1c-6d0b-4a6e-9a37-2c5e3f0c1d2b");
    const std::string_view principal = "https://login.example.com|8f2d1c9a";
    std::array<char, limits::sealed_id_bytes_max> out{};
    std::size_t bytes = 0;
    const Nanos start = cpu_now();
    for (int i = 0; i < kRounds; ++i)
        bytes = sealer.seal(parts, principal, out);
    const Nanos sealed = cpu_now();
    const auto open_all = [&](bool forget) {
        int opened = 0;
        for (int i = 0; i < kRounds; ++i) {
            if (forget) out[bytes / 2] = static_cast<char>('A' + i % 2);
            opened += sealer.open({out.data(), bytes}, principal, scratch).has_value() ? 1 : 0;
        }
        return opened;
    };
    EXPECT_EQ(open_all(false), kRounds);
    const Nanos opened = cpu_now();
    EXPECT_LE(open_all(true), kRounds / 2);  // the wrong letter fails, the right one may be cached
    const Nanos end = cpu_now();
    const auto per_round = [](Nanos distance) {
        return static_cast<int>(distance / static_cast<Nanos>(kRounds));
    };
    RecordProperty("seal_ns", per_round(sealed - start));
    RecordProperty("open_again_ns", per_round(opened - sealed));
    RecordProperty("refuse_ns", per_round(end - opened));
    std::printf("seal %d ns, open again %d ns, refuse %d ns, %zu bytes\n",
                per_round(sealed - start), per_round(opened - sealed), per_round(end - opened),
                bytes);
}

}  // namespace
}  // namespace mcpgw
