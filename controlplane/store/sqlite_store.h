// The store in one SQLite file: the default, embedded.
//
// One connection behind one mutex: the control plane changes little, and a lock is simpler than
// several connections that wait for each other. Adapters are JSON documents beside the columns that
// are searched or compared. Versions of rows come from one counter of the whole store, so a name
// that is used again never gets an old version again. Snapshot versions are reserved on disk in
// blocks: one write for many versions; after a restart the rest of a block is skipped.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "controlplane/store/access_store.h"
#include "controlplane/store/audit_documents.h"
#include "controlplane/store/database.h"
#include "controlplane/store/store.h"

namespace mcpgw::store {

class SqliteStore : public Store, public AccessStore {
  public:
    // Opens or creates the database file; makes the epoch and the first sealing key if new. One of
    // an older version is copied to the folder of backups before it is changed. `detail` of damage
    // says which backup is the newest, and how it is put in place.
    [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);

    [[nodiscard]] Result<std::string> epoch() override;
    [[nodiscard]] Result<model::Adapter> create(const model::Adapter& adapter,
                                                const AuditRecord& audit) override;
    [[nodiscard]] Result<model::Adapter> get(std::string_view name) override;
    [[nodiscard]] Result<std::vector<model::Adapter>> list(std::optional<model::Kind> kind,
                                                           std::string_view after,
                                                           std::size_t count_max) override;
    [[nodiscard]] Result<model::Adapter> replace(const model::Adapter& adapter,
                                                 std::uint64_t expected_version,
                                                 const AuditRecord& audit) override;
    [[nodiscard]] Result<> remove(std::string_view name, std::uint64_t expected_version,
                                  const AuditRecord& audit) override;
    [[nodiscard]] Result<keys::KeyRing> sealing_keys() override;
    [[nodiscard]] Result<> put_sealing_keys(const keys::KeyRing& ring,
                                            const AuditRecord& audit) override;
    [[nodiscard]] Result<std::uint64_t> snapshot_version() override;
    [[nodiscard]] Result<std::uint64_t> next_snapshot_version() override;
    [[nodiscard]] Result<> append_audit(const AuditRecord& record) override;
    using Store::audit;
    [[nodiscard]] Result<std::vector<AuditRecord>> audit(std::optional<std::uint64_t> before,
                                                         std::size_t count_max,
                                                         const AuditFilter& filter) override;
    [[nodiscard]] Result<> check_up() override;

    // sqlite_access.cpp
    [[nodiscard]] Result<> add_token(const model::ApiToken& token,
                                     const AuditRecord& audit) override;
    [[nodiscard]] Result<model::ApiToken> token(std::string_view id) override;
    [[nodiscard]] Result<std::vector<model::ApiToken>> tokens(std::string_view after,
                                                              std::size_t count_max) override;
    [[nodiscard]] Result<> remove_token(std::string_view id, const AuditRecord& audit) override;
    [[nodiscard]] Result<model::Tenant> put_tenant(const model::Tenant& tenant,
                                                   std::optional<std::uint64_t> expected_version,
                                                   const AuditRecord& audit) override;
    [[nodiscard]] Result<model::Tenant> tenant(std::string_view id) override;
    [[nodiscard]] Result<std::vector<model::Tenant>> tenants(std::string_view after,
                                                             std::size_t count_max) override;
    [[nodiscard]] Result<> remove_tenant(std::string_view id, std::uint64_t expected_version,
                                         const AuditRecord& audit) override;
    [[nodiscard]] Result<IssuerDocuments> issuer_documents(std::string_view issuer) override;
    [[nodiscard]] Result<> put_issuer_documents(const IssuerDocuments& documents) override;
    [[nodiscard]] Result<keys::AssertionRing> assertion_keys() override;
    [[nodiscard]] Result<> put_assertion_keys(const keys::AssertionRing& ring,
                                              const AuditRecord& audit) override;
    [[nodiscard]] Result<std::uint64_t> foreign_changes() override;

  private:
    explicit SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

    // All of these want the mutex to be held, or no other thread yet.
    [[nodiscard]] Result<> furnish();
    [[nodiscard]] Result<std::uint64_t> read_number(std::string_view key);
    [[nodiscard]] Result<> write_number(std::string_view key, std::uint64_t value);
    [[nodiscard]] Result<std::uint64_t> count_revision();
    struct Holder {
        std::uint64_t version;
        std::string kind;  // its noun
    };
    // Who has the name; not_found if nobody has.
    [[nodiscard]] Result<Holder> holder_of(std::string_view name);
    [[nodiscard]] Result<> refuse_if_full();
    // The number in the first row of a statement with at most one parameter, which is a blob.
    [[nodiscard]] Result<std::uint64_t> count_rows(const char* sql, std::string_view parameter);
    [[nodiscard]] Result<model::ApiToken> find_token(std::string_view id);
    [[nodiscard]] Result<model::Tenant> find_tenant(std::string_view id);
    [[nodiscard]] Result<keys::AssertionRing> read_assertion_keys();
    [[nodiscard]] Result<> write_keys(const keys::KeyRing& ring);
    [[nodiscard]] Result<model::Adapter> find(std::string_view name);
    [[nodiscard]] Result<keys::KeyRing> read_keys();
    [[nodiscard]] Result<> write_audit(const AuditRecord& record, AuditDocuments documents);
    [[nodiscard]] Result<> prune_audit();
    // The id up to which records have to go so that the texts of the rest are not too much.
    [[nodiscard]] Result<std::uint64_t> last_to_prune(std::uint64_t excess_bytes);

    std::mutex mutex_;
    std::unique_ptr<Database> database_;
    std::string epoch_;
    std::uint64_t snapshot_version_ = 0;
    std::uint64_t snapshot_versions_reserved_ = 0;  // on disk: all up to here may be handed out
};

}  // namespace mcpgw::store
