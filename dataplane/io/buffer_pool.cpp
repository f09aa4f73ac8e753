// Memory and counts of the receive buffers.
#include "dataplane/io/buffer_pool.h"

#include <sys/mman.h>

namespace mcpgw::io {

BufferPool::BufferPool(std::uint16_t buffers, std::size_t buffer_bytes)
    : buffers_(buffers), buffer_bytes_(buffer_bytes), counts_(buffers, 0) {
    check(buffers > 0 && buffers <= 32768 && (buffers & (buffers - 1)) == 0,
          "the kernel wants a power of two");
    void* memory = mmap(nullptr, buffers * buffer_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "memory for receive buffers");
    memory_ = static_cast<std::byte*>(memory);
    recycled_.reserve(buffers);
}

BufferPool::~BufferPool() {
    check(in_use_ == 0, "a buffer pool dies with slices in use");
    munmap(memory_, buffers_ * buffer_bytes_);
}

Slice BufferPool::take(std::uint16_t buffer, std::uint32_t size) {
    check(buffer < buffers_ && counts_[buffer] == 0, "the kernel fills free buffers only");
    check(size > 0 && size <= buffer_bytes_, "a filled buffer holds bytes within its size");
    counts_[buffer] = 1;
    ++in_use_;
    return {this, buffer, address(buffer), size};
}

void BufferPool::give_back(std::uint16_t buffer) {
    check(buffer < buffers_ && counts_[buffer] == 0, "only a free buffer goes straight back");
    recycled_.push_back(buffer);
}

void BufferPool::release(std::uint16_t buffer) {
    check(counts_[buffer] > 0 && in_use_ > 0, "a slice holds a count");
    if (--counts_[buffer] > 0) return;
    --in_use_;
    recycled_.push_back(buffer);
}

Slice Slice::share(std::size_t offset, std::size_t size) const {
    check(pool_ != nullptr && offset + size <= size_, "a share lies within its slice");
    check(pool_->counts_[buffer_] < UINT16_MAX, "the count of a buffer does not overflow");
    ++pool_->counts_[buffer_];
    return {pool_, buffer_, data_ + offset, static_cast<std::uint32_t>(size)};
}

}  // namespace mcpgw::io
