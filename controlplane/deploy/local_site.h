// What the local servers of one control plane have in common: options, the descriptor that wakes
// the reconciler, ports in use, randomness.
//
// Owned by LocalDeployer, used by its instances on the reconciler's thread; its directories may be
// asked for from any thread. A serial number stands for an instance in the keys of events; 0 is for
// the deployer's own descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "common/limits.h"
#include "common/result.h"
#include "controlplane/deploy/health.h"
#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::deploy {

struct LocalOptions {
    std::string data_dir;
    // Below it: each kind of deployer has a folder of its own for its instances.
    std::string folder = "instances";
    std::string bin_dir;   // of mcp-gateway and mcp-gateway-shim; empty: beside this program
    int lifeline_fd = -1;  // servers end when its writing end is closed; -1: they do not
    // How long an instance that is replaced, or not wanted any more, keeps its sessions.
    std::uint32_t drain_ms = limits::drain_seconds * 1'000;
    std::uint32_t grace_ms = limits::server_grace_ms;
    std::uint32_t backoff_first_ms = limits::server_restart_first_ms;
    std::uint32_t backoff_last_ms = limits::server_restart_last_ms;
    std::uint32_t healthy_resets_ms = limits::server_healthy_resets_ms;
    std::uint32_t probe_interval_ms = limits::probe_interval_ms;
    // A shim that was just started has no state yet; one that has none for longer is ended.
    std::uint32_t unknown_ms_max = 2'000;
    std::uint64_t log_bytes_max = limits::server_log_bytes_max;
};

// Where an adapter does not say how its health is judged. After the first failed probe of a server
// that answered before: make sure quickly.
[[nodiscard]] inline ProbeRules usual_rules(const LocalOptions& options) {
    return {.interval_ms = options.probe_interval_ms, .doubt_ms = 100};
}

// The home of an instance among those of its adapter. Generation 0 of x-3 has the directory x/3,
// later ones have x/3.1, x/3.2 and so on.
struct Place {
    std::uint32_t ordinal = 0;
    std::uint32_t generation = 0;

    bool operator==(const Place&) const = default;
    // By ordinal, and of one ordinal the newest first.
    bool operator<(const Place& other) const {
        return ordinal != other.ordinal ? ordinal < other.ordinal : generation > other.generation;
    }
};

[[nodiscard]] std::string directory_name(Place place);
[[nodiscard]] std::optional<Place> place_of(std::string_view directory_name);

class LocalSite {
  public:
    [[nodiscard]] static Result<LocalSite> open(LocalOptions options);

    [[nodiscard]] const LocalOptions& options() const { return options_; }
    [[nodiscard]] int epoll_fd() const { return epoll_.get(); }
    [[nodiscard]] std::string root() const { return options_.data_dir + "/" + options_.folder; }
    [[nodiscard]] std::string adapter_directory(std::string_view adapter) const;
    [[nodiscard]] std::string instance_directory(std::string_view adapter, Place place) const;
    // Of the newest generation that there is; empty: of none.
    [[nodiscard]] std::string newest_directory(std::string_view adapter,
                                               std::uint32_t ordinal) const;
    // Watches `fd` (EPOLLIN or EPOLLOUT) until it is closed; `key` comes back with the event.
    [[nodiscard]] Result<> watch(int fd, std::uint32_t events, std::uint64_t key) const;

    // A port of 127.0.0.1 that nobody listens on now and no instance of ours has.
    [[nodiscard]] Result<std::uint16_t> take_port();
    void keep_port(std::uint16_t port) { ports_.insert(port); }
    void give_back_port(std::uint16_t port) { ports_.erase(port); }

    [[nodiscard]] std::uint64_t random() { return random_(); }
    [[nodiscard]] std::string new_uid();
    [[nodiscard]] std::uint64_t new_serial() { return ++last_serial_; }

  private:
    LocalOptions options_;
    Descriptor epoll_;
    std::set<std::uint16_t> ports_;
    std::mt19937_64 random_;
    std::uint64_t last_serial_ = 0;
};

}  // namespace mcpgw::deploy
