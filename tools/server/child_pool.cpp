// Who gets which child, and when the next one is started.
#include "tools/server/child_pool.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace mcpgw::server {
namespace {

constexpr std::chrono::seconds kLookPeriod(1);  // for strays that have ended

}  // namespace

ChildPool::ChildPool(ChildPoolOptions options)
    : options_(std::move(options)),
      around_{options_.guard, options_.strays,
              [this] {
                  const std::lock_guard lock(mutex_);
                  changed_.notify_all();
              }},
      keeper_([this] { keep(); }) {}

ChildPool::~ChildPool() {
    stop();
}

void ChildPool::begin_stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

void ChildPool::stop() {
    begin_stop();
    Children children;
    {
        Lock lock(mutex_);
        changed_.wait(lock, [this] { return starting_ == 0; });
        children.swap(children_);
    }
    // All are told first, so that they end side by side.
    for (const auto& child : children)
        child->end();
    for (const auto& child : children)
        child->end_and_wait();
    if (keeper_.joinable()) keeper_.join();
}

std::size_t ChildPool::children() {
    const std::lock_guard lock(mutex_);
    return places_taken();
}

std::size_t ChildPool::waiting() {
    const std::lock_guard lock(mutex_);
    return count(BridgeSession::State::waiting);
}

std::size_t ChildPool::count(BridgeSession::State state) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        children_, [state](const auto& child) { return child->state() == state; }));
}

std::size_t ChildPool::places_taken() const {
    return children_.size() - count(BridgeSession::State::gone) + starting_;
}

Result<std::shared_ptr<BridgeSession>> ChildPool::open(const std::shared_ptr<Session>& session) {
    const auto until = Clock::now() + options_.place_wait;
    Lock lock(mutex_);
    for (;;) {
        if (stopping_) return failure(Code::unavailable, "the server stops");
        if (auto waiting = take_waiting(session)) return waiting;
        if (places_taken() < options_.children_max) return open_new(lock, session);
        const bool moving = starting_ahead_ > 0 || count(BridgeSession::State::ending) > 0;
        if (!moving || changed_.wait_until(lock, until) == std::cv_status::timeout)
            return failure(Code::limit_exceeded, "too many sessions");
    }
}

std::shared_ptr<BridgeSession> ChildPool::take_waiting(const std::shared_ptr<Session>& session) {
    for (const auto& child : children_) {
        if (!child->attach(session)) continue;
        pause_ = std::chrono::milliseconds(limits::bridge_restart_first_ms);
        changed_.notify_all();  // the keeper starts the next
        return child;
    }
    return nullptr;
}

Result<std::shared_ptr<BridgeSession>> ChildPool::open_new(
    Lock& lock, const std::shared_ptr<Session>& session) {
    auto started = start_one(lock);
    if (!started) {
        log_error("the server cannot be started", {{"reason", started.error().detail}});
        return started;
    }
    if (!(*started)->attach(session))
        return failure(Code::unavailable, "the server process ended at once", Side::backend);
    return started;
}

// Without the lock while the program starts. The place is taken meanwhile.
Result<std::shared_ptr<BridgeSession>> ChildPool::start_one(Lock& lock) {
    ++starting_;
    ChildCommand command = options_.command;
    if (!options_.mark.empty()) command.mark = options_.mark + std::to_string(++started_) + ".";
    lock.unlock();
    auto child = std::make_shared<BridgeSession>(around_);
    auto started = child->start(command);
    lock.lock();
    --starting_;
    changed_.notify_all();
    if (!started) return std::unexpected(std::move(started.error()));
    children_.push_back(child);
    return child;
}

void ChildPool::keep() {
    Lock lock(mutex_);
    while (!stopping_) {
        {
            const Children gone = take_gone();
            lock.unlock();
            // Their threads, which have just said so, need the lock no more when they are joined.
        }
        if (options_.strays != nullptr) options_.strays->collect();
        lock.lock();
        if (wants_one_ahead() && Clock::now() >= not_before_) {
            start_ahead(lock);
            continue;
        }
        const auto next = Clock::now() + kLookPeriod;
        changed_.wait_until(lock, wants_one_ahead() ? std::min(next, not_before_) : next);
    }
}

ChildPool::Children ChildPool::take_gone() {
    Children gone;
    for (auto at = children_.begin(); at != children_.end();) {
        const auto child = at++;
        if ((*child)->state() != BridgeSession::State::gone) continue;
        if (!(*child)->used()) back_off();
        gone.splice(gone.end(), children_, child);
    }
    return gone;
}

// One that ended unused counts until it is taken out, which decides when the next may start.
bool ChildPool::wants_one_ahead() const {
    const auto unused = static_cast<std::size_t>(
        std::ranges::count_if(children_, [](const auto& child) { return !child->used(); }));
    return !stopping_ && places_taken() < options_.children_max &&
           unused + starting_ahead_ < options_.waiting_wanted;
}

void ChildPool::start_ahead(Lock& lock) {
    ++starting_ahead_;
    const auto started = start_one(lock);
    --starting_ahead_;
    if (started) return;
    log_error("the server cannot be started ahead", {{"reason", started.error().detail}});
    back_off();
}

// Once for all that end at about the same time.
void ChildPool::back_off() {
    if (options_.waiting_wanted == 0 || Clock::now() < not_before_) return;
    log_warn("a server process ended unused; the next is started after a pause",
             {{"pause_ms", pause_.count()}});
    not_before_ = Clock::now() + pause_;
    pause_ = std::min(2 * pause_, std::chrono::milliseconds(limits::bridge_restart_last_ms));
}

}  // namespace mcpgw::server
