// Memory for small slices that wait while receive buffers are scarce.
//
//   receive buffers:  | a  . . . . |  | . . b . . |  | . . . c |     three held for three slices
//   spill:            | a | b | c |       room        |              after: all three are free
//   again
//
// A receive buffer is free when its last slice has died, so a few waiting bytes can hold all of it.
// Under pressure such bytes are copied close together (and counted: payload_copied_bytes_total).
// The result is a slice like any other. Not thread-safe: one per worker.
#pragma once

#include "dataplane/io/buffer_pool.h"
#include "dataplane/transport/segment.h"

namespace mcpgw::transport {

class Spill {
  public:
    Spill(std::uint16_t buffers, std::size_t buffer_bytes) : pool_(buffers, buffer_bytes) {}
    Spill(const Spill&) = delete;
    Spill& operator=(const Spill&) = delete;
    ~Spill();

    // The same bytes outside of the receive buffers; empty if they do not fit.
    [[nodiscard]] io::Slice copy(const io::Slice& slice);
    // Copies what is in slices of at most `slice_bytes_max`, without the first `skip` segments
    // (which the kernel is reading). Stops when no room is left. Returns the bytes copied.
    std::size_t take_over(SegmentQueue queue, std::size_t skip, std::size_t slice_bytes_max);

    // Whether the last slice that wanted room found none.
    [[nodiscard]] bool is_full() const { return is_full_; }
    [[nodiscard]] std::size_t buffers_in_use() const { return pool_.in_use(); }

  private:
    // The buffer that is being filled is, for the pool, the one that the kernel has.
    [[nodiscard]] bool make_room(std::size_t size);

    io::BufferPool pool_;
    std::uint16_t filling_ = 0;
    std::size_t filling_room_ = 0;  // 0: no buffer is being filled
    bool is_full_ = false;
};

}  // namespace mcpgw::transport
