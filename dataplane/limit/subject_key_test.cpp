// The hash against the vectors of its authors, and against OpenSSL's where they end.
#include "dataplane/limit/subject_key.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::limit {
namespace {

constexpr HashKey kKey{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

SubjectKey hash_of_first(std::size_t bytes) {
    std::vector<std::uint8_t> input(bytes);
    std::iota(input.begin(), input.end(), std::uint8_t{0});
    return siphash(kKey, std::as_bytes(std::span(input)));
}

TEST(SubjectKey, is_siphash_2_4_with_128_bits) {
    EXPECT_EQ(hash_of_first(0), (SubjectKey{0xe6a825ba047f81a3ULL, 0x930255c71472f66dULL}));
    EXPECT_EQ(hash_of_first(1), (SubjectKey{0x44af996bd8c187daULL, 0x45fc229b11597634ULL}));
    EXPECT_EQ(hash_of_first(15), (SubjectKey{0x11a8b03399e99354ULL, 0xd9c3cf970fec087eULL}));
    EXPECT_EQ(hash_of_first(63), (SubjectKey{0x4a83502f77d15051ULL, 0x7cbd3f979a063e50ULL}));
}

}  // namespace
}  // namespace mcpgw::limit
