// Other tokens have other names.
#include "dataplane/auth/token_hash.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::auth {
namespace {

std::string pattern(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i)
        text += static_cast<char>('A' + i * i % 57);
    return text;
}

TEST(TokenHashTest, the_same_token_has_the_same_name) {
    const TokenHasher hasher;
    for (const std::size_t bytes : {0UL, 1UL, 15UL, 16UL, 17UL, 1024UL, 16384UL}) {
        const std::string token = pattern(bytes);
        EXPECT_EQ(hasher.hash_of(token), hasher.hash_of(std::string(token))) << bytes;
    }
}

TEST(TokenHashTest, every_bit_counts_in_each_half) {
    const TokenHasher hasher;
    for (const std::size_t bytes : {1UL, 16UL, 37UL, 1000UL}) {
        std::string token = pattern(bytes);
        const TokenHash hash = hasher.hash_of(token);
        for (std::size_t bit = 0; bit < bytes * 8; ++bit) {
            char& byte = token[bit / 8];
            byte = static_cast<char>(byte ^ (1 << bit % 8));
            const TokenHash other = hasher.hash_of(token);
            EXPECT_TRUE(other.words[0] != hash.words[0] || other.words[1] != hash.words[1]) << bit;
            EXPECT_TRUE(other.words[2] != hash.words[2] || other.words[3] != hash.words[3]) << bit;
            byte = static_cast<char>(byte ^ (1 << bit % 8));
        }
    }
}

// A block that changes its place with another one, words that change places within a block, and
// zeros at the end: what simpler sums do not see.
TEST(TokenHashTest, order_and_length_count) {
    const TokenHasher hasher;
    const std::string a(8, 'a');
    const std::string b(8, 'b');
    const std::vector<std::string> tokens = {a + a + b + b,
                                             b + b + a + a,
                                             a + b + a + b,
                                             b + a + b + a,
                                             a + b + b + a,
                                             a,
                                             a + '\0',
                                             a + std::string(8, '\0'),
                                             a + std::string(24, '\0'),
                                             "",
                                             std::string(1, '\0')};
    for (std::size_t i = 0; i < tokens.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(hasher.hash_of(tokens[i]), hasher.hash_of(tokens[j])) << i << ' ' << j;
}

TEST(TokenHashTest, another_worker_gives_other_names) {
    const std::string token = pattern(100);
    EXPECT_NE(TokenHasher().hash_of(token).words, TokenHasher().hash_of(token).words);
}

// By hand, with the formula of RFC 4418: the key is not known here, but it cancels out. With
// tokens that differ in one word by d, the sums differ by d times (the other word plus its key), so
// what d = 2 does is twice what d = 1 does.
TEST(TokenHashTest, is_the_sum_of_products) {
    const TokenHasher hasher;
    const auto low = [&hasher](char first) {
        return hasher.hash_of(std::string(1, first) + std::string(15, 'x')).words[0];
    };
    EXPECT_EQ(low('b') - low('a'), low('c') - low('b'));
    EXPECT_EQ(2 * (low('b') - low('a')), low('c') - low('a'));
}

}  // namespace
}  // namespace mcpgw::auth
