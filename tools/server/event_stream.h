// The messages that wait for one event stream (the answer to a POST, or the standalone GET).
//
//   producers --push()--> [ deque of messages ] --take()--> the thread that owns the connection
//
// States move rightwards only: open -> finishing (drain what is there, then end) -> closed. Two
// policies for a full queue: with `bounds` set, the oldest message is dropped and counted (the
// standalone stream, which may have no reader for long); without, push() always takes the message
// and the producer is expected to call wait_for_room() before it reads on. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace mcpgw::server {

struct StreamBounds {
    std::size_t messages_max = 0;  // 0: nothing is ever dropped
    std::size_t bytes_max = 0;
};

class EventStream {
  public:
    enum class State : std::uint8_t { open, finishing, closed };

    explicit EventStream(StreamBounds bounds = {}) : bounds_(bounds) {}

    // False when the stream takes no more messages.
    bool push(std::string_view json);
    // No more messages; the reader gets the rest and then the end.
    void finish();
    // The reader is gone: what waits is dropped.
    void close();
    // Waits until less than limits::server_queue_bytes_high wait, or nobody will read any more.
    // False after the time. A stream with bounds always has room.
    bool wait_for_room(std::chrono::milliseconds time);

    struct Turn {
        std::string bytes;  // complete events
        bool end = false;
    };
    // All that waits; an empty turn after the time.
    [[nodiscard]] Turn take(std::chrono::milliseconds time);

    [[nodiscard]] bool is_open();
    [[nodiscard]] std::uint64_t dropped();

  private:
    void drop_over_bounds();  // with mutex_ held

    const StreamBounds bounds_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> events_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
    State state_ = State::open;
};

}  // namespace mcpgw::server
