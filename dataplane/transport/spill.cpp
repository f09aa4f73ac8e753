// Slices are put one behind the other into a buffer until the next one does not fit.
#include "dataplane/transport/spill.h"

#include <cstring>

namespace mcpgw::transport {

Spill::~Spill() {
    if (filling_room_ > 0) pool_.give_back(filling_, false);
}

bool Spill::make_room(std::size_t size) {
    if (size > pool_.buffer_bytes()) return false;
    is_full_ = false;
    if (size <= filling_room_) return true;
    if (filling_room_ > 0) pool_.give_back(filling_, false);
    filling_room_ = 0;
    is_full_ = pool_.none_free();
    if (is_full_) return false;
    filling_ = pool_.hand_out();
    filling_room_ = pool_.buffer_bytes();
    return true;
}

io::Slice Spill::copy(const io::Slice& slice) {
    check(!slice.empty(), "there is something to copy");
    if (!make_room(slice.size())) return {};
    std::byte* place = pool_.address(filling_) + (pool_.buffer_bytes() - filling_room_);
    std::memcpy(place, slice.data(), slice.size());
    filling_room_ -= slice.size();
    return pool_.take(filling_, slice.size(), filling_room_ > 0);
}

std::size_t Spill::take_over(SegmentQueue queue, std::size_t skip, std::size_t slice_bytes_max) {
    std::size_t copied = 0;
    for (Segment* segment = queue.first(); segment != nullptr; segment = segment->next) {
        if (skip > 0) {
            --skip;
            continue;
        }
        const io::Slice& slice = segment->slice;
        if (slice.empty() || slice.size() > slice_bytes_max || slice.is_of(pool_)) continue;
        io::Slice moved = copy(slice);
        if (moved.empty()) break;
        copied += moved.size();
        segment->data = reinterpret_cast<const char*>(moved.data());
        segment->slice = std::move(moved);
    }
    return copied;
}

}  // namespace mcpgw::transport
