// For ever: observe, compare with what is desired, take one idempotent step, record.
//
// One thread that never waits for a server: deployers answer at once and say when they want to be
// called again, so a server that takes five seconds to stop delays nobody else. Desired state is
// read from the store when somebody calls `wake`; deployers' events and times only repeat the
// comparison. Everyone who must know is told through `on_change`, on this thread, after every step
// that changed something: an adapter's row, or what is known of its instances.
//
// At start the first look at everything comes before `on_settled`: what is published before that
// would declare living sessions dead.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/limits.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/model/adapter.h"
#include "controlplane/reconcile/observation.h"
#include "controlplane/store/store.h"

namespace mcpgw::reconcile {

struct ReconcilerOptions {
    store::Store* store = nullptr;
    Observations* observations = nullptr;
    // Who runs adapters of which source; a source without a deployer is left alone.
    std::map<model::Source, deploy::Deployer*> deployers;
    // `desired` is null when the adapter is gone. Must not call back.
    std::function<void(std::string_view name, const model::Adapter* desired,
                       const std::vector<InstanceStatus>& instances)>
        on_change;
    std::function<void()> on_settled;  // once
    // Why no instance of the adapter may be used, in words, however well it is; empty: it may. The
    // reconciler's thread asks at each step. May be null.
    std::function<std::string(const model::Adapter&)> obstacle;
    // Names that are still being resolved then are published as they are.
    std::uint32_t settle_ms_max = 3'000;
};

class Reconciler {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Reconciler>> open(ReconcilerOptions options);
    Reconciler(const Reconciler&) = delete;
    Reconciler& operator=(const Reconciler&) = delete;
    ~Reconciler();  // stops

    void start();
    // Servers live on: stopping them is the business of their lifeline, or of the next one.
    void stop();

    // Any thread: the row of this adapter was created, changed or removed.
    void wake(std::string_view name);
    // Any thread: traffic met a failure of this adapter.
    void probe(std::string_view name);
    // Any thread: what `obstacle` says, or what of its request headers is secret, may have changed
    // for every adapter that names a secret.
    void secrets_changed();
    // Any thread: no data plane has anything on this draining instance any more.
    void drained(std::string_view name, std::uint64_t instance);
    // Any thread: the logs of an instance, from whoever runs it (deployer.h).
    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                                const deploy::LogSink& sink) const;

  private:
    struct Known {
        std::optional<model::Adapter> desired;
        bool stale = true;             // the row must be read (again)
        bool settled = false;          // its deployer had a first look
        std::uint64_t generation = 0;  // of the entry in due_ that counts
    };
    struct Requests {
        std::set<std::string, std::less<>> reload;
        std::set<std::string, std::less<>> probe;
        std::set<std::pair<std::string, std::uint64_t>> drained;
        bool secrets = false;
    };

    explicit Reconciler(ReconcilerOptions options) : options_(std::move(options)) {}
    void run();
    [[nodiscard]] bool load_all();
    void wait();
    void take_requests();
    void take_events();
    void take_due();
    // Reads the row if it is stale; says whether it changed.
    bool reload(const std::string& name, Known& known);
    void step(const std::string& name);
    // No data plane sends anything to a tool, so none would say that a drain is over. Says whether
    // an instance has begun to end.
    [[nodiscard]] bool end_drains_of_tool(const model::Adapter& tool) const;
    [[nodiscard]] deploy::Step step_deployers(const std::string& name, const Known& known) const;
    [[nodiscard]] std::vector<InstanceStatus> observe(const std::string& name,
                                                      const Known& known) const;
    void judge(const std::string& name, const Known& known, const deploy::Step& taken) const;
    // When the store is to be asked again after it could not be read, and that it could.
    [[nodiscard]] Nanos store_retry_at();
    void note_store_reads();
    void schedule(const std::string& name, Nanos at);
    void settle();
    void request(std::set<std::string, std::less<>> Requests::* kind, std::string_view name);
    void rouse() const;

    const ReconcilerOptions options_;
    deploy::Descriptor epoll_;
    deploy::Descriptor event_;
    std::thread thread_;
    std::atomic<bool> stopping_ = false;

    std::mutex mutex_;  // guards requests_
    Requests requests_;

    // The thread's own.
    std::map<std::string, Known, std::less<>> known_;
    std::multimap<Nanos, std::pair<std::string, std::uint64_t>> due_;
    bool settled_ = false;
    Nanos settle_at_ = kNever;
    deploy::Backoff store_backoff_{limits::store_retry_first_ms, limits::store_retry_last_ms};
    Nanos store_retry_at_ = 0;
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace mcpgw::reconcile
