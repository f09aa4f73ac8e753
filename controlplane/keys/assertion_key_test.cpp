// When keys of assertions come and go, and that what is made can sign.
#include "controlplane/keys/assertion_key.h"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "controlplane/keys/key_ring.h"

namespace mcpgw::keys {
namespace {

constexpr std::uint64_t kHour = 60ULL * 60 * 1000;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kNow = 1'800'000'000'000;

TEST(AssertionKey, a_new_key_is_a_private_key_on_p_256) {
    const auto made = make_assertion_key(kNow);
    ASSERT_TRUE(made);
    EXPECT_TRUE(is_key_id(made->id));
    EXPECT_EQ(made->created_unix_ms, kNow);
    const auto* bytes = reinterpret_cast<const unsigned char*>(made->pkcs8.data());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(made->pkcs8.size())), &EVP_PKEY_free);
    ASSERT_NE(key, nullptr);
    EXPECT_EQ(EVP_PKEY_get_base_id(key.get()), EVP_PKEY_EC);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
    EXPECT_NE(make_assertion_key(kNow)->pkcs8, made->pkcs8);
}

TEST(AssertionKey, a_successor_is_due_after_thirty_days_whatever_the_clock_did) {
    EXPECT_TRUE(is_assertion_key_due({}, kNow));
    const AssertionRing ring = {{"a", "k", kNow}};
    EXPECT_FALSE(is_assertion_key_due(ring, kNow));
    EXPECT_FALSE(is_assertion_key_due(ring, kNow + 30 * kDay - 1));
    EXPECT_TRUE(is_assertion_key_due(ring, kNow + 30 * kDay));
    EXPECT_TRUE(is_assertion_key_due(ring, kNow - 30 * kDay));
}

TEST(AssertionKey, an_old_key_is_published_for_a_day_after_its_successor_was_made) {
    AssertionRing ring = {{"a", "1", kNow}, {"b", "2", kNow + kDay}};
    const auto published = published_assertion_keys(ring);
    ASSERT_EQ(published.size(), 2U);
    EXPECT_FALSE(published[0].current);
    EXPECT_TRUE(published[1].current);
    EXPECT_EQ(published[1].pkcs8, "2");
    EXPECT_FALSE(drop_old_assertion_keys(ring, kNow + 2 * kDay - 1));
    EXPECT_TRUE(drop_old_assertion_keys(ring, kNow + 2 * kDay));
    ASSERT_EQ(ring.size(), 1U);
    EXPECT_EQ(ring[0].id, "b");
    EXPECT_FALSE(drop_old_assertion_keys(ring, kNow + 999 * kDay)) << "the youngest stays";
}

}  // namespace
}  // namespace mcpgw::keys
