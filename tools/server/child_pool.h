// The children of a bridge: at most so many, some of them started ahead.
//
// A session takes the child that waits longest, or has one started; a thread of the pool starts the
// next ahead, and lets go of those that are gone. A child started ahead that ends unused is
// replaced after a while that doubles each time, and begins anew when one is used. When all places
// are taken, a session waits for the place of a child that is ending, but not for one that serves.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/limits.h"
#include "common/result.h"
#include "tools/server/bridge_session.h"

namespace mcpgw::server {

struct ChildPoolOptions {
    ChildCommand command;
    std::string mark;  // of the bridge; each child's is this, its number and a dot
    std::size_t children_max = limits::bridge_sessions_default;
    std::size_t waiting_wanted = 0;
    std::chrono::milliseconds place_wait{limits::bridge_place_wait_ms};
    ProcessGuard* guard = nullptr;  // both may be null, and must outlive the pool
    Strays* strays = nullptr;
};

class ChildPool {
  public:
    explicit ChildPool(ChildPoolOptions options);
    ~ChildPool();  // stops
    ChildPool(const ChildPool&) = delete;
    ChildPool& operator=(const ChildPool&) = delete;

    // A child for the session. Errors: limit_exceeded, or why the program does not start.
    [[nodiscard]] Result<std::shared_ptr<BridgeSession>> open(
        const std::shared_ptr<Session>& session);
    // From now on nothing is started, and who waits for a place is refused.
    void begin_stop();
    // Ends all and returns when the last is gone. Idempotent.
    void stop();

    // Those that are not gone yet.
    [[nodiscard]] std::size_t children();
    [[nodiscard]] std::size_t waiting();

  private:
    using Children = std::list<std::shared_ptr<BridgeSession>>;
    using Lock = std::unique_lock<std::mutex>;
    using Clock = std::chrono::steady_clock;

    std::shared_ptr<BridgeSession> take_waiting(const std::shared_ptr<Session>& session);
    [[nodiscard]] Result<std::shared_ptr<BridgeSession>> open_new(
        Lock& lock, const std::shared_ptr<Session>& session);
    [[nodiscard]] Result<std::shared_ptr<BridgeSession>> start_one(Lock& lock);
    void keep();
    Children take_gone();
    void start_ahead(Lock& lock);
    void back_off();
    [[nodiscard]] std::size_t count(BridgeSession::State state) const;
    [[nodiscard]] std::size_t places_taken() const;
    [[nodiscard]] bool wants_one_ahead() const;

    const ChildPoolOptions options_;
    const ChildSurroundings around_;
    std::mutex mutex_;  // all of these private functions are called with it held
    std::condition_variable changed_;
    Children children_;  // oldest first
    std::size_t starting_ = 0;
    std::size_t starting_ahead_ = 0;
    std::uint64_t started_ = 0;
    std::chrono::milliseconds pause_{limits::bridge_restart_first_ms};
    Clock::time_point not_before_;  // the next start ahead
    bool stopping_ = false;
    std::thread keeper_;
};

}  // namespace mcpgw::server
