// Counts what one thread asks of the C library: memory, locks, and waiting for other threads.
//
// Linking library_calls.cpp puts counting versions of malloc, pthread_mutex_lock and their like
// before those of the library, for the whole program; only calls of the watched thread, and only
// between `watch` and `stop`, are counted. The places of the first few are kept for the report.
#pragma once

#include <cstddef>
#include <string>

#include <pthread.h>

namespace mcpgw::steady_state {

struct LibraryCalls {
    std::size_t allocations = 0;  // malloc, calloc, realloc, aligned forms, mmap
    std::size_t releases = 0;     // free, munmap
    std::size_t locks = 0;        // mutexes and reader-writer locks taken, waits for conditions
};

void watch(pthread_t thread);
// Ends watching. Calls of the thread that are still on their way may be missed.
LibraryCalls stop();
// Where the first calls came from, a line each; empty if there were none.
std::string places();

}  // namespace mcpgw::steady_state
