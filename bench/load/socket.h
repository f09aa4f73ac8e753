// Non-blocking TCP sockets on loopback, and what waits to be sent on one.
//
// For both ends of the load. What the machine refuses (no socket, no port) ends the process with a
// sentence; what a peer does comes back as Progress.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/bytes.h"

namespace mcpgw::bench {

// A listening socket on `port` of 127.0.0.1, which it may share with another process, or on a free
// one if it is 0; `port` becomes what it is. Dies with a message if it cannot.
[[nodiscard]] int listen_on(std::uint16_t& port);
// A connection that is being made. `source` counts: connections come from 16 addresses in turn,
// because one address has ports for 28,000 of them only. Dies if there is no socket.
[[nodiscard]] int start_connect(std::uint16_t port, std::uint32_t source);
// -1 when none is waiting.
[[nodiscard]] int accept_one(int listener);

enum class Progress : std::uint8_t { done, blocked, broken };

// Bytes of its own, then a tail that belongs to somebody else and is not copied.
class Output {
  public:
    void add(std::string_view bytes);
    // At most one tail at a time; it must outlive its sending.
    void add_tail(std::string_view tail);
    [[nodiscard]] bool empty() const { return sent_ == own_.size() && tail_.empty(); }
    void clear();
    Progress send_to(int fd);

  private:
    std::string own_;
    std::size_t sent_ = 0;
    std::string_view tail_;
};

// What arrived, in a buffer that the next call overwrites.
struct Received {
    Progress progress = Progress::done;  // blocked: nothing there; broken: closed or reset
    Bytes bytes;
};
[[nodiscard]] Received receive_from(int fd);

}  // namespace mcpgw::bench
