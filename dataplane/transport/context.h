// What the objects of one worker share: the ring, timers, pools, and the three work lists of a
// tick.
//
//   dirty      owners that have news; each is advanced once a turn, in order
//   unsettled  connections whose wishes towards the kernel may have changed (send, receive, close)
//   starved    connections that wait for receive buffers
//
// Nothing here is shared between workers.
#pragma once

#include <array>

#include <sys/socket.h>
#include <sys/uio.h>

#include "common/intrusive_list.h"
#include "common/limits.h"
#include "common/slot_table.h"
#include "common/time.h"
#include "dataplane/io/block_pool.h"
#include "dataplane/io/ring.h"
#include "dataplane/io/timer_wheel.h"
#include "dataplane/io/wall_clock.h"
#include "dataplane/observe/metrics.h"
#include "dataplane/transport/segment.h"
#include "dataplane/transport/spill.h"
#include "dataplane/transport/splice.h"

namespace mcpgw::transport {

class Connection;

// How scarce receive buffers are: half of them held, seven eighths of them held.
enum class Pressure : std::uint8_t { none, high, exhausted };

struct DirtyTag;
struct WorkTag;  // a connection is unsettled, or starved, or neither

// An owner that can be marked dirty. The kind tells the worker which advance() to call.
class Dirty : public ListNode<DirtyTag> {
  public:
    enum class Kind : std::uint8_t { client, backend, exchange };
    explicit Dirty(Kind kind) : kind_(kind) {}
    [[nodiscard]] Kind kind() const { return kind_; }

  private:
    Kind kind_;
};

// The pieces of one gather send; taken while the send is in the kernel.
struct SendVector {
    msghdr message{};
    std::size_t bytes;  // in all of them
    std::array<iovec, limits::gather_pieces_max> pieces;
};

struct Context {
    io::Ring& ring;
    WorkerMetrics& metrics;
    io::TimerWheel timers;
    io::BlockPool blocks;
    io::BlockPool small_blocks;
    SegmentPool segments;
    SlotTable<SendVector> vectors;
    Spill spill;
    SpliceTable splices;
    Pressure pressure = Pressure::none;  // of the last tick
    std::size_t out_queue_bytes_high = limits::out_queue_bytes_high;
    List<Dirty, DirtyTag> dirty;
    List<Connection, WorkTag> unsettled;
    List<Connection, WorkTag> starved;
    Nanos now;
    io::WallClock wall_clock;
    bool hurry = false;  // somebody waits for a send to be done: the next wait must not sleep

    Context(io::Ring& the_ring, WorkerMetrics& the_metrics)
        : ring(the_ring),
          metrics(the_metrics),
          timers(the_ring.now()),
          blocks(limits::head_blocks, limits::head_block_bytes),
          small_blocks(limits::small_head_blocks, limits::small_head_block_bytes),
          segments(limits::segments_per_worker_max),
          vectors(limits::connections_per_worker_max),
          spill(limits::spill_buffers, limits::spill_buffer_bytes),
          splices(the_ring, limits::splices_per_worker_max),
          now(the_ring.now()),
          wall_clock(the_ring) {}

    void mark(Dirty& owner) {
        if (!owner.is_linked()) dirty.push_back(owner);
    }
    // It is advanced before all others: what it works on is in the cache, and is let go at once.
    void mark_next(Dirty& owner) {
        if (!owner.is_linked()) dirty.push_front(owner);
    }
};

}  // namespace mcpgw::transport
