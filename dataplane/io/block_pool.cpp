// One reserved range of memory, cut into blocks.
#include "dataplane/io/block_pool.h"

#include <sys/mman.h>

namespace mcpgw::io {

BlockPool::BlockPool(std::size_t blocks, std::size_t block_bytes)
    : blocks_(blocks), block_bytes_(block_bytes) {
    void* memory = mmap(nullptr, blocks * block_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(memory != MAP_FAILED, "address space for head blocks");
    memory_ = static_cast<char*>(memory);
    free_.reserve(blocks);
    for (std::size_t i = blocks; i > 0; --i)
        free_.push_back(static_cast<std::uint32_t>(i - 1));
}

BlockPool::~BlockPool() {
    check(free_.size() == blocks_, "a block pool dies with blocks in use");
    munmap(memory_, blocks_ * block_bytes_);
}

Block BlockPool::take() {
    if (free_.empty()) return {};
    const std::uint32_t index = free_.back();
    free_.pop_back();
    return {this, index};
}

}  // namespace mcpgw::io
