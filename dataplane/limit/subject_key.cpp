// SipHash as in the paper; words are little-endian, as this machine has them.
#include "dataplane/limit/subject_key.h"

#include <bit>
#include <cstring>

namespace mcpgw::limit {
namespace {

static_assert(std::endian::native == std::endian::little, "words of the input are copied");

struct State {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
    [[nodiscard]] std::uint64_t finish() {
        for (int i = 0; i < 4; ++i)
            round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};

}  // namespace

SubjectKey siphash(const HashKey& key, Bytes input) {
    State state{key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL ^ 0xee,
                key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
    const std::size_t bytes = input.size();
    for (; input.size() >= 8; input = input.subspan(8)) {
        std::uint64_t word = 0;
        std::memcpy(&word, input.data(), 8);
        state.take(word);
    }
    std::uint64_t last = std::uint64_t{bytes} << 56;
    std::uint64_t rest = 0;
    if (!input.empty()) std::memcpy(&rest, input.data(), input.size());
    state.take(last | rest);
    state.v2 ^= 0xee;
    const std::uint64_t first = state.finish();
    state.v1 ^= 0xdd;
    return {first, state.finish()};
}

}  // namespace mcpgw::limit
