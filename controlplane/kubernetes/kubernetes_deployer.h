// Runs image adapters on a Kubernetes cluster: a StatefulSet and a Service for each.
//
//   reconciler -- apply, remove --> writers --+
//        ^                                     \--> ApiClient --> API server
//        +-- observe -- ClusterCache <-- watchers --/      \-- election
//
// Nothing here waits for the API server: `apply` and `remove` leave a wish with the writers, and
// `observe` tells what the watches have brought. While the API server is away the instances that
// were known stay in force, and each says since when there is no news. Several gateways may share a
// namespace: only the leader writes, all observe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/kubernetes/access.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/cluster_cache.h"
#include "controlplane/kubernetes/lease.h"
#include "controlplane/kubernetes/objects.h"
#include "controlplane/kubernetes/pod_logs.h"
#include "controlplane/kubernetes/watcher.h"
#include "controlplane/kubernetes/writers.h"

namespace mcpgw::kubernetes {

struct KubernetesOptions {
    Access access;
    ObjectOptions objects;
    std::string lease = "mcp-gateway";
};

class KubernetesDeployer final : public deploy::Deployer {
  public:
    // Does not connect; the watches and the election begin at once.
    [[nodiscard]] static Result<std::unique_ptr<KubernetesDeployer>> open(
        KubernetesOptions options);
    ~KubernetesDeployer() override;

    [[nodiscard]] std::vector<std::string> adapters() const override;
    [[nodiscard]] std::vector<deploy::InstanceStatus> observe(
        std::string_view adapter) const override;
    [[nodiscard]] deploy::Trouble trouble(std::string_view adapter) const override;
    deploy::Step apply(const model::Adapter& desired) override;
    deploy::Step remove(std::string_view adapter) override;
    // The cluster probes, and the data plane leaves out what fails.
    void probe_now(std::string_view) override {}
    // Another gateway may still use it: a pod drains for its whole time.
    void note_drained(std::string_view, std::uint64_t) override {}
    [[nodiscard]] int wait_fd() const override { return event_.get(); }
    [[nodiscard]] std::vector<std::string> take_events() override;
    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                                const deploy::LogSink& sink) override;

    // Any thread; asks the API server, for limits::kubernetes_name_check_ms at most. Why an adapter
    // of this name cannot be made, because the cluster has objects of that name that are not ours.
    [[nodiscard]] std::optional<std::string> name_obstacle(std::string_view adapter) const;

  private:
    // What is wanted, and what was told to the writers. The reconciler's thread alone.
    struct Wish {
        std::optional<model::Adapter> desired;  // nothing: shall be removed
        std::string definition;                 // of what the writers were told
        std::string seen_uid;  // of the StatefulSet that was removed or applied, once seen
    };

    explicit KubernetesDeployer(KubernetesOptions options, std::unique_ptr<ApiClient> client,
                                deploy::Descriptor event);
    void start();
    void watch(Watched kind, WatchOptions options);
    void notify() const;
    void repair(const std::string& name, Wish& wish, const Progress& progress,
                const SeenAdapter& seen);

    const KubernetesOptions options_;
    const std::unique_ptr<ApiClient> client_;
    const deploy::Descriptor event_;
    ClusterCache cache_;
    PodLogs logs_;
    std::map<std::string, Wish, std::less<>> wishes_;
    std::atomic<const Leader*> leader_seen_ = nullptr;  // by the threads of what follows
    // In the order in which they are started; they end the other way round.
    std::unique_ptr<Writers> writers_;
    std::unique_ptr<Leader> leader_;
    std::vector<std::unique_ptr<Watcher>> watchers_;
};

}  // namespace mcpgw::kubernetes
