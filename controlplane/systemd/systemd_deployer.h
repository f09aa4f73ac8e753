// Runs `command` adapters as transient service units of systemd, the system's or the user's.
//
// Servers survive this object and this process: opening a deployer on the same data directory
// adopts their units. Which instances there are and when they are replaced: local_deployer.h. Units
// carry the id of the data directory, and no other unit is ever touched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/limits.h"
#include "controlplane/deploy/local_deployer.h"
#include "controlplane/systemd/systemd_site.h"

namespace mcpgw::systemd {

struct SystemdOptions {
    deploy::LocalOptions local;
    Scope scope = Scope::user;
    // After so long systemd starts a server again if no control plane has.
    std::uint32_t restart_ms = limits::systemd_restart_ms;
};

// "system", "user", or "auto": the system's for root. Nothing else comes here (options.h).
[[nodiscard]] Scope scope_of(const std::string& name);

class SystemdDeployer final : public deploy::LocalDeployer {
  public:
    // Waits for the first list of units. unavailable: there is no systemd to talk to; the sentence
    // says what to do.
    [[nodiscard]] static Result<std::unique_ptr<SystemdDeployer>> open(SystemdOptions options);
    ~SystemdDeployer() override { drop_instances(); }

    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                                const deploy::LogSink& sink) override;

  protected:
    [[nodiscard]] std::unique_ptr<deploy::LocalInstance> make_instance(
        const std::string& adapter, deploy::Place place) override;
    [[nodiscard]] deploy::ServerSpec spec(const model::Adapter& adapter) const override;
    void take_own_event(std::vector<std::string>& names) override;
    void note_step() override;

  private:
    SystemdDeployer(deploy::LocalSite site, const SystemdOptions& options, std::string gateway)
        : LocalDeployer(std::move(site)),
          systemd_(this->site(), options.scope, std::move(gateway), options.restart_ms) {}
    [[nodiscard]] Result<> adopt_all();

    SystemdSite systemd_;
    bool is_open_ = false;  // the first list is complete
    bool has_run_ = false;  // something is, or was, in the slice
};

}  // namespace mcpgw::systemd
