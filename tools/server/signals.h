// SIGTERM and SIGINT for a program that serves on other threads while its main thread waits. No
// handler runs; the signals are blocked everywhere and taken by sigwait.
#pragma once

#include <csignal>

namespace mcpgw::server {

// While it lives, SIGTERM, SIGINT and SIGPIPE reach no thread that is started meanwhile; the first
// two are taken by wait(). Made before any thread; restores the mask.
class EndSignals {
  public:
    EndSignals();
    ~EndSignals();
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;

    // Returns the signal that came.
    int wait();

  private:
    sigset_t before_;
};

}  // namespace mcpgw::server
