// NH twice at once: two products for each sixteen bytes.
#include "dataplane/auth/token_hash.h"

#include <cstring>

#include <openssl/rand.h>

#include "common/check.h"

namespace mcpgw::auth {
namespace {

__extension__ using Wide = unsigned __int128;

struct Sums {
    Wide first = 0;
    Wide second = 0;

    void add(const char* block, const std::uint64_t* key) {
        std::array<std::uint64_t, 2> words;
        std::memcpy(words.data(), block, sizeof words);
        first += static_cast<Wide>(words[0] + key[0]) * (words[1] + key[1]);
        second += static_cast<Wide>(words[0] + key[2]) * (words[1] + key[3]);
    }
};

}  // namespace

TokenHasher::TokenHasher() : key_(std::make_unique<Key>()) {
    const int drawn = RAND_bytes(reinterpret_cast<unsigned char*>(key_->data()), sizeof(Key));
    check(drawn == 1, "a key that nobody can guess");
}

TokenHash TokenHasher::hash_of(std::string_view token) const {
    check(token.size() <= limits::token_bytes_max, "the key is as long as the token");
    const std::size_t bytes = token.size();
    const std::uint64_t* key = key_->data();
    Sums sums;
    for (; token.size() >= kBlockBytes; token.remove_prefix(kBlockBytes), key += kBlockWords)
        sums.add(token.data(), key);
    if (!token.empty()) {
        std::array<char, kBlockBytes> padded{};
        std::memcpy(padded.data(), token.data(), token.size());
        sums.add(padded.data(), key);
    }
    const auto high = [](Wide sum) { return static_cast<std::uint64_t>(sum >> 64); };
    const auto low = [](Wide sum) { return static_cast<std::uint64_t>(sum); };
    return {{low(sums.first), high(sums.first), low(sums.second), high(sums.second)}, bytes};
}

}  // namespace mcpgw::auth
