// Rendering of /metrics and /debug/state.
#include "dataplane/worker/admin_pages.h"

#include "common/json_writer.h"
#include "dataplane/observe/prometheus.h"

namespace mcpgw::worker {

std::string ProcessPages::metrics() {
    const std::size_t reader = sources_.publication->admin_reader();
    const RouteTable* table = sources_.publication->refresh(reader);
    ProcessFacts facts;
    facts.program_version = sources_.program_version;
    facts.engine = "io_uring";
    facts.snapshot_age_seconds = sources_.link->snapshot_age_seconds();
    facts.control_plane_connected = sources_.link->connected();
    facts.events_dropped = sources_.link->events_dropped();
    facts.audit_dropped = sources_.audit == nullptr ? 0 : sources_.audit->dropped();
    facts.sessions_known = sources_.sessions->table.size();
    facts.sessions_never_used = sources_.janitor->expired(ExpiryReason::never_used);
    facts.sessions_idle = sources_.janitor->expired(ExpiryReason::idle);
    facts.sessions_instance_gone = sources_.janitor->expired(ExpiryReason::instance_gone);
    facts.farewells_dropped = sources_.sessions->farewells.dropped();
    facts.limit_counters = sources_.limiter->table().size();
    std::string text = render_prometheus(sources_.metrics, table, facts);
    sources_.publication->leave(reader);
    return text;
}

std::string ProcessPages::debug_state() {
    JsonWriter out;
    out.object();
    out.key("version").string(sources_.program_version);
    out.key("engine").string(engine_);
    out.key("snapshotVersion").number(sources_.link->snapshot_version());
    out.key("snapshotAgeSeconds").number(sources_.link->snapshot_age_seconds());
    out.key("controlPlaneConnected").boolean(sources_.link->connected());
    out.key("sessions").number(std::uint64_t{sources_.sessions->table.size()});
    out.key("workers").array();
    for (const Mailbox* mailbox : sources_.mailboxes) {
        out.object();
        out.key("clientConnections").number(mailbox->connections.load(std::memory_order_relaxed));
        out.key("exchanges").number(mailbox->exchanges.load(std::memory_order_relaxed));
        out.key("backendConnections")
            .number(mailbox->backend_connections.load(std::memory_order_relaxed));
        out.end();
    }
    out.end();
    out.end();
    return out.take();
}

}  // namespace mcpgw::worker
