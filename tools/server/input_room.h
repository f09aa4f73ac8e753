// Room for the bodies of POSTs between their heads and the moment the server has taken them.
//
// A server that takes no input must not let bodies pile up: what finds no room waits before it is
// read, so the client is slowed by its own connection, and after a time is refused. Thread-safe.
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
        // Waits until there is room for that many bytes, which must not be more than there are.
        Place(InputRoom& room, std::size_t bytes, std::chrono::milliseconds time);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        // False: there was no room.
        [[nodiscard]] bool taken() const { return taken_; }

      private:
        InputRoom& room_;
        const std::size_t bytes_;
        const bool taken_;
    };

  private:
    bool take(std::size_t bytes, std::chrono::milliseconds time);
    void give(std::size_t bytes);

    const std::size_t bytes_max_;
    const std::size_t requests_max_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::size_t bytes_ = 0;
    std::size_t requests_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace mcpgw::server
