// A slice as the kernel would have delivered it.
//
// For tests of rooms that handle slices and need no ring. The pool belongs to the test, and must
// have a free buffer for every slice that lives.
#pragma once

#include <cstring>
#include <string_view>

#include "dataplane/io/buffer_pool.h"

namespace mcpgw::io {

// The kernel is given a buffer, puts the text into it and has done with it.
[[nodiscard]] inline Slice received(BufferPool& pool, std::string_view text) {
    const std::uint16_t buffer = pool.hand_out();
    std::memcpy(pool.address(buffer), text.data(), text.size());
    return pool.take(buffer, static_cast<std::uint32_t>(text.size()), false);
}

}  // namespace mcpgw::io
