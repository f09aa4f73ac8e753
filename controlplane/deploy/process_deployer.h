// Runs `command` adapters as processes of this machine, each under a shim of its own.
//
// Servers survive this object and this process: opening a deployer on the same data directory
// adopts them, with their uids, ports and sessions. One control plane per data directory (main.cpp
// sees to that). Which of them there are and when they are replaced: local_deployer.h.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "controlplane/deploy/local_deployer.h"

namespace mcpgw::deploy {

class ProcessDeployer final : public LocalDeployer {
  public:
    // Adopts what lives in the data directory; may take up to a tenth of a second for a server that
    // does not answer.
    [[nodiscard]] static Result<std::unique_ptr<ProcessDeployer>> open(LocalOptions options);

    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const LogQuery& query,
                                const LogSink& sink) override;

  protected:
    [[nodiscard]] std::unique_ptr<LocalInstance> make_instance(const std::string& adapter,
                                                               Place place) override;

  private:
    explicit ProcessDeployer(LocalSite site) : LocalDeployer(std::move(site)) {}
};

}  // namespace mcpgw::deploy
