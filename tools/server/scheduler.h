// Runs functions at their time on one thread; for work that waits without blocking anybody.
//
// Functions must be short. What is still waiting when the scheduler is destroyed is not run.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
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
    using Clock = std::chrono::steady_clock;

    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<Clock::time_point, std::function<void()>> waiting_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace mcpgw::server
