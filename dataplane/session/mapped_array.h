// An array of zeroed memory straight from the kernel: only pages that were touched are resident.
//
// T is memory that is good when it is all zero, words and SharedWords; nothing is constructed or
// destroyed. Large arrays that are used from the front may ask for huge pages behind the first
// `small_bytes`: few elements then still cost few pages, and many cost few entries of the TLB.
// Who cannot get address space at start cannot start: that is a check, not an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/check.h"

namespace mcpgw {

class MappedMemory {
  public:
    static constexpr std::size_t kNeverHuge = SIZE_MAX;

    MappedMemory() = default;
    MappedMemory(std::size_t bytes, std::size_t small_bytes);
    MappedMemory(MappedMemory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
    MappedMemory& operator=(MappedMemory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    MappedMemory(const MappedMemory&) = delete;
    MappedMemory& operator=(const MappedMemory&) = delete;
    ~MappedMemory();

    [[nodiscard]] void* data() const { return data_; }

  private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

template <class T>
class MappedArray {
  public:
    MappedArray() = default;
    explicit MappedArray(std::size_t size, std::size_t small_bytes = MappedMemory::kNeverHuge)
        : memory_(size * sizeof(T), small_bytes), size_(size) {}

    [[nodiscard]] T& operator[](std::size_t place) const {
        return static_cast<T*>(memory_.data())[place];
    }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    MappedMemory memory_;
    std::size_t size_ = 0;
};

}  // namespace mcpgw
