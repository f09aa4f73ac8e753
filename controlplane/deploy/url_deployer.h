// "Deploys" servers that already run: finds out where a URL is and whether anybody answers there.
//
// One instance NAME-0 per adapter whose uid is the URL, so that gateways which share sealing keys
// agree on it. Names are resolved here, again and again, because the data plane asks no DNS; an
// address that was found once stays in force while the resolver fails. All addresses of a name are
// tried in order (localhost is ::1 and 127.0.0.1, the server listens on one of them).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/limits.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/resolver.h"
#include "controlplane/deploy/tcp_probe.h"

namespace mcpgw::deploy {

struct UrlOptions {
    std::uint32_t probe_interval_ms = limits::probe_interval_ms;
    std::uint32_t probe_timeout_ms = limits::probe_timeout_ms;
    std::uint32_t resolve_interval_ms = limits::resolve_interval_ms;
    std::uint32_t unhealthy_after =
        limits::probe_failures_max;  // rounds over all addresses without an answer
};

class UrlDeployer final : public Deployer {
  public:
    [[nodiscard]] static Result<std::unique_ptr<UrlDeployer>> open(UrlOptions options);

    [[nodiscard]] std::vector<std::string> adapters() const override;
    [[nodiscard]] std::vector<InstanceStatus> observe(std::string_view adapter) const override;
    Step apply(const model::Adapter& desired) override;
    Step remove(std::string_view adapter) override;
    void probe_now(std::string_view adapter) override;
    // Nothing drains here: servers that are left are not stopped.
    void note_drained(std::string_view, std::uint64_t) override {}
    [[nodiscard]] int wait_fd() const override { return epoll_.get(); }
    [[nodiscard]] std::vector<std::string> take_events() override;
    [[nodiscard]] Result<> logs(const model::Adapter& adapter, const LogQuery& query,
                                const LogSink& sink) override;

  private:
    //  unknown --no address, or nobody answers--> unreachable <--> ready
    //      \--------------------answers--------------------------/
    enum class State : std::uint8_t { unknown, unreachable, ready };

    struct Target {
        std::string name;
        std::string url;
        model::Endpoint endpoint;
        std::uint64_t serial = 0;
        std::vector<std::string> addresses;
        std::size_t trying = 0;  // index of the address that is probed
        std::string address;     // in force, empty while none is known
        State state = State::unknown;
        std::string reason = "starting";
        std::uint64_t since_unix_ms = 0;
        std::uint32_t failed_rounds = 0;
        TcpProbe probe;
        Nanos probe_at = kNever;
        Nanos resolve_at = 0;
    };

    UrlDeployer(UrlOptions options, Descriptor epoll, Resolver resolver)
        : options_(options), epoll_(std::move(epoll)), resolver_(std::move(resolver)) {}
    void set_up(Target& target, const model::Adapter& desired);
    void tick(Target& target, Nanos now);
    void take_resolution(Target& target, const Resolution& resolution, Nanos now);
    void begin_probe(Target& target, Nanos now);
    void finish_probe(Target& target, ProbeOutcome outcome, Nanos now);
    void enter(Target& target, State state, std::string reason) const;

    const UrlOptions options_;
    Descriptor epoll_;
    Resolver resolver_;
    std::map<std::string, Target, std::less<>> targets_;
    std::unordered_map<std::uint64_t, std::string> by_serial_;
    std::uint64_t last_serial_ = 0;  // 0 is the key of the resolver's events
};

}  // namespace mcpgw::deploy
