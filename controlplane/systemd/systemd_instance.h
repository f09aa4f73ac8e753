// A local server as a transient service unit of systemd.
//
// Invariant: whenever it is not idle, it names one unit that Units knows. Every start makes a unit
// of another name, so that an old one is never mistaken for it. When the server ends by itself,
// systemd waits before it starts it again (systemd_restart_ms); a control plane that lives takes
// the unit away in that time and starts a new one after its own back-off, which is shorter at
// first. So servers come back even without a control plane. Everything else about the lives of an
// instance is in local_instance.h.
//
// Its directory holds `environment` (the variables of the server) and `unit` (the name of the
// newest unit, for those who read logs). What a server keeps belongs to the name, so all
// generations of an ordinal share it: home-ORDINAL beside the directories, unless the system's
// manager has a place.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/deploy/local_instance.h"
#include "controlplane/systemd/removal.h"
#include "controlplane/systemd/systemd_site.h"

namespace mcpgw::systemd {

class SystemdInstance final : public deploy::LocalInstance {
  public:
    SystemdInstance(deploy::LocalSite& local, SystemdSite& systemd, std::string adapter,
                    deploy::Place place)
        : LocalInstance(local, std::move(adapter), place), systemd_(systemd) {}

    void adopt(Nanos now) override;
    [[nodiscard]] bool delete_remains(const LocalInstance* heir) override;
    [[nodiscard]] bool may_start() const override {
        return removal_ == nullptr || removal_->is_done();
    }

  protected:
    [[nodiscard]] Result<> begin(const deploy::ServerSpec& spec,
                                 const std::map<std::string, std::string>& variables) override;
    void ask_to_end() override;
    void force_end() override;
    void take_notes(Nanos now) override;
    [[nodiscard]] Nanos keeper_due_at() const override;

  private:
    [[nodiscard]] Result<> write_environment(const deploy::ServerSpec& spec) const;
    [[nodiscard]] UnitPlan plan(const deploy::ServerSpec& spec, std::string program) const;
    [[nodiscard]] Marks marks() const;
    [[nodiscard]] std::string home() const;
    void take_over(const Marks& marks, Nanos now);
    void look_at(const Unit& unit, Nanos now);
    void end(std::string what, Nanos now);

    SystemdSite& systemd_;
    std::string unit_;     // empty in idle
    std::string program_;  // what the unit runs, for people
    std::string uid_of_start_;
    std::uint32_t seen_restarts_ = 0;  // by systemd itself
    std::uint64_t asked_to_end_ = 0;   // Units::lists() then
    std::unique_ptr<Removal> removal_;
    Nanos removal_look_at_ = kNever;
};

}  // namespace mcpgw::systemd
