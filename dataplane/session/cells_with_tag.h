// Which cells of a bucket carry a tag: the one place where a look at sixteen words is written for a
// processor.
//
// Bit i of the result says that cell i had the tag, which lies in the bits of the mask, at some
// moment of the call; a caller loads the cell again before it trusts it. On x86-64 the cells are
// read four at a time. Each of them is read whole, and no earlier than loads before the call,
// because that processor reads in order; the compiler must not move the reads either, for which
// callers have an acquire load before them. ThreadSanitizer and the tests that order accesses see
// the loads of the general form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/session/shared_word.h"

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__) && !defined(MCPGW_SHARED_WORD_HEADER)
#include <emmintrin.h>
#define MCPGW_CELLS_BY_FOUR 1
#endif

namespace mcpgw {

using IndexCells = std::array<SharedWord<std::uint32_t>, kIndexBucketCells>;

#ifdef MCPGW_CELLS_BY_FOUR

[[nodiscard]] inline unsigned cells_with_tag(const IndexCells& cells, std::uint32_t tag,
                                             std::uint32_t tag_mask) {
    static_assert(kIndexBucketCells == 16, "four times four");
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
    const __m128i mask = _mm_set1_epi32(static_cast<int>(tag_mask));
    const auto* from = reinterpret_cast<const __m128i*>(cells.data());
    const auto look = [&](int part) {
        return _mm_cmpeq_epi32(_mm_and_si128(mask, _mm_load_si128(from + part)), wanted);
    };
    const __m128i low = _mm_packs_epi32(look(0), look(1));
    const __m128i high = _mm_packs_epi32(look(2), look(3));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

#else

[[nodiscard]] inline unsigned cells_with_tag(const IndexCells& cells, std::uint32_t tag,
                                             std::uint32_t tag_mask) {
    unsigned found = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::uint32_t value = cells[i].load(std::memory_order_seq_cst);
        found |= static_cast<unsigned>((value & tag_mask) == tag) << i;
    }
    return found;
}

#endif

}  // namespace mcpgw
