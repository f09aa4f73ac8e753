// Deletes directories on a thread of its own: the caches of a server may hold many thousand files,
// and the reconciler must not wait for them.
//
// The last path is deleted last, so that it can stand for the others: as long as it is there,
// something may be left. The destructor waits.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace mcpgw::systemd {

class Removal {
  public:
    explicit Removal(std::vector<std::string> paths);
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;
    ~Removal() { thread_.join(); }

    [[nodiscard]] bool is_done() const { return done_.load(std::memory_order_acquire); }

  private:
    std::atomic<bool> done_ = false;
    std::thread thread_;
};

}  // namespace mcpgw::systemd
