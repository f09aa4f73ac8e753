// A short name for a bearer token, to find its verdict by.
//
// NH, the universal hash of UMAC (RFC 4418 section 5.2), over words of 64 bits and twice, the
// second time with the key moved on by two words (Toeplitz): of any two tokens that are chosen
// without knowing the key, the chance of the same name is at most 2^-128. The key is as long as the
// longest token, drawn at random by each worker; it never leaves it, nor do the names. So nobody
// can make a token with the name of another one, as with SHA-256, at a tenth of its cost: every
// request pays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/limits.h"

namespace mcpgw::auth {

struct TokenHash {
    std::array<std::uint64_t, 4> words;
    std::size_t token_bytes;

    friend bool operator==(const TokenHash&, const TokenHash&) = default;
};

class TokenHasher {
  public:
    TokenHasher();

    // Of a token of at most limits::token_bytes_max bytes.
    [[nodiscard]] TokenHash hash_of(std::string_view token) const;

  private:
    static constexpr std::size_t kBlockWords = 2;
    static constexpr std::size_t kBlockBytes = kBlockWords * sizeof(std::uint64_t);
    static_assert(limits::token_bytes_max % kBlockBytes == 0);
    // One block more than a token has, for the second time.
    using Key =
        std::array<std::uint64_t, limits::token_bytes_max / sizeof(std::uint64_t) + kBlockWords>;

    std::unique_ptr<Key> key_;
};

}  // namespace mcpgw::auth
