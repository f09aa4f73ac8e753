// The log of one instance, for people.
//
// While following, a stream that ends is asked for again: after a restart of the container or of
// the pod the log goes on with the new one, until the instance is removed or the reader leaves.
// Any thread; blocks as long as the reader wants.
#pragma once

#include "common/result.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/cluster_cache.h"
#include "controlplane/kubernetes/objects.h"

namespace mcpgw::kubernetes {

class PodLogs {
  public:
    // All of them outlive this.
    PodLogs(ApiClient& client, const ClusterCache& cache, const ObjectOptions& options)
        : client_(client), cache_(cache), options_(options) {}

    // As Deployer::logs.
    [[nodiscard]] Result<> read(const model::Adapter& adapter, const deploy::LogQuery& query,
                                const deploy::LogSink& sink) const;

  private:
    struct Reading;
    [[nodiscard]] bool exists(const Reading& reading) const;
    [[nodiscard]] std::string absence_line(const Reading& reading) const;
    [[nodiscard]] Outcome ask(Reading& reading) const;
    [[nodiscard]] Result<> explain(Reading& reading, const Outcome& outcome) const;
    [[nodiscard]] Result<> follow(Reading& reading) const;

    ApiClient& client_;
    const ClusterCache& cache_;
    const ObjectOptions& options_;
};

}  // namespace mcpgw::kubernetes
