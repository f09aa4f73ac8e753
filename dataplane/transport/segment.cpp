// A singly linked queue of pooled segments.
#include "dataplane/transport/segment.h"

#include <algorithm>
#include <utility>

namespace mcpgw::transport {

void SegmentQueue::append(Segment* segment) {
    if (first_ == nullptr)
        first_ = segment;
    else
        first_->whole.last->next = segment;
    first_->whole.last = segment;
    first_->whole.bytes += segment->size;
    ++first_->whole.count;
}

bool SegmentQueue::push(io::Slice slice) {
    Segment* segment = pool_.acquire();
    if (segment == nullptr) return false;
    segment->data = reinterpret_cast<const char*>(slice.data());
    segment->size = slice.size();
    segment->slice = std::move(slice);
    append(segment);
    return true;
}

bool SegmentQueue::push(io::Block block, std::size_t size) {
    check(size <= block.room().size(), "a block holds what is sent from it");
    Segment* segment = pool_.acquire();
    if (segment == nullptr) return false;
    segment->data = block.room().data();
    segment->size = size;
    segment->block = std::move(block);
    append(segment);
    return true;
}

bool SegmentQueue::push_text(std::string_view text) {
    check(text.size() <= Segment::text_bytes_max, "a short text fits into a segment");
    Segment* segment = pool_.acquire();
    if (segment == nullptr) return false;
    std::copy(text.begin(), text.end(), segment->text.begin());
    segment->data = segment->text.data();
    segment->size = text.size();
    append(segment);
    return true;
}

bool SegmentQueue::push_owned(std::unique_ptr<char[]> memory, std::size_t size) {
    Segment* segment = pool_.acquire();
    if (segment == nullptr) return false;
    segment->data = memory.get();
    segment->size = size;
    segment->owned = std::move(memory);
    append(segment);
    return true;
}

void SegmentQueue::pop() {
    Segment* segment = first_;
    check(segment != nullptr && segment->whole.count > 0, "a queue gives what it has");
    first_ = segment->next;
    if (first_ != nullptr) {
        first_->whole = segment->whole;
        first_->whole.bytes -= segment->size;
        --first_->whole.count;
    }
    pool_.release(segment);
}

void SegmentQueue::drop_front(std::size_t count) {
    check(count <= bytes(), "a queue loses no more than it has");
    while (count > 0) {
        if (count >= first_->size) {
            count -= first_->size;
            pop();
            continue;
        }
        first_->data += count;
        first_->size -= count;
        first_->whole.bytes -= count;
        if (!first_->slice.empty()) first_->slice.drop_front(count);
        count = 0;
    }
    while (first_ != nullptr && first_->size == 0)
        pop();
}

io::Slice SegmentQueue::pop_slice() {
    check(first_ != nullptr && !first_->slice.empty(), "the front segment is a slice");
    io::Slice slice = std::move(first_->slice);
    pop();
    return slice;
}

void SegmentQueue::clear() {
    while (first_ != nullptr)
        pop();
}

void SegmentQueue::take_all(SegmentQueue& other) {
    check(&pool_ == &other.pool_ && this != &other, "segments move between queues of one worker");
    if (other.empty()) return;
    if (first_ == nullptr) {
        first_ = other.first_;
    } else {
        const Segment::Whole& added = other.first_->whole;
        first_->whole.last->next = other.first_;
        first_->whole = {added.last, first_->whole.bytes + added.bytes,
                         first_->whole.count + added.count};
    }
    other.first_ = nullptr;
}

}  // namespace mcpgw::transport
