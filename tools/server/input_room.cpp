// A counter with two bounds.
#include "tools/server/input_room.h"

#include "common/check.h"

namespace mcpgw::server {

InputRoom::Place::Place(InputRoom& room, std::chrono::milliseconds time)
    : room_(room), taken_(room.enter(time)) {}

InputRoom::Place::~Place() {
    if (taken_) room_.leave(bytes_);
}

bool InputRoom::Place::grow(std::size_t bytes, std::chrono::milliseconds time) {
    check(taken_ && bytes <= room_.bytes_max_ - bytes_, "a body that is within its limit fits");
    if (!room_.take(bytes, time)) return false;
    bytes_ += bytes;
    return true;
}

bool InputRoom::enter(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    const auto fits = [this] { return requests_ < requests_max_; };
    if (!fits()) {
        if (waiting_ == requests_max_) return false;
        ++waiting_;
        const bool freed = freed_.wait_for(lock, time, fits);
        --waiting_;
        if (!freed) return false;
    }
    ++requests_;
    return true;
}

// Only those inside wait here, so their number is bounded.
bool InputRoom::take(std::size_t bytes, std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, time, [&] { return bytes <= bytes_max_ - bytes_; })) return false;
    bytes_ += bytes;
    return true;
}

void InputRoom::leave(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    check(bytes <= bytes_ && requests_ > 0, "what is given back was taken");
    bytes_ -= bytes;
    --requests_;
    freed_.notify_all();
}

}  // namespace mcpgw::server
