// Runs functions at their time on one thread; for work that waits without blocking anybody.
//
// Functions must be short. What is still waiting when the scheduler is destroyed is not run. A
// function may hold, and drop, the last reference to the scheduler's owner: destruction on the
// scheduler's own thread is allowed, the thread then ends by itself.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace mcpgw::server {

class Scheduler {
  public:
    Scheduler();
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    void after(std::chrono::milliseconds delay, std::function<void()> work);

  private:
    struct Queue;  // shared with the thread, which may outlive the scheduler by a moment
    static void run(const std::shared_ptr<Queue>& queue);

    std::shared_ptr<Queue> queue_;
    std::thread thread_;
};

}  // namespace mcpgw::server
