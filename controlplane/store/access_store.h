// What the control plane remembers of who may come in and how much they may use: API tokens,
// tenants, what identity providers said last, and the keys of identity assertions.
//
// The second half of the seam of store.h, with its rules for threads, durability and errors: every
// change and its audit record are one transaction, and documents in audit records hold neither
// tokens nor hashes nor keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/keys/assertion_key.h"
#include "controlplane/model/api_token.h"
#include "controlplane/model/tenant.h"
#include "controlplane/store/store.h"

namespace mcpgw::store {

// What an issuer served when it was last good.
struct IssuerDocuments {
    std::string issuer;
    std::string key_set;   // JSON text
    std::string metadata;  // JSON text, or empty
    bool operator==(const IssuerDocuments&) const = default;
};

class AccessStore {
  public:
    AccessStore() = default;
    AccessStore(const AccessStore&) = delete;
    AccessStore& operator=(const AccessStore&) = delete;
    virtual ~AccessStore() = default;

    // conflict if its id or hash is there already; limit_exceeded if there are too many.
    [[nodiscard]] virtual Result<> add_token(const model::ApiToken& token,
                                             const AuditRecord& audit) = 0;
    [[nodiscard]] virtual Result<model::ApiToken> token(std::string_view id) = 0;
    // Up to `count_max` whose ids come after `after` ("" = from the start), by id.
    [[nodiscard]] virtual Result<std::vector<model::ApiToken>> tokens(std::string_view after,
                                                                      std::size_t count_max) = 0;
    [[nodiscard]] virtual Result<> remove_token(std::string_view id, const AuditRecord& audit) = 0;

    // Adds a tenant (no expected version) or replaces one; the stored one with its version.
    // conflict: it is there already, or was changed meanwhile; not_found: it is gone.
    [[nodiscard]] virtual Result<model::Tenant> put_tenant(
        const model::Tenant& tenant, std::optional<std::uint64_t> expected_version,
        const AuditRecord& audit) = 0;
    [[nodiscard]] virtual Result<model::Tenant> tenant(std::string_view id) = 0;
    [[nodiscard]] virtual Result<std::vector<model::Tenant>> tenants(std::string_view after,
                                                                     std::size_t count_max) = 0;
    [[nodiscard]] virtual Result<> remove_tenant(std::string_view id,
                                                 std::uint64_t expected_version,
                                                 const AuditRecord& audit) = 0;

    // not_found: it never answered.
    [[nodiscard]] virtual Result<IssuerDocuments> issuer_documents(std::string_view issuer) = 0;
    [[nodiscard]] virtual Result<> put_issuer_documents(const IssuerDocuments& documents) = 0;

    [[nodiscard]] virtual Result<keys::AssertionRing> assertion_keys() = 0;
    // Replaces all of them.
    [[nodiscard]] virtual Result<> put_assertion_keys(const keys::AssertionRing& ring,
                                                      const AuditRecord& audit) = 0;

    // Another number than before: another process has changed something. Cheap.
    [[nodiscard]] virtual Result<std::uint64_t> foreign_changes() = 0;
};

}  // namespace mcpgw::store
