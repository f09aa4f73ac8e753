// The threads of a blocking HTTP server, one per connection that is at work.
//
// An open event stream holds its thread for hours, so a fixed small pool would starve. This one
// starts a thread whenever none is free, up to a cap; beyond the cap a task is run at once on the
// caller's thread, with refusing() true there, so that it can say no quickly. A thread that found
// nothing to do for idle_ms ends. Owned (and deleted) by httplib::Server.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include <httplib.h>

namespace mcpgw::server {

class GrowingPool final : public httplib::TaskQueue {
  public:
    explicit GrowingPool(std::size_t threads_max, unsigned idle_ms = 10'000);
    ~GrowingPool() override;
    GrowingPool(const GrowingPool&) = delete;
    GrowingPool& operator=(const GrowingPool&) = delete;

    void enqueue(std::function<void()> task) override;
    // Runs what is queued, then waits until every thread has ended.
    void shutdown() override;

    // True inside a task that runs because no thread was to be had.
    [[nodiscard]] static bool refusing();
    [[nodiscard]] std::size_t threads();

  private:
    void work();
    bool start_thread();  // with mutex_ held

    const std::size_t threads_max_;
    const unsigned idle_ms_;
    std::mutex mutex_;
    std::condition_variable has_task_;
    std::condition_variable has_ended_;
    std::deque<std::function<void()>> tasks_;
    std::size_t threads_ = 0;
    std::size_t free_ = 0;  // threads that wait for a task
    bool stopping_ = false;
};

}  // namespace mcpgw::server
