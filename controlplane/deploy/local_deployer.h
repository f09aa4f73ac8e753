// What the deployers of this machine (processes, systemd) have in common: which instances there
// should be, and in which order they are replaced.
//
// Owned by the reconciler's thread. Invariant: of each ordinal below the number of replicas there
// is one instance, while one is replaced two. Starting and ending one is its own business
// (local_instance.h), and what keeps it running that of the classes derived from it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/local_instance.h"
#include "controlplane/deploy/local_site.h"

namespace mcpgw::deploy {

// Instances are NAME-0 ... NAME-(replicas-1), each with a directory below the site's root. When the
// definition changes, an instance that does not answer is stopped and started as it is wanted now.
// One that answers stays until its successor answers, too: the successor has the same name, a
// directory of the next generation (local_site.h) and a port of its own.
//
//   old  ready -------------------> draining --> stopping --> gone, with its directory
//   new          starting --> ready ------------------------------------------------->
//
// There is at most one successor too many at a time, and the next one only begins when every
// ordinal has one instance and that is ready. So a definition that never answers leaves the old one
// in place; one that comes meanwhile takes the place of the successor, and one that comes back
// finds its instance. Which instance is which is not written down: it follows from the definition
// that each was started with, so whoever adopts two generations goes on from there.
//
// Draining instances, also those that are too many, keep the sessions they have until nobody uses
// them any more (note_drained) or the time is over. What is removed is stopped at once.
class LocalDeployer : public Deployer {
  public:
    [[nodiscard]] std::vector<std::string> adapters() const override;
    [[nodiscard]] std::vector<InstanceStatus> observe(std::string_view adapter) const override;
    Step apply(const model::Adapter& desired) override;
    Step remove(std::string_view adapter) override;
    void probe_now(std::string_view adapter) override;
    void note_drained(std::string_view adapter, std::uint64_t instance) override;
    [[nodiscard]] int wait_fd() const override { return site_.epoll_fd(); }
    [[nodiscard]] std::vector<std::string> take_events() override;

  protected:
    explicit LocalDeployer(LocalSite site) : site_(std::move(site)) {}

    [[nodiscard]] virtual std::unique_ptr<LocalInstance> make_instance(const std::string& adapter,
                                                                       Place place) = 0;
    [[nodiscard]] virtual ServerSpec spec(const model::Adapter& adapter) const;
    // The deployer's own descriptors (serial 0): adds the adapters concerned to the names.
    virtual void take_own_event(std::vector<std::string>& /*names*/) {}
    // After every step: an adapter may be gone.
    virtual void note_step() {}

    // Makes every instance that has a directory adopt what runs of it.
    void adopt_directories();
    void adopt_instance(const std::string& adapter, Place place);
    // For the destructors of those who have what instances need.
    void drop_instances();
    [[nodiscard]] bool is_empty() const { return groups_.empty(); }
    [[nodiscard]] LocalSite& site() { return site_; }
    // not_found if neither the adapter has the instance nor anything is left of it. Any thread.
    [[nodiscard]] Result<> check_instance(const model::Adapter& adapter,
                                          std::uint32_t ordinal) const;

  private:
    using Instances = std::map<Place, std::unique_ptr<LocalInstance>>;
    struct Group {
        Instances instances;
        std::string spec_hash;  // the present definition, empty until the first apply()
    };
    // What one step of an adapter has to go by.
    struct Wish {
        const model::Adapter& adapter;
        ServerSpec spec;
        ProbeRules rules = {};
        Nanos now = 0;
        int starts_left = 0;
        bool may_double = false;  // one more successor may begin
        Nanos again_at = kNever;
    };
    enum class Pace : std::uint8_t { at_once, drained };

    LocalInstance& instance(const std::string& adapter, Group& group, Place place);
    // Ends an instance; true once it is gone with its files.
    bool take_away(Group& group, Place place, Pace pace, Nanos now);
    bool delete_remains(Group& group, Place place);
    void step_ordinal(Group& group, std::uint32_t ordinal, Wish& wish);
    LocalInstance* find_seat(Group& group, std::uint32_t ordinal, Wish& wish);
    void step_others(Group& group, std::uint32_t ordinal, LocalInstance* seat, Wish& wish);

    LocalSite site_;
    std::map<std::string, Group, std::less<>> groups_;
    std::unordered_map<std::uint64_t, LocalInstance*> by_serial_;
};

}  // namespace mcpgw::deploy
