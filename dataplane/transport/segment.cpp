// A singly linked queue of pooled segments.
#include "dataplane/transport/segment.h"

#include <algorithm>
#include <utility>

namespace mcpgw::transport {

void SegmentQueue::append(Segment* segment) {
    if (front() == nullptr)
        front() = segment;
    else
        front()->whole.last->next = segment;
    front()->whole.last = segment;
    front()->whole.bytes += segment->size;
    ++front()->whole.count;
}

bool SegmentQueue::push(io::Slice slice) {
    Segment* segment = pool_->acquire();
    if (segment == nullptr) return false;
    segment->data = reinterpret_cast<const char*>(slice.data());
    segment->size = slice.size();
    segment->slice = std::move(slice);
    append(segment);
    return true;
}

bool SegmentQueue::push(io::Block block, std::size_t size) {
    check(size <= block.room().size(), "a block holds what is sent from it");
    Segment* segment = pool_->acquire();
    if (segment == nullptr) return false;
    segment->data = block.room().data();
    segment->size = size;
    segment->block = std::move(block);
    append(segment);
    return true;
}

bool SegmentQueue::push_text(std::string_view text) {
    check(text.size() <= Segment::text_bytes_max, "a short text fits into a segment");
    Segment* segment = pool_->acquire();
    if (segment == nullptr) return false;
    std::copy(text.begin(), text.end(), segment->text.begin());
    segment->data = segment->text.data();
    segment->size = text.size();
    append(segment);
    return true;
}

bool SegmentQueue::push_owned(std::unique_ptr<char[]> memory, std::size_t size) {
    Segment* segment = pool_->acquire();
    if (segment == nullptr) return false;
    segment->data = memory.get();
    segment->size = size;
    segment->owned = std::move(memory);
    append(segment);
    return true;
}

void SegmentQueue::pop() {
    Segment* segment = front();
    check(segment != nullptr && segment->whole.count > 0, "a queue gives what it has");
    front() = segment->next;
    if (front() != nullptr) {
        front()->whole = segment->whole;
        front()->whole.bytes -= segment->size;
        --front()->whole.count;
    }
    pool_->release(segment);
}

void SegmentQueue::drop_front(std::size_t count) {
    check(count <= bytes(), "a queue loses no more than it has");
    while (count > 0) {
        if (count >= front()->size) {
            count -= front()->size;
            pop();
            continue;
        }
        front()->data += count;
        front()->size -= count;
        front()->whole.bytes -= count;
        if (!front()->slice.empty()) front()->slice.drop_front(count);
        count = 0;
    }
    while (front() != nullptr && front()->size == 0)
        pop();
}

io::Slice SegmentQueue::pop_slice() {
    check(front() != nullptr && !front()->slice.empty(), "the front segment is a slice");
    io::Slice slice = std::move(front()->slice);
    pop();
    return slice;
}

void SegmentQueue::clear() {
    while (front() != nullptr)
        pop();
}

void SegmentQueue::take_all(SegmentQueue other) {
    check(pool_ == other.pool_ && segments_ != other.segments_,
          "segments move between queues of one worker");
    if (other.empty()) return;
    if (front() == nullptr) {
        front() = other.front();
    } else {
        const Segment::Whole& added = other.front()->whole;
        front()->whole.last->next = other.front();
        front()->whole = {added.last, front()->whole.bytes + added.bytes,
                          front()->whole.count + added.count};
    }
    other.front() = nullptr;
}

}  // namespace mcpgw::transport
