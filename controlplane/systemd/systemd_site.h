// What the servers of one systemd deployer have in common: which systemd, which gateway, its units,
// and the lifeline.
//
// Owned by SystemdDeployer, used by its instances on the reconciler's thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/deploy/local_site.h"
#include "controlplane/systemd/units.h"

namespace mcpgw::systemd {

class SystemdSite {
  public:
    // `local` outlives it.
    SystemdSite(const deploy::LocalSite& local, Scope scope, std::string gateway,
                std::uint32_t restart_ms);

    [[nodiscard]] Units& units() { return units_; }
    [[nodiscard]] const Units& units() const { return units_; }
    [[nodiscard]] Scope scope() const { return scope_; }
    [[nodiscard]] Sandbox sandbox() const { return sandbox_; }
    [[nodiscard]] const std::string& gateway() const { return gateway_; }
    [[nodiscard]] std::uint32_t restart_ms() const { return restart_ms_; }

    // The unit that ends with the lifeline, empty if there is no lifeline. It is started unless it
    // is there; so is the slice, which is bound to it.
    [[nodiscard]] const std::string& lifeline() const { return lifeline_; }
    void ensure_lifeline();
    void ensure_slice();

    // What was found running, until its instance takes it.
    void add_found(Marks marks);
    [[nodiscard]] std::vector<Marks> take_found(const std::string& adapter, deploy::Place place);
    // Something that no instance has taken yet.
    [[nodiscard]] const Marks* any_found() const;

  private:
    [[nodiscard]] bool lacks(const std::string& unit);

    const deploy::LocalSite& local_;
    const Scope scope_;
    const Sandbox sandbox_;
    const std::string gateway_;
    const std::string lifeline_;
    const std::uint32_t restart_ms_;
    Units units_;
    bool has_bound_slice_ = false;  // by this object
    std::map<std::pair<std::string, deploy::Place>, std::vector<Marks>> found_;
};

// The id of the gateway to which the data directory belongs; made at the first time.
[[nodiscard]] Result<std::string> gateway_id(const std::string& data_dir, std::uint64_t random);

}  // namespace mcpgw::systemd
