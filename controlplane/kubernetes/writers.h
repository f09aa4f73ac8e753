// A few threads that make the cluster as it is wished, adapter by adapter.
//
//            want: a new wish replaces the old one at any moment
//              v
//   waiting --due, leader, nobody at it--> at work --done--> settled --recheck, or its time--+
//      ^                                     |                                               |
//      +----------- pause (doubling) --------+<----------------------------------------------+
//
// At most one thread is at work on an adapter, so that an older wish never overtakes a newer one.
// Only a leader writes; what others wish waits until they lead. Owner: the deployer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/kubernetes/changes.h"

namespace mcpgw::kubernetes {

struct WriterOptions {
    ObjectOptions objects;
    // Blocks; ends soon when it is told to stop.
    std::function<Outcome(const Call&, const std::stop_token&)> send;
    std::function<bool()> is_leader;
    // On a writer's thread, whenever progress() of the adapter has changed.
    std::function<void(const std::string& adapter)> on_progress;
    std::size_t threads = limits::kubernetes_writers;
    std::uint32_t retry_first_ms = limits::kubernetes_retry_first_ms;
    std::uint32_t retry_last_ms = limits::kubernetes_retry_last_ms;
    std::uint32_t refused_ms = limits::kubernetes_refused_ms;
    std::uint32_t recheck_ms = limits::kubernetes_recheck_ms;
    std::uint32_t repair_ms = limits::kubernetes_repair_ms;
};

struct Progress {
    bool is_done = false;  // the newest wish has been fulfilled once
    std::string trouble;   // of the last attempt, for people
    std::string uid;       // of the StatefulSet, after the last apply
    std::uint64_t generation = 0;
    bool operator==(const Progress&) const = default;
};

class Writers {
  public:
    explicit Writers(WriterOptions options);
    Writers(const Writers&) = delete;
    Writers& operator=(const Writers&) = delete;
    ~Writers();  // stops

    // Waits for the calls that are being made, which are told to stop. Nothing is written after it.
    void stop();

    // Any thread, all of them. Nothing shall be left, if `desired` is empty: then its progress is
    // kept until forget().
    void want(std::string_view adapter, std::optional<model::Adapter> desired);
    void forget(std::string_view adapter);
    // The cluster is not as it was left: look again, soon.
    void recheck(std::string_view adapter);
    // This process may have become the leader: everything is looked at again.
    void recheck_all();
    [[nodiscard]] Progress progress(std::string_view adapter) const;

  private:
    struct Task {
        std::optional<model::Adapter> desired;
        std::uint64_t serial = 0;  // of the wish
        bool is_at_work = false;
        bool is_forgotten = false;  // once nobody is at it
        Nanos due = 0;
        Nanos last_end = 0;
        deploy::Backoff backoff{limits::kubernetes_retry_first_ms,
                                limits::kubernetes_retry_last_ms};
        Progress progress;
    };

    void run(const std::stop_token& stop);
    // The name of an adapter that is due, and nobody is at; waits for one. Empty: stop.
    [[nodiscard]] std::string next(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
    [[nodiscard]] Effect attempt(const std::string& name,
                                 const std::optional<model::Adapter>& desired,
                                 const std::stop_token& stop) const;
    // Says whether the progress has changed.
    bool take(Task& task, std::uint64_t serial, Effect effect);
    [[nodiscard]] Nanos scattered(std::uint32_t milliseconds);

    const WriterOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, Task, std::less<>> tasks_;
    std::uint64_t last_serial_ = 0;
    std::mt19937_64 random_;
    std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace mcpgw::kubernetes
