// A counter with two bounds.
#include "tools/server/input_room.h"

#include "common/check.h"

namespace mcpgw::server {

InputRoom::Place::Place(InputRoom& room, std::size_t bytes, std::chrono::milliseconds time)
    : room_(room), bytes_(bytes), taken_(room.take(bytes, time)) {}

InputRoom::Place::~Place() {
    if (taken_) room_.give(bytes_);
}

bool InputRoom::take(std::size_t bytes, std::chrono::milliseconds time) {
    check(bytes <= bytes_max_, "a body that is within its limit fits");
    std::unique_lock lock(mutex_);
    const auto fits = [&] { return requests_ < requests_max_ && bytes <= bytes_max_ - bytes_; };
    if (!fits()) {
        if (waiting_ == requests_max_) return false;
        ++waiting_;
        const bool freed = freed_.wait_for(lock, time, fits);
        --waiting_;
        if (!freed) return false;
    }
    bytes_ += bytes;
    ++requests_;
    return true;
}

void InputRoom::give(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    check(bytes <= bytes_ && requests_ > 0, "what is given back was taken");
    bytes_ -= bytes;
    --requests_;
    freed_.notify_all();
}

}  // namespace mcpgw::server
