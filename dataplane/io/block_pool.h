// Blocks of writable memory for heads: those we write, and those that arrive in pieces.
//
// All blocks lie in one reserved range; only pages that were touched are resident, and the block
// that was returned last is handed out first, so the resident set follows the real need. When no
// block is left, take() gives an empty one and the caller refuses its work. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/check.h"

namespace mcpgw::io {

class BlockPool;

class Block {
  public:
    Block() = default;
    Block(Block&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}
    Block& operator=(Block&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = std::exchange(other.pool_, nullptr);
            index_ = other.index_;
        }
        return *this;
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() { reset(); }

    [[nodiscard]] explicit operator bool() const { return pool_ != nullptr; }
    [[nodiscard]] std::span<char> room() const;
    void reset();

  private:
    friend class BlockPool;
    Block(BlockPool* pool, std::uint32_t index) : pool_(pool), index_(index) {}

    BlockPool* pool_ = nullptr;
    std::uint32_t index_ = 0;
};

class BlockPool {
  public:
    BlockPool(std::size_t blocks, std::size_t block_bytes);
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;
    ~BlockPool();

    [[nodiscard]] Block take();
    [[nodiscard]] std::size_t in_use() const { return blocks_ - free_.size(); }
    [[nodiscard]] bool half_free() const { return in_use() * 2 <= blocks_; }

  private:
    friend class Block;
    std::size_t blocks_;
    std::size_t block_bytes_;
    char* memory_ = nullptr;
    std::vector<std::uint32_t> free_;
};

inline std::span<char> Block::room() const {
    check(pool_ != nullptr, "an empty block has no room");
    return {pool_->memory_ + index_ * pool_->block_bytes_, pool_->block_bytes_};
}

inline void Block::reset() {
    if (pool_ != nullptr) pool_->free_.push_back(index_);
    pool_ = nullptr;
}

}  // namespace mcpgw::io
