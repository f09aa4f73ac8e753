// Ends sessions that nobody uses any more, and those whose instance is gone: the one who sweeps the
// session table, beside the workers. Tells the control plane which draining instances have nothing
// to do any more.
//
//   every janitor_interval_ms: a part of the table ──due──▶ end() ─▶ EndedSessions
//                                                                  ─▶ FarewellMail ─▶ a worker
//   end(handle), any thread ───────────────────────────────▲         (DELETE to the server)
//                       the draining instances ──idle──▶ InstanceEvent::drained ─▶ the link
//
// A plain thread that reads the route table as the workers do. Nobody waits for it: the table is
// lock-free, and the mutex here is between this thread and who ends a session by hand.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "dataplane/limit/limiter.h"
#include "dataplane/link/event_queue.h"
#include "dataplane/route/instance_index.h"
#include "dataplane/route/publication.h"
#include "dataplane/session/shared_sessions.h"

namespace mcpgw::worker {

class Janitor {
  public:
    // Called when there is mail for a worker.
    using WakeWorker = void (*)(void* context);
    // What others do with its findings; either may be nullptr, and outlives the janitor.
    struct Outlets {
        EventQueue* events = nullptr;
        WakeWorker wake = nullptr;
        void* wake_context = nullptr;
    };

    // Both outlive the janitor.
    Janitor(SharedSessions& sessions, Publication& publication, Outlets outlets);
    Janitor(const Janitor&) = delete;
    Janitor& operator=(const Janitor&) = delete;
    ~Janitor();  // stops

    // Before start(): whose counters it sweeps. Outlives the janitor.
    void sweep_counters(limit::Limiter& limiter) { limiter_ = &limiter; }
    void start();
    void stop();

    // Any thread: ends a session as if it had expired. False if it is not live.
    bool end(SessionHandle session);
    // Any thread, for /metrics.
    [[nodiscard]] std::uint64_t expired(ExpiryReason reason) const {
        return expired_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
    }

    // One look at the next part of the session table and at all draining instances. Called by the
    // thread; by nobody else while it runs.
    void look(Nanos now);

  private:
    struct Drain {
        InstanceIndex::Place place;
        Nanos tell_at;  // not before
    };

    void run();
    void follow(const RouteTable& table);
    [[nodiscard]] bool is_gone(const SessionKey& key) const;
    void expire(SessionHandle session, ExpiryReason reason);
    void let_go(SessionHandle session);
    void finish(SessionHandle session);
    void tell_drained(const RouteTable& table, Nanos now);
    [[nodiscard]] bool has_nothing(const InstanceIndex::Place& place, Nanos now) const;

    SharedSessions& sessions_;
    Publication& publication_;
    const Outlets outlets_;
    limit::Limiter* limiter_ = nullptr;

    bool has_mail_ = false;
    bool is_shared_ = false;   // of the table that is announced during a look
    Nanos began_at_ = kNever;  // the first look
    InstanceIndex places_;     // of the table that is announced during a look
    // The draining ones among them.
    std::unordered_map<std::uint64_t, Drain> draining_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<SessionHandle> ended_by_hand_;
    bool stopping_ = false;
    std::array<std::atomic<std::uint64_t>, 3> expired_{};
    std::thread thread_;
};

}  // namespace mcpgw::worker
