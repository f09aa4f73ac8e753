// What the deployers of this machine (processes, systemd) have in common: which instances there
// should be, and in which order they are replaced.
//
// Instances are NAME-0 ... NAME-(replicas-1), each with a directory below the site's root. A
// changed definition is rolled out one instance after another: an instance that does not answer is
// replaced at once, one that does only when every replaced one answers. One that answers is drained
// first, as are those that are too many: they keep the sessions they have until nobody uses them
// any more (note_drained) or the time is over. What is removed is stopped at once.
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
                                                                       std::uint32_t ordinal) = 0;
    [[nodiscard]] virtual ServerSpec spec(const model::Adapter& adapter) const;
    // The deployer's own descriptors (serial 0): adds the adapters concerned to the names.
    virtual void take_own_event(std::vector<std::string>& /*names*/) {}
    // After every step: an adapter may be gone.
    virtual void note_step() {}

    // Makes every instance that has a directory adopt what runs of it.
    void adopt_directories();
    void adopt_instance(const std::string& adapter, std::uint32_t ordinal);
    // For the destructors of those who have what instances need.
    void drop_instances();
    [[nodiscard]] bool is_empty() const { return groups_.empty(); }
    [[nodiscard]] LocalSite& site() { return site_; }
    // not_found if neither the adapter has the instance nor anything is left of it. Any thread.
    [[nodiscard]] Result<> check_instance(const model::Adapter& adapter,
                                          std::uint32_t ordinal) const;

  private:
    using Instance = std::unique_ptr<LocalInstance>;
    struct Group {
        std::map<std::uint32_t, Instance> by_ordinal;
        std::string spec_hash;  // the present definition, empty until the first apply()
    };

    LocalInstance& instance(const std::string& adapter, Group& group, std::uint32_t ordinal);
    enum class Pace : std::uint8_t { at_once, drained };
    // Ends an instance; true once it is gone with its files.
    bool take_away(Group& group, std::uint32_t ordinal, Pace pace, Nanos now);
    void step_wanted(Group& group, const model::Adapter& desired, Nanos now);
    static void replace_outdated(Group& group, const model::Adapter& desired,
                                 const ServerSpec& spec, Nanos now);
    [[nodiscard]] static Nanos due_at(const Group& group);

    LocalSite site_;
    std::map<std::string, Group, std::less<>> groups_;
    std::unordered_map<std::uint64_t, LocalInstance*> by_serial_;
};

}  // namespace mcpgw::deploy
