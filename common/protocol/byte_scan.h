// Finding the bytes that end a line, or a run of a JSON string, as fast as the machine can: the
// inner loops of parsing heads and of looking at messages.
//
// Invariant: no byte outside `text` is read. The one place where code for one processor stands:
// x86-64 looks at 16 or 64 bytes at a time (SSE2 is part of the architecture); elsewhere, and for
// what is left over, the portable loop does the same. Which bytes are refused, and why, is left to
// http1_head.cpp, http1_writer.cpp and jsonrpc_peek.cpp.
#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mcpgw::http {

// 0x00-0x1F but for HTAB, and DEL: what neither a start line nor a field value may hold
// (RFC 9110 section 5.5), line ends included.
[[nodiscard]] constexpr bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

// The first control byte of `text` at or after `from`, or text.size().
[[nodiscard]] constexpr std::size_t find_control_bytewise(std::string_view text, std::size_t from) {
    while (from < text.size() && !is_control(text[from]))
        ++from;
    return from;
}

// What ends a run of plain characters in a JSON string: a quote, a backslash, or a control
// character (RFC 8259 section 7).
[[nodiscard]] constexpr bool ends_plain(char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}
[[nodiscard]] constexpr const char* skip_plain_bytewise(const char* at, const char* end) {
    while (at != end && !ends_plain(*at))
        ++at;
    return at;
}

#if defined(__SSE2__)

// The first byte of [at, end) that ends a run of plain characters, or end.
[[nodiscard]] inline const char* skip_plain(const char* at, const char* end) {
    constexpr std::ptrdiff_t step = sizeof(__m128i);
    const __m128i last_control = _mm_set1_epi8(0x1F);
    for (; end - at >= step; at += step) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                      _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                         _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block));
        const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (bits != 0) return at + std::countr_zero(bits);
    }
    return skip_plain_bytewise(at, end);
}

// One bit for each control byte among the sixteen at `bytes`.
[[nodiscard]] inline unsigned control_bits(const char* bytes) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
    const __m128i tab = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7F));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}

// Whether there may be one among the 64 bytes: HTAB is taken for one.
[[nodiscard]] inline bool may_hold_control(const char* bytes) {
    constexpr int blocks = 4;
    __m128i found = _mm_setzero_si128();
    for (int i = 0; i < blocks; ++i) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes) + i);
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
        const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7F));
        found = _mm_or_si128(found, _mm_or_si128(low, del));
    }
    return _mm_movemask_epi8(found) != 0;
}

// Long values, such as tokens, are crossed in strides of 64 bytes.
[[nodiscard]] inline std::size_t find_control(std::string_view text, std::size_t from) {
    constexpr std::size_t step = sizeof(__m128i);
    constexpr std::size_t stride = 4 * step;
    while (from + stride <= text.size() && !may_hold_control(text.data() + from))
        from += stride;
    for (; from + step <= text.size(); from += step)
        if (const unsigned bits = control_bits(text.data() + from); bits != 0)
            return from + static_cast<std::size_t>(std::countr_zero(bits));
    return find_control_bytewise(text, from);
}

#else

[[nodiscard]] inline const char* skip_plain(const char* at, const char* end) {
    return skip_plain_bytewise(at, end);
}
[[nodiscard]] inline std::size_t find_control(std::string_view text, std::size_t from) {
    return find_control_bytewise(text, from);
}

#endif

}  // namespace mcpgw::http
