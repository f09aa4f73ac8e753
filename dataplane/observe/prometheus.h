// The admin listener's GET /metrics: counters of all workers as Prometheus text (CONTRACT section
// 6).
//
// Runs on the admin side, never on a worker; it only reads. Series of adapters that are not in the
// table are left out until the adapter comes back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/observe/metrics.h"
#include "dataplane/route/route_table.h"

namespace mcpgw {

// What the renderer cannot see in counters.
struct ProcessFacts {
    std::string_view program_version;  // label of build_info
    std::string_view engine;           // label of build_info, e.g. "io_uring"; may be empty
    double snapshot_age_seconds = 0;
    bool control_plane_connected = false;
    std::uint64_t events_dropped = 0;
    std::uint64_t audit_dropped = 0;
    std::uint64_t sessions_known = 0;       // in the session table
    std::uint64_t sessions_never_used = 0;  // expired, by reason
    std::uint64_t sessions_idle = 0;
    std::uint64_t sessions_instance_gone = 0;
    std::uint64_t farewells_dropped = 0;
    std::uint64_t limit_counters = 0;  // of quotas and rates, in use
};

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// `table` may be nullptr (no snapshot yet); it must stay valid during the call.
[[nodiscard]] std::string render_prometheus(std::span<const WorkerMetrics* const> workers,
                                            const RouteTable* table, const ProcessFacts& facts);

}  // namespace mcpgw
