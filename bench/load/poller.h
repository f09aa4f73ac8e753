// Readiness of sockets (epoll), for one thread that serves and asks at the same time.
//
// What is watched is a `Watched`: a descriptor and the kind of its owner, by which the owner is
// found again; there are few kinds and no virtual functions. A `Watched` closes its descriptor and
// must outlive the batch in which it may be reported: owners bury what is closed after the batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sys/epoll.h>

namespace mcpgw::bench {

enum class Kind : std::uint8_t { commands, listener, server, client };

class Watched {
  public:
    Watched(Kind kind, int fd) : kind_(kind), fd_(fd) {}
    ~Watched() { close(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    void replace(int fd);
    void close() { replace(-1); }

  private:
    friend class Poller;
    Kind kind_;
    bool waits_for_room_ = false;
    int fd_;
};

class Poller {
  public:
    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    void watch(Watched& watched);
    // Whether readiness to write is reported, too.
    void wait_for_room(Watched& watched, bool wanted);
    // timeout_ms 0 looks without sleeping, -1 sleeps until something is ready. The result is valid
    // until the next call.
    std::span<const epoll_event> wait(int timeout_ms);

  private:
    int fd_;
    std::vector<epoll_event> events_;
};

}  // namespace mcpgw::bench
