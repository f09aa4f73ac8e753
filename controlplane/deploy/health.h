// How the health of a server is judged: what it is asked, how often, and how many answers it takes
// to change what is believed.
//
// Pure; time and randomness come from outside. Owned by whoever probes.
#pragma once

#include <cstdint>
#include <string>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::deploy {

struct ProbeRules {
    std::string path = {};  // asked with GET; empty: it is enough that somebody listens
    std::uint32_t interval_ms = limits::probe_interval_ms;
    std::uint32_t timeout_ms = limits::probe_timeout_ms;
    std::uint32_t unhealthy_after = limits::probe_failures_max;  // failed probes in a row
    std::uint32_t healthy_after = 1;                             // good ones in a row
    std::uint32_t doubt_ms = interval_ms;  // after a failed probe of one believed healthy
    bool operator==(const ProbeRules&) const = default;
};

// What the adapter asks for; `otherwise` where it asks for nothing. A stdio server answers nothing
// itself: its bridge does, on a path of its own.
[[nodiscard]] inline ProbeRules rules_of(const model::Adapter& adapter, ProbeRules otherwise) {
    if (!adapter.health_check) return otherwise;
    const model::HealthCheck& check = *adapter.health_check;
    const bool is_bridge = adapter.transport == model::Transport::stdio;
    return {.path = is_bridge ? "/healthz" : check.path,
            .interval_ms = check.interval_ms,
            .timeout_ms = check.timeout_ms,
            .unhealthy_after = check.unhealthy_after,
            .healthy_after = check.healthy_after,
            .doubt_ms = check.interval_ms};
}

// Counts the probes in a row that contradict what is believed.
class HealthCount {
  public:
    // What is to be believed after this probe.
    [[nodiscard]] bool after(bool is_good, bool believed, const ProbeRules& rules) {
        if (is_good) is_doubted_ = false;
        if (is_good == believed) {
            against_ = 0;
            return believed;
        }
        ++against_;
        const std::uint32_t needed = is_good ? rules.healthy_after : rules.unhealthy_after;
        if (against_ < needed && !is_doubted_) return believed;
        forget();
        return is_good;
    }
    // Somebody else has met a failure: one failed probe is enough.
    void doubt() { is_doubted_ = true; }
    void forget() {
        against_ = 0;
        is_doubted_ = false;
    }
    [[nodiscard]] bool is_counting() const { return against_ > 0; }

  private:
    std::uint32_t against_ = 0;
    bool is_doubted_ = false;
};

// An interval scattered either way, so that servers that were begun together are not asked together
// for ever.
[[nodiscard]] inline Nanos scattered(std::uint32_t interval_ms, std::uint64_t random) {
    const Nanos interval = interval_ms * kMillisecond;
    const Nanos part = interval * limits::probe_jitter_percent / 100;
    return interval - part + (part == 0 ? 0 : random % (2 * part));
}

}  // namespace mcpgw::deploy
