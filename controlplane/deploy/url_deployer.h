// "Deploys" servers that already run: finds out where a URL is and whether its server is well.
//
// One instance NAME-0 per adapter whose uid is the URL, so that gateways which share sealing keys
// agree on it, however many addresses its name has. The address in force stays so while it answers
// probes; when it does not, the others are tried, in the order of the resolver, and the first that
// answers takes its place. Names are resolved here, because the data plane asks no DNS: again when
// the answer has run out, and earlier while nobody answers. What was found once stays in force
// while the resolver fails.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/limits.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/health.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/probe.h"
#include "controlplane/deploy/resolver.h"

namespace mcpgw::deploy {

struct UrlOptions {
    std::uint32_t probe_interval_ms = limits::probe_interval_ms;  // without a health check
    std::uint32_t resolve_interval_ms = limits::resolve_interval_ms;
    std::uint32_t resolve_retry_first_ms = limits::resolve_retry_first_ms;
    std::uint32_t resolve_retry_last_ms = limits::resolve_retry_last_ms;
    std::uint32_t ttl_ms_min = limits::resolve_ttl_seconds_min * 1'000;
    std::uint32_t ttl_ms_max = limits::resolve_ttl_seconds_max * 1'000;
    std::string dns_servers = {};  // resolver.h
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
    //  impossible: nothing here can talk to it
    enum class State : std::uint8_t { unknown, unreachable, ready, impossible };

    struct Target {
        std::string name;
        std::string url;
        model::Endpoint endpoint;
        std::uint64_t serial = 0;
        std::vector<std::string> addresses;
        std::size_t trying = 0;  // index of the address that is probed next
        std::size_t tried = 0;   // addresses of this round that did not answer well
        std::string probed;      // the address that is asked now
        std::string address;     // in force, empty while none is known
        State state = State::unknown;
        std::string reason = "starting";
        std::uint64_t since_unix_ms = 0;
        Probe probe;
        ProbeRules rules;
        HealthCount count;  // of rounds over all addresses
        Nanos probe_at = kNever;
        Nanos resolve_at = 0;
        std::optional<Backoff> resolve_retry;
    };

    UrlDeployer(UrlOptions options, Descriptor epoll, Resolver resolver);
    void set_up(Target& target, const model::Adapter& desired);
    void judge_by(Target& target, const ProbeRules& rules, Nanos now);
    void tick(Target& target, Nanos now);
    void resolve(Target& target, Nanos now);
    void resolve_early(Target& target, Nanos now);
    void take_resolution(Target& target, const Resolution& resolution, Nanos now);
    void begin_probe(Target& target, Nanos now);
    void finish_probe(Target& target, const ProbeOutcome& outcome, Nanos now);
    void believe(Target& target, bool is_good, const std::string& trouble, Nanos now);
    void enter(Target& target, State state, std::string reason) const;

    const UrlOptions options_;
    Descriptor epoll_;
    Resolver resolver_;
    std::map<std::string, Target, std::less<>> targets_;
    std::unordered_map<std::uint64_t, std::string> by_serial_;
    std::mt19937_64 random_;
    std::uint64_t last_serial_ = 0;  // 0 is the key of the resolver's events
};

}  // namespace mcpgw::deploy
