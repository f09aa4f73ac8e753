// The receive buffers of one worker, and slices of them.
//
//   memory:  | buffer 0 | buffer 1 | ... |        each receive_buffer_bytes long
//   owner:     kernel     slices (count 2)        a buffer belongs to the kernel or to its slices
//
// The kernel fills a buffer of its choice; the bytes become a Slice. Slices are counted per buffer:
// when the last one dies the buffer waits in `recycled` and the ring gives it back to the kernel
// with the next submission. Nothing is copied, nothing is allocated after start. Not thread-safe:
// one pool per worker.
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
    // Buffers that slices hold at present.
    [[nodiscard]] std::size_t in_use() const { return in_use_; }
    // True when at least half of the buffers are with the kernel (or on their way back).
    [[nodiscard]] bool half_free() const { return in_use_ * 2 <= buffers_; }

    // The kernel has filled the first `size` bytes of a buffer.
    [[nodiscard]] Slice take(std::uint16_t buffer, std::uint32_t size);
    // The kernel gave a buffer without bytes (end of stream): it goes straight back.
    void give_back(std::uint16_t buffer);
    // Buffers to hand to the kernel again; the caller clears the list.
    [[nodiscard]] std::vector<std::uint16_t>& recycled() { return recycled_; }

  private:
    friend class Slice;
    void release(std::uint16_t buffer);

    std::uint16_t buffers_;
    std::size_t buffer_bytes_;
    std::size_t in_use_ = 0;
    std::byte* memory_ = nullptr;
    std::vector<std::uint16_t> counts_;
    std::vector<std::uint16_t> recycled_;
};

inline void Slice::reset() {
    if (pool_ != nullptr) pool_->release(buffer_);
    pool_ = nullptr;
    data_ = nullptr;
    size_ = 0;
}

}  // namespace mcpgw::io
