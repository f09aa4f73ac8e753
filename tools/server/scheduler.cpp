// One thread that sleeps until the next function is due.
#include "tools/server/scheduler.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace mcpgw::server {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct Scheduler::Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::multimap<Clock::time_point, std::function<void()>> waiting;
    bool stopping = false;
};

Scheduler::Scheduler()
    : queue_(std::make_shared<Queue>()), thread_([queue = queue_] { run(queue); }) {}

Scheduler::~Scheduler() {
    std::multimap<Clock::time_point, std::function<void()>> dropped;  // outside the lock
    {
        const std::lock_guard lock(queue_->mutex);
        queue_->stopping = true;
        dropped.swap(queue_->waiting);
        queue_->changed.notify_all();
    }
    if (thread_.get_id() == std::this_thread::get_id())
        thread_.detach();
    else
        thread_.join();
}

void Scheduler::after(std::chrono::milliseconds delay, std::function<void()> work) {
    const std::lock_guard lock(queue_->mutex);
    queue_->waiting.emplace(Clock::now() + delay, std::move(work));
    queue_->changed.notify_all();
}

void Scheduler::run(const std::shared_ptr<Queue>& queue) {
    std::unique_lock lock(queue->mutex);
    while (!queue->stopping) {
        if (queue->waiting.empty()) {
            queue->changed.wait(lock);
            continue;
        }
        const auto next = queue->waiting.begin();
        if (const auto at = next->first; Clock::now() < at) {
            queue->changed.wait_until(lock, at);
            continue;
        }
        std::function<void()> work = std::move(next->second);
        queue->waiting.erase(next);
        lock.unlock();
        work();
        work = nullptr;  // what it held may go, and with it the scheduler
        lock.lock();
    }
}

}  // namespace mcpgw::server
