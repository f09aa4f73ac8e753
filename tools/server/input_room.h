// Room for the bodies of POSTs between their heads and the moment the server has taken them.
//
// A server that takes no input must not let bodies pile up: what finds no room is read no further,
// so the client is slowed by its own connection, and after a time is refused. Room is taken for
// what has arrived, never for what is announced: who sends little holds little. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace mcpgw::server {

class InputRoom {
  public:
    // `requests_max` of them may be inside, and as many wait.
    InputRoom(std::size_t bytes_max, std::size_t requests_max)
        : bytes_max_(bytes_max), requests_max_(requests_max) {}
    InputRoom(const InputRoom&) = delete;
    InputRoom& operator=(const InputRoom&) = delete;

    // One body's place; given back at its end.
    class Place {
      public:
        // Waits until one more may be inside; it has no bytes yet.
        Place(InputRoom& room, std::chrono::milliseconds time);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        // False: there was no room.
        [[nodiscard]] bool taken() const { return taken_; }
        // Waits until there is room for so many bytes more. All bytes of a place must not be more
        // than the room has. False: there was none in time, and nothing was taken.
        [[nodiscard]] bool grow(std::size_t bytes, std::chrono::milliseconds time);

      private:
        InputRoom& room_;
        std::size_t bytes_ = 0;
        const bool taken_;
    };

  private:
    bool enter(std::chrono::milliseconds time);
    bool take(std::size_t bytes, std::chrono::milliseconds time);
    void leave(std::size_t bytes);

    const std::size_t bytes_max_;
    const std::size_t requests_max_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::size_t bytes_ = 0;
    std::size_t requests_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace mcpgw::server
