// What a connection still has to send, or has received and not yet looked at: a queue of segments.
//
//   out:  [head block][chunk head text][slice][chunk end text] ...   sent by one gather send at a
//   time in:   [slice][slice] ...
//
// A segment owns what it points to: a slice of a receive buffer, a block, memory of its own (only
// for what the gateway itself writes, such as metrics), or up to text_bytes_max bytes in itself.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

#include "common/check.h"
#include "common/slot_table.h"
#include "dataplane/io/block_pool.h"
#include "dataplane/io/buffer_pool.h"

namespace mcpgw::transport {

struct Segment {
    static constexpr std::size_t text_bytes_max = 32;
    // Of the queue whose first segment this is.
    struct Whole {
        Segment* last = nullptr;
        std::size_t bytes = 0;
        std::size_t count = 0;
    };

    Segment* next = nullptr;
    Whole whole;
    const char* data = nullptr;
    std::size_t size = 0;
    io::Slice slice;
    io::Block block;
    std::unique_ptr<char[]> owned;
    std::array<char, text_bytes_max> text;
};

using SegmentPool = SlotTable<Segment>;

// The segments of one queue. The first one knows the rest: most queues are empty for most of the
// time, and there are two in each connection. Whoever keeps them clears them through a
// SegmentQueue.
class Segments {
  public:
    Segments() = default;
    Segments(const Segments&) = delete;
    Segments& operator=(const Segments&) = delete;
    ~Segments() { check(empty(), "segments are given back to their pool"); }

    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] std::size_t bytes() const { return first_ == nullptr ? 0 : first_->whole.bytes; }
    [[nodiscard]] std::size_t count() const { return first_ == nullptr ? 0 : first_->whole.count; }
    [[nodiscard]] Segment* first() const { return first_; }

  private:
    friend class SegmentQueue;
    Segment* first_ = nullptr;
};

// Works on the segments that somebody else keeps; passed by value.
class SegmentQueue {
  public:
    SegmentQueue(SegmentPool& pool, Segments& segments) : pool_(&pool), segments_(&segments) {}

    [[nodiscard]] bool empty() const { return segments_->empty(); }
    [[nodiscard]] std::size_t bytes() const { return segments_->bytes(); }
    [[nodiscard]] std::size_t count() const { return segments_->count(); }
    [[nodiscard]] Segment* first() const { return segments_->first(); }

    // Each returns false when the pool of segments is empty; then nothing is queued.
    [[nodiscard]] bool push(io::Slice slice);
    [[nodiscard]] bool push(io::Block block, std::size_t size);
    [[nodiscard]] bool push_text(std::string_view text);  // at most text_bytes_max
    [[nodiscard]] bool push_owned(std::unique_ptr<char[]> memory, std::size_t size);

    // Drops `count` bytes from the front, and every segment that is then empty.
    void drop_front(std::size_t count);
    // Takes the slice of the front segment, which must be one.
    [[nodiscard]] io::Slice pop_slice();
    void clear();
    // Moves everything of `other` to the end of this queue.
    void take_all(SegmentQueue other);

  private:
    [[nodiscard]] Segment*& front() { return segments_->first_; }
    void append(Segment* segment);
    void pop();

    SegmentPool* pool_;
    Segments* segments_;
};

// A queue that keeps its segments itself, and clears them in the end.
class OwnSegmentQueue {
  public:
    explicit OwnSegmentQueue(SegmentPool& pool) : queue_(pool, segments_) {}
    ~OwnSegmentQueue() { queue_.clear(); }

    [[nodiscard]] SegmentQueue& operator*() { return queue_; }
    [[nodiscard]] SegmentQueue* operator->() { return &queue_; }

  private:
    Segments segments_;
    SegmentQueue queue_;
};

}  // namespace mcpgw::transport
