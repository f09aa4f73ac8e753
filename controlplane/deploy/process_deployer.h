// Runs `command` adapters as processes of this machine, each under a shim of its own.
//
// Instances are NAME-0 ... NAME-(replicas-1). They survive this object and this process: opening a
// deployer on the same data directory adopts them, with their uids, ports and sessions. One control
// plane per data directory (main.cpp sees to that).
//
// A changed definition is rolled out one instance after another: an instance that does not answer
// is replaced at once, one that does only when every replaced one answers. One that answers is
// drained first, as are those that are too many: they keep the sessions they have until nobody uses
// them any more (note_drained) or the time is over. What is removed is stopped at once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/process_instance.h"
#include "controlplane/deploy/process_site.h"

namespace mcpgw::deploy {

class ProcessDeployer final : public Deployer {
  public:
    // Adopts what lives in the data directory; may take up to a tenth of a second for a server that
    // does not answer.
    [[nodiscard]] static Result<std::unique_ptr<ProcessDeployer>> open(ProcessOptions options);

    [[nodiscard]] std::vector<std::string> adapters() const override;
    [[nodiscard]] std::vector<InstanceStatus> observe(std::string_view adapter) const override;
    Step apply(const model::Adapter& desired) override;
    Step remove(std::string_view adapter) override;
    void probe_now(std::string_view adapter) override;
    void note_drained(std::string_view adapter, std::uint64_t instance) override;
    [[nodiscard]] int wait_fd() const override { return site_.epoll_fd(); }
    [[nodiscard]] std::vector<std::string> take_events() override;
    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const LogQuery& query,
                                const LogSink& sink) override;

  private:
    using Instance = std::unique_ptr<ProcessInstance>;
    struct Group {
        std::map<std::uint32_t, Instance> by_ordinal;
        std::string spec_hash;  // the present definition, empty until the first apply()
    };

    explicit ProcessDeployer(ProcessSite site) : site_(std::move(site)) {}
    void adopt_all();
    ProcessInstance& instance(const std::string& adapter, Group& group, std::uint32_t ordinal);
    enum class Pace : std::uint8_t { at_once, drained };
    // Ends an instance; true once it is gone with its files.
    bool take_away(Group& group, std::uint32_t ordinal, Pace pace, Nanos now);
    void step_wanted(Group& group, const model::Adapter& desired, Nanos now);
    static void replace_outdated(Group& group, const model::Adapter& desired,
                                 const ServerSpec& spec, Nanos now);
    [[nodiscard]] static Nanos due_at(const Group& group);

    ProcessSite site_;
    std::map<std::string, Group, std::less<>> groups_;
    std::unordered_map<std::uint64_t, ProcessInstance*> by_serial_;
};

// How the server of a `command` adapter is run; `bin_dir` is where mcp-gateway (bridge) is.
[[nodiscard]] ServerSpec spec_of(const model::Adapter& adapter, const std::string& bin_dir);

}  // namespace mcpgw::deploy
