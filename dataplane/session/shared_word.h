// The one place that says what a word shared between threads is: std::atomic, everywhere but in the
// tests that choose the order of every access themselves.
//
// The session table touches shared memory through SharedWord only. tests/schedule compiles the same
// sources once more with a word of its own, whose every access is a point at which another thread
// may go on (MCPGW_SHARED_WORD_HEADER), and with small buckets, so that every interleaving of two
// operations can be run through. Nothing else may differ.
#pragma once

#ifdef MCPGW_SHARED_WORD_HEADER
#include MCPGW_SHARED_WORD_HEADER
#else

#include <atomic>
#include <cstddef>

namespace mcpgw {

template <class T>
using SharedWord = std::atomic<T>;

// Cells in a bucket of the index: one cache line.
inline constexpr std::size_t kIndexBucketCells = 16;

}  // namespace mcpgw

#endif
