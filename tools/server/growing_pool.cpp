// Detached threads that are counted: the last one out tells shutdown().
#include "tools/server/growing_pool.h"

#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "common/check.h"

namespace mcpgw::server {
namespace {

thread_local bool refusing_here = false;

}  // namespace

GrowingPool::GrowingPool(std::size_t threads_max, unsigned idle_ms)
    : threads_max_(threads_max), idle_ms_(idle_ms) {
    check(threads_max > 0, "a pool without threads does nothing");
}

GrowingPool::~GrowingPool() {
    shutdown();
}

bool GrowingPool::refusing() {
    return refusing_here;
}

std::size_t GrowingPool::threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
}

void GrowingPool::enqueue(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        // A thread is counted as free until it has taken its task, hence the comparison.
        if (free_ > tasks_.size() || start_thread()) {
            tasks_.push_back(std::move(task));
            has_task_.notify_one();
            return;
        }
    }
    refusing_here = true;
    task();
    refusing_here = false;
}

bool GrowingPool::start_thread() {
    if (threads_ == threads_max_) return false;
    try {
        std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
        return false;  // the machine has no thread left: the same answer as our own cap
    }
    ++threads_;
    ++free_;
    return true;
}

void GrowingPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const bool woken = has_task_.wait_for(lock, std::chrono::milliseconds(idle_ms_),
                                              [&] { return !tasks_.empty() || stopping_; });
        if (!woken || tasks_.empty()) break;
        std::function<void()> task = std::move(tasks_.front());
        tasks_.pop_front();
        --free_;
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        ++free_;
    }
    --free_;
    --threads_;
    // With the lock held: shutdown() may destroy the pool as soon as it sees zero.
    has_ended_.notify_all();
}

void GrowingPool::shutdown() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    has_task_.notify_all();
    has_ended_.wait(lock, [&] { return threads_ == 0; });
}

}  // namespace mcpgw::server
