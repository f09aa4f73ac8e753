// Who is due is decided under one lock; the calls are made without it.
#include "controlplane/kubernetes/writers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/log.h"

namespace mcpgw::kubernetes {
namespace {

// While this process does not lead, it looks again after so long, besides being told.
constexpr std::uint32_t kLeaderLookMs = 1'000;

}  // namespace

Writers::Writers(WriterOptions options)
    : options_(std::move(options)), random_(std::random_device{}()) {
    check(options_.threads > 0 && options_.send && options_.is_leader, "there is work to do");
    for (std::size_t i = 0; i < options_.threads; ++i)
        threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

Writers::~Writers() {
    stop();
}

void Writers::stop() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
    changed_.notify_all();
    threads_.clear();
}

void Writers::want(std::string_view adapter, std::optional<model::Adapter> desired) {
    const std::scoped_lock lock(mutex_);
    Task& task = tasks_[std::string(adapter)];
    task.desired = std::move(desired);
    task.serial = ++last_serial_;
    task.is_forgotten = false;
    task.due = 0;
    task.backoff = deploy::Backoff(options_.retry_first_ms, options_.retry_last_ms);
    task.progress.is_done = false;
    changed_.notify_one();
}

void Writers::forget(std::string_view adapter) {
    const std::scoped_lock lock(mutex_);
    const auto found = tasks_.find(adapter);
    if (found == tasks_.end()) return;
    if (found->second.is_at_work)
        found->second.is_forgotten = true;
    else
        tasks_.erase(found);
}

void Writers::recheck(std::string_view adapter) {
    const std::scoped_lock lock(mutex_);
    const auto found = tasks_.find(adapter);
    if (found == tasks_.end()) return;
    const Nanos soon = found->second.last_end + options_.repair_ms * kMillisecond;
    found->second.due = std::min(found->second.due, soon);
    changed_.notify_one();
}

void Writers::recheck_all() {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, task] : tasks_)
        task.due = 0;
    changed_.notify_all();
}

Progress Writers::progress(std::string_view adapter) const {
    const std::scoped_lock lock(mutex_);
    const auto found = tasks_.find(adapter);
    return found == tasks_.end() ? Progress{} : found->second.progress;
}

Nanos Writers::scattered(std::uint32_t milliseconds) {
    const Nanos base = milliseconds * kMillisecond;
    return base - base / 5 + random_() % (base / 5 * 2 + 1);
}

std::string Writers::next(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    for (;;) {
        if (stop.stop_requested()) return "";
        const Nanos now = monotonic_now();
        Nanos until = kNever;
        const bool may_write = options_.is_leader();
        for (auto& [name, task] : tasks_) {
            if (task.is_at_work) continue;
            if (task.due <= now && may_write) return name;
            until = std::min(until, std::max(task.due, now));
        }
        if (!may_write && until != kNever)
            until = std::max(until, now + kLeaderLookMs * kMillisecond);
        // False predicates: only a notice, the time or a stop ends the wait.
        if (until == kNever)
            changed_.wait(lock, stop,
                          [woken = false]() mutable { return std::exchange(woken, true); });
        else
            changed_.wait_for(lock, stop, std::chrono::nanoseconds(until - now),
                              [woken = false]() mutable { return std::exchange(woken, true); });
    }
}

Effect Writers::attempt(const std::string& name, const std::optional<model::Adapter>& desired,
                        const std::stop_token& stop) const {
    const Send send = [this, &stop](const Call& call) -> Outcome {
        if (!options_.is_leader()) return std::unexpected(cancelled_failure());
        return options_.send(call, stop);
    };
    if (desired) return bring_up(Plan{*desired, options_.objects}, send);
    return take_down(name, options_.objects, send);
}

bool Writers::take(Task& task, std::uint64_t serial, Effect effect) {
    const Progress before = task.progress;
    const Nanos now = monotonic_now();
    task.is_at_work = false;
    task.last_end = now;
    if (serial != task.serial) return false;  // a newer wish waits, and is due
    task.progress.trouble = std::move(effect.trouble);
    switch (effect.kind) {
        case Effect::Kind::done:
            task.progress.is_done = true;
            task.progress.uid = std::move(effect.uid);
            task.progress.generation = effect.generation;
            task.backoff.reset();
            task.due = task.desired ? now + scattered(options_.recheck_ms) : kNever;
            break;
        case Effect::Kind::again: {
            const Nanos pause = task.backoff.next(random_());
            task.due = now + std::max(pause, effect.after_ms * kMillisecond);
            break;
        }
        case Effect::Kind::refused:
            task.due = now + scattered(options_.refused_ms);
            break;
    }
    return task.progress != before;
}

void Writers::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (;;) {
        const std::string name = next(lock, stop);
        if (name.empty()) return;
        Task& task = tasks_.find(name)->second;
        task.is_at_work = true;
        const std::uint64_t serial = task.serial;
        const std::optional<model::Adapter> desired = task.desired;
        lock.unlock();
        Effect effect = attempt(name, desired, stop);
        const bool is_refused = effect.kind == Effect::Kind::refused;
        lock.lock();
        // Nobody erases a task that somebody is at.
        const bool is_news = take(task, serial, std::move(effect));
        const std::string trouble = task.progress.trouble;
        if (task.is_forgotten) tasks_.erase(name);
        if (!is_news) continue;
        lock.unlock();
        if (is_refused)
            log_warn("the cluster does not take an adapter", {{"adapter", name}, {"why", trouble}});
        if (options_.on_progress) options_.on_progress(name);
        lock.lock();
    }
}

}  // namespace mcpgw::kubernetes
