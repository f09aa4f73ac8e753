// The receive buffers of one worker, and slices of them.
//
//   free ──hand_out──▶ with the kernel ──filled up──▶ held by slices ──last slice dies──▶ free
//                        | slice | slice |   room   |
//
// The kernel fills a buffer of its choice from the front; each range of received bytes becomes a
// Slice. With incremental buffers it goes on behind the last range until the buffer is full, so
// small messages lie close together; without, one range ends it. A buffer is free again when the
// kernel has done with it and its last slice has died. The one that became free last is handed out
// first: it is still in the cache. Nothing is copied, nothing is allocated after start. Not
// thread-safe: one pool per worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw::io {

class BufferPool;

// A counted range of received bytes. Moving is free; share() adds to the count.
class Slice {
  public:
    Slice() = default;
    Slice(Slice&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          buffer_(other.buffer_) {}
    Slice& operator=(Slice&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = std::exchange(other.pool_, nullptr);
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
            buffer_ = other.buffer_;
        }
        return *this;
    }
    Slice(const Slice&) = delete;
    Slice& operator=(const Slice&) = delete;
    ~Slice() { reset(); }

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] const std::byte* data() const { return data_; }
    [[nodiscard]] Bytes bytes() const { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const { return as_text(bytes()); }

    // A further slice of the same buffer: `size` bytes from `offset` of this one.
    [[nodiscard]] Slice share(std::size_t offset, std::size_t size) const;
    // Forgets the first `count` bytes.
    void drop_front(std::size_t count) {
        check(count <= size_, "a slice loses no more than it has");
        data_ += count;
        size_ -= static_cast<std::uint32_t>(count);
    }
    void reset();
    [[nodiscard]] bool is_of(const BufferPool& pool) const { return pool_ == &pool; }

  private:
    friend class BufferPool;
    Slice(BufferPool* pool, std::uint16_t buffer, const std::byte* data, std::uint32_t size)
        : pool_(pool), data_(data), size_(size), buffer_(buffer) {}

    BufferPool* pool_ = nullptr;
    const std::byte* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint16_t buffer_ = 0;
};

class BufferPool {
  public:
    // `buffers` is a power of two of at most 32768 (the kernel's rule for buffer rings).
    BufferPool(std::uint16_t buffers, std::size_t buffer_bytes);
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool();

    [[nodiscard]] std::uint16_t buffers() const { return buffers_; }
    [[nodiscard]] std::size_t buffer_bytes() const { return buffer_bytes_; }
    [[nodiscard]] std::byte* address(std::uint16_t buffer) const {
        return memory_ + static_cast<std::size_t>(buffer) * buffer_bytes_;
    }
    // Buffers that the kernel has done with and slices still hold.
    [[nodiscard]] std::size_t in_use() const { return buffers_ - free_.size() - with_kernel_; }
    // True when at least half of the buffers are free or with the kernel.
    [[nodiscard]] bool half_free() const { return in_use() * 2 <= buffers_; }
    [[nodiscard]] bool eighth_free() const { return in_use() * 8 <= buffers_ * std::size_t{7}; }
    [[nodiscard]] std::size_t with_kernel() const { return with_kernel_; }
    [[nodiscard]] bool none_free() const { return free_.empty(); }

    // For the bodies of the ring: a free buffer, which the kernel has from now on.
    [[nodiscard]] std::uint16_t hand_out();
    // The kernel has put `size` bytes behind those it has put into the buffer before. Unless it
    // keeps the buffer, it has done with it.
    [[nodiscard]] Slice take(std::uint16_t buffer, std::uint32_t size, bool kernel_keeps);
    // The kernel names a buffer without bytes (end of stream).
    void give_back(std::uint16_t buffer, bool kernel_keeps);

  private:
    friend class Slice;
    struct Use {
        std::uint32_t filled = 0;
        std::uint32_t slices = 0;
        bool with_kernel = false;
    };
    void release(std::uint16_t buffer);
    void free_if_unused(std::uint16_t buffer);

    std::uint16_t buffers_;
    std::size_t buffer_bytes_;
    std::size_t with_kernel_ = 0;
    std::byte* memory_ = nullptr;
    std::vector<Use> uses_;
    std::vector<std::uint16_t> free_;  // the last one goes first
};

inline void Slice::reset() {
    if (pool_ != nullptr) pool_->release(buffer_);
    pool_ = nullptr;
    data_ = nullptr;
    size_ = 0;
}

}  // namespace mcpgw::io
