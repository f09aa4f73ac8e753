// Memory and counts of the receive buffers.
#include "dataplane/io/buffer_pool.h"

#include <sys/mman.h>

namespace mcpgw::io {

BufferPool::BufferPool(std::uint16_t buffers, std::size_t buffer_bytes)
    : buffers_(buffers), buffer_bytes_(buffer_bytes), uses_(buffers) {
    check(buffers > 0 && buffers <= 32768 && (buffers & (buffers - 1)) == 0,
          "the kernel wants a power of two");
    void* memory = mmap(nullptr, buffers * buffer_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "memory for receive buffers");
    memory_ = static_cast<std::byte*>(memory);
    free_.reserve(buffers);
    for (std::uint16_t buffer = buffers; buffer > 0; --buffer)
        free_.push_back(static_cast<std::uint16_t>(buffer - 1));
}

BufferPool::~BufferPool() {
    check(in_use() == 0, "a buffer pool dies with slices in use");
    munmap(memory_, buffers_ * buffer_bytes_);
}

std::uint16_t BufferPool::hand_out() {
    check(!free_.empty(), "a free buffer is handed out");
    const std::uint16_t buffer = free_.back();
    free_.pop_back();
    uses_[buffer] = {.filled = 0, .slices = 0, .with_kernel = true};
    ++with_kernel_;
    return buffer;
}

Slice BufferPool::take(std::uint16_t buffer, std::uint32_t size, bool kernel_keeps) {
    check(buffer < buffers_ && uses_[buffer].with_kernel, "the kernel fills what it was given");
    Use& use = uses_[buffer];
    check(size > 0 && size <= buffer_bytes_ - use.filled, "the kernel stays inside a buffer");
    const std::byte* data = address(buffer) + use.filled;
    use.filled += size;
    ++use.slices;
    give_back(buffer, kernel_keeps);
    return {this, buffer, data, size};
}

void BufferPool::give_back(std::uint16_t buffer, bool kernel_keeps) {
    check(buffer < buffers_ && uses_[buffer].with_kernel, "the kernel names what it was given");
    if (kernel_keeps) return;
    uses_[buffer].with_kernel = false;
    --with_kernel_;
    free_if_unused(buffer);
}

void BufferPool::release(std::uint16_t buffer) {
    check(uses_[buffer].slices > 0, "a slice is counted");
    --uses_[buffer].slices;
    free_if_unused(buffer);
}

void BufferPool::free_if_unused(std::uint16_t buffer) {
    if (uses_[buffer].slices == 0 && !uses_[buffer].with_kernel) free_.push_back(buffer);
}

Slice Slice::share(std::size_t offset, std::size_t size) const {
    check(pool_ != nullptr && offset + size <= size_, "a share lies within its slice");
    ++pool_->uses_[buffer_].slices;
    return {pool_, buffer_, data_ + offset, static_cast<std::uint32_t>(size)};
}

}  // namespace mcpgw::io
