// The messages that wait for one event stream (the answer to a POST, or the standalone GET).
//
//   producers --push()--> [ deque of messages ] --take()--> the thread that owns the connection
//
// States move rightwards only: open -> finishing (drain what is there, then end) -> closed. push()
// takes any message, and the producer is expected to read no more of its source until has_room().
// Only the standalone stream, which may have no reader for long, drops and counts its oldest
// messages meanwhile. Bytes wait until they are written, not only until they are taken.
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace mcpgw::server {

struct StreamBounds {
    std::size_t messages_max = 0;  // 0: nothing is ever dropped
    std::size_t bytes_max = 0;
};

// What waits on all streams of answers of a session, in bytes.
using QueuedBytes = std::shared_ptr<std::atomic<std::size_t>>;

class EventStream {
  public:
    enum class State : std::uint8_t { open, finishing, closed };

    // One with bounds (the standalone stream) drops its oldest messages beyond them as long as
    // nobody reads it; `queued` is kept up to date, if given.
    explicit EventStream(StreamBounds bounds = {}, QueuedBytes queued = nullptr)
        : bounds_(bounds), queued_(std::move(queued)) {}
    ~EventStream() { close(); }
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;

    // False when the stream takes no more messages.
    bool push(std::string_view json);
    // No more messages; the reader gets the rest and then the end.
    void finish();
    // The reader is gone for good: what waits is dropped.
    void close();
    // Somebody reads from now on, or does no longer. (A stream without bounds is read at once.)
    void set_read(bool read);
    // Less than limits::server_queue_bytes_high are not written yet, or nobody will write them now.
    [[nodiscard]] bool has_room();

    struct Turn {
        std::string bytes;  // complete events
        bool end = false;
    };
    // All that waits; an empty turn after the time.
    [[nodiscard]] Turn take(std::chrono::milliseconds time);
    // The last turn has been written.
    void written();

    [[nodiscard]] bool is_open();
    [[nodiscard]] std::uint64_t dropped();

  private:
    void drop_over_bounds();          // with mutex_ held
    void count(std::size_t waiting);  // with mutex_ held

    const StreamBounds bounds_;
    const QueuedBytes queued_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> events_;
    std::size_t bytes_ = 0;    // of events_
    std::size_t writing_ = 0;  // of the last turn
    std::size_t counted_ = 0;  // what of both is in queued_
    std::uint64_t dropped_ = 0;
    bool read_ = false;
    State state_ = State::open;
};

}  // namespace mcpgw::server
