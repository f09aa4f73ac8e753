// The queue between the producers of messages and the thread that writes a stream.
#include "tools/server/event_stream.h"

#include <utility>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::server {

bool EventStream::push(std::string_view json) {
    // A line break would end the data line early.
    check(json.find_first_of("\r\n") == std::string_view::npos, "a message is one line");
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return false;
    std::string event = "event: message\ndata: ";
    event.reserve(event.size() + json.size() + 2);
    event.append(json).append("\n\n");
    bytes_ += event.size();
    events_.push_back(std::move(event));
    drop_over_bounds();
    count(bytes_ + writing_);
    changed_.notify_all();
    return true;
}

void EventStream::drop_over_bounds() {
    if (bounds_.messages_max == 0) return;
    // A reader sees to the number; the bytes are bounded even if the producer does not ask.
    while (events_.size() > 1 &&
           ((!read_ && events_.size() > bounds_.messages_max) || bytes_ > bounds_.bytes_max)) {
        bytes_ -= events_.front().size();
        events_.pop_front();
        ++dropped_;
    }
}

void EventStream::count(std::size_t waiting) {
    if (queued_ == nullptr) return;
    *queued_ += waiting - counted_;  // also downwards: it wraps around twice
    counted_ = waiting;
}

void EventStream::finish() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::open) state_ = State::finishing;
    changed_.notify_all();
}

void EventStream::close() {
    const std::lock_guard lock(mutex_);
    state_ = State::closed;
    events_.clear();
    bytes_ = writing_ = 0;
    count(0);
    changed_.notify_all();
}

void EventStream::set_read(bool read) {
    const std::lock_guard lock(mutex_);
    read_ = read;
    if (!read) writing_ = 0;
}

bool EventStream::has_room() {
    const std::lock_guard lock(mutex_);
    const bool may_drop = bounds_.messages_max != 0 && !read_;
    return state_ != State::open || may_drop || bytes_ + writing_ < limits::server_queue_bytes_high;
}

EventStream::Turn EventStream::take(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return state_ != State::open || !events_.empty(); });
    Turn turn;
    turn.bytes.reserve(bytes_);
    for (const std::string& event : events_)
        turn.bytes += event;
    events_.clear();
    writing_ += std::exchange(bytes_, 0);
    turn.end = state_ != State::open;
    return turn;
}

void EventStream::written() {
    const std::lock_guard lock(mutex_);
    writing_ = 0;
    count(bytes_);
}

bool EventStream::is_open() {
    const std::lock_guard lock(mutex_);
    return state_ == State::open;
}

std::uint64_t EventStream::dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

}  // namespace mcpgw::server
