// Takes one HTTP/1.1 head from the front of an input queue, wherever its bytes lie.
//
//   whole head in the front slice   ->  read in place; the reader keeps a share of the buffer
//   head over several slices        ->  put together in a block, so that a slow sender does not
//                                       hold receive buffers
//
// After `complete` the queue begins with what follows the head.
#pragma once

#include <string_view>
#include <utility>

#include "common/protocol/http1_head.h"
#include "dataplane/transport/segment.h"

namespace mcpgw::flow {

class HeadReader {
  public:
    enum class Outcome : std::uint8_t { needs_more, complete, failed, no_memory };

    explicit HeadReader(std::size_t bytes_max = limits::head_bytes_max) : scanner_(bytes_max) {}

    [[nodiscard]] Outcome read(transport::SegmentQueue input, io::BlockPool& blocks);
    // After `failed`.
    [[nodiscard]] http::HeadError error() const { return scanner_.error(); }
    // After `complete`: the head without the empty lines before it; valid until reset(), or as long
    // as what take_memory() gave away.
    [[nodiscard]] std::string_view text() const { return text_; }
    // Bytes of empty lines before the head: allowed before requests, never before answers.
    [[nodiscard]] std::size_t leading_bytes() const { return scanner_.leading_bytes(); }
    // The memory the text lies in: one of the two is set.
    void take_memory(io::Slice& slice, io::Block& block) {
        slice = std::move(slice_);
        block = std::move(block_);
    }
    void reset();

  private:
    http::HeadScanner scanner_;
    io::Slice slice_;
    io::Block block_;
    std::size_t block_bytes_ = 0;
    std::string_view text_;
};

}  // namespace mcpgw::flow
