// What the control plane remembers: the seam between it and a database.
//
// A store holds desired state and what must survive a restart: adapters and tools, sealing keys,
// the epoch (the identity of this store), the snapshot version, and the audit log. Every change of
// an adapter and its audit row are one transaction. What runs at the moment is not in here. All
// functions may be called from any thread, never throw, and answer after the change is durable.
//
// Errors: not_found, conflict (exists already / changed meanwhile), io, no_space and corrupt (the
// database), unavailable (busy for longer than the patience of the store); `detail` is a sentence.
// A change that ends with an error has not been made, and everything answered before stays.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/keys/key_ring.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::store {

// One line of the audit log: who did what to which resource.
struct AuditRecord {
    std::uint64_t id = 0;  // given by the store, growing
    std::uint64_t at_unix_ms = 0;
    std::string actor;     // user id, or "system"
    std::string action;    // "adapter.create", "tool.replace", "session_key.add", ...
    std::string resource;  // the name of the adapter or tool, the id of the key
    std::string detail;    // a sentence or empty; never a secret
    // JSON (audit_documents.h), written by the store with every change; empty: nothing there.
    std::string before = {};
    std::string after = {};
};

// Records of one resource and of one actor only; empty: of any.
struct AuditFilter {
    std::string resource = {};
    std::string actor = {};
};

class Store {
  public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    // Random, made once with the store; versions of snapshots only compare within one epoch.
    [[nodiscard]] virtual Result<std::string> epoch() = 0;

    // Adapters and tools share one name space, and all of this is for both. The stored one with its
    // version; conflict if either kind has the name.
    [[nodiscard]] virtual Result<model::Adapter> create(const model::Adapter& adapter,
                                                        const AuditRecord& audit) = 0;
    [[nodiscard]] virtual Result<model::Adapter> get(std::string_view name) = 0;
    // Up to `count_max` of that kind (nothing: of any) whose names come after `after` ("" = from
    // the start), by name.
    [[nodiscard]] virtual Result<std::vector<model::Adapter>> list(std::optional<model::Kind> kind,
                                                                   std::string_view after,
                                                                   std::size_t count_max) = 0;
    // Replaces the row; conflict if its version is not `expected_version`.
    [[nodiscard]] virtual Result<model::Adapter> replace(const model::Adapter& adapter,
                                                         std::uint64_t expected_version,
                                                         const AuditRecord& audit) = 0;
    [[nodiscard]] virtual Result<> remove(std::string_view name, std::uint64_t expected_version,
                                          const AuditRecord& audit) = 0;

    // Never empty: a new store makes the first key itself.
    [[nodiscard]] virtual Result<keys::KeyRing> sealing_keys() = 0;
    // Replaces all keys (rotation); invalid_argument for what is no ring (keys::problem_of).
    [[nodiscard]] virtual Result<> put_sealing_keys(const keys::KeyRing& ring,
                                                    const AuditRecord& audit) = 0;

    // The last version that was handed out, 0 at first.
    [[nodiscard]] virtual Result<std::uint64_t> snapshot_version() = 0;
    // Counts up and returns the new version, durable before it is returned.
    [[nodiscard]] virtual Result<std::uint64_t> next_snapshot_version() = 0;

    [[nodiscard]] virtual Result<> append_audit(const AuditRecord& record) = 0;
    // Up to `count_max` records with ids below `before` (nothing = from the newest), newest first;
    // fewer, but at least one, when they are large (limits::audit_page_bytes_max).
    [[nodiscard]] virtual Result<std::vector<AuditRecord>> audit(
        std::optional<std::uint64_t> before, std::size_t count_max, const AuditFilter& filter) = 0;
    [[nodiscard]] Result<std::vector<AuditRecord>> audit(std::optional<std::uint64_t> before,
                                                         std::size_t count_max) {
        return audit(before, count_max, {});
    }

    // Whether changes can be made at this moment: makes one that nobody sees. Damage that
    // was met once is told until the store is opened again.
    [[nodiscard]] virtual Result<> check_up() = 0;
};

}  // namespace mcpgw::store
