// The body of MappedMemory for the explorer: parts of one buffer instead of pages of the kernel.
#include "tests/schedule/arena.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "dataplane/session/mapped_array.h"

namespace mcpgw {
namespace {

constexpr std::size_t kLineBytes = 64;

alignas(kLineBytes) std::array<std::byte, 256 * 1024> arena;
std::size_t used_bytes = 0;

}  // namespace

MappedMemory::MappedMemory(std::size_t bytes, std::size_t) : bytes_(bytes) {
    check(bytes <= arena.size() - used_bytes, "small tables fit into the arena");
    data_ = arena.data() + used_bytes;
    used_bytes += (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

MappedMemory::~MappedMemory() = default;

namespace schedule {

void clear_arena() {
    std::memset(arena.data(), 0, used_bytes);
    used_bytes = 0;
}

}  // namespace schedule
}  // namespace mcpgw
