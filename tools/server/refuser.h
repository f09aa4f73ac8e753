// Says 503 to connections for which there is no thread.
//
// It takes its time for it on one thread of its own: an answer that is sent and closed before the
// request has arrived is lost in a reset. At most queue_max connections wait; the others are closed
// at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

namespace mcpgw::server {

class Refuser {
  public:
    Refuser();
    ~Refuser();  // closes what waits
    Refuser(const Refuser&) = delete;
    Refuser& operator=(const Refuser&) = delete;

    // Takes the socket over. Never waits.
    void refuse(int socket);

  private:
    static constexpr std::size_t queue_max = 64;

    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<int> sockets_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace mcpgw::server
