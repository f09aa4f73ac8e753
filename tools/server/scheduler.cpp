// One thread that sleeps until the next function is due.
#include "tools/server/scheduler.h"

#include <utility>

namespace mcpgw::server {

Scheduler::Scheduler() : thread_([this] { run(); }) {}

Scheduler::~Scheduler() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void Scheduler::after(std::chrono::milliseconds delay, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(Clock::now() + delay, std::move(work));
    changed_.notify_all();
}

void Scheduler::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (waiting_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto next = waiting_.begin();
        if (const auto at = next->first; Clock::now() < at) {
            changed_.wait_until(lock, at);
            continue;
        }
        const auto work = std::move(next->second);
        waiting_.erase(next);
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace mcpgw::server
