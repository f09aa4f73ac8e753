// One entry of kMigrations per version; entries are only ever added.
#include "controlplane/store/schema.h"

#include <array>

namespace mcpgw::store {
namespace {

constexpr std::array<const char*, 5> kMigrations = {
    // 1: numbers and texts that exist once (meta), adapters as documents beside what is searched or
    // compared, keys, audit.
    R"(CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE adapters (
           name TEXT PRIMARY KEY, version INTEGER NOT NULL, created_by TEXT NOT NULL,
           created_at_unix_ms INTEGER NOT NULL, last_updated_at_unix_ms INTEGER NOT NULL,
           document TEXT NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE sealing_keys (
           id TEXT PRIMARY KEY, key BLOB NOT NULL, is_current INTEGER NOT NULL) STRICT;
       CREATE TABLE audit (
           id INTEGER PRIMARY KEY AUTOINCREMENT, at_unix_ms INTEGER NOT NULL, actor TEXT NOT NULL,
           action TEXT NOT NULL, resource TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
       INSERT INTO meta VALUES ('revision', 0), ('snapshot_version', 0);)",
    // 2: keys know how old they are and when they begin to seal. The rowid is their order.
    R"(CREATE TABLE sealing_keys_2 (
           id TEXT PRIMARY KEY, key BLOB NOT NULL, created_at_unix_ms INTEGER NOT NULL,
           seals_from_unix_ms INTEGER NOT NULL) STRICT;
       INSERT INTO sealing_keys_2
           SELECT id, key, CAST(strftime('%s', 'now') AS INTEGER) * 1000, is_current
           FROM sealing_keys ORDER BY is_current, rowid;
       DROP TABLE sealing_keys;
       ALTER TABLE sealing_keys_2 RENAME TO sealing_keys;)",
    // 3: tools, which share the names of adapters and so their table. Lists are of one kind.
    R"(ALTER TABLE adapters ADD COLUMN kind TEXT NOT NULL DEFAULT 'adapter'
           CHECK (kind IN ('adapter', 'tool'));
       CREATE INDEX adapters_by_kind ON adapters (kind, name);)",
    // 4: audit records tell what was before and after, are never changed, and go only from the old
    // end, when meta says so first. audit_bytes is how much all their texts are.
    R"(ALTER TABLE audit ADD COLUMN document_before TEXT NOT NULL DEFAULT '';
       ALTER TABLE audit ADD COLUMN document_after TEXT NOT NULL DEFAULT '';
       ALTER TABLE audit ADD COLUMN bytes INTEGER NOT NULL AS (
           64 + length(CAST(actor AS BLOB)) + length(CAST(action AS BLOB))
           + length(CAST(resource AS BLOB)) + length(CAST(detail AS BLOB))
           + length(CAST(document_before AS BLOB)) + length(CAST(document_after AS BLOB))) VIRTUAL;
       INSERT INTO meta VALUES ('audit_pruned_to', 0),
           ('audit_bytes', (SELECT coalesce(sum(bytes), 0) FROM audit));
       CREATE INDEX audit_by_resource ON audit (resource);
       CREATE INDEX audit_by_actor ON audit (actor);
       CREATE TRIGGER audit_is_counted AFTER INSERT ON audit BEGIN
           UPDATE meta SET value = value + NEW.bytes WHERE key = 'audit_bytes'; END;
       CREATE TRIGGER audit_is_discounted AFTER DELETE ON audit BEGIN
           UPDATE meta SET value = value - OLD.bytes WHERE key = 'audit_bytes'; END;
       CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
           SELECT RAISE(ABORT, 'audit records are never changed'); END;
       CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
           WHEN OLD.id > (SELECT value FROM meta WHERE key = 'audit_pruned_to') BEGIN
           SELECT RAISE(ABORT, 'audit records are not removed'); END;)",
    // 5: who may come in and how much they may use. Of a token only the hash is here. The rowid of
    // assertion keys is their order.
    R"(CREATE TABLE api_tokens (
           id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, document TEXT NOT NULL,
           created_by TEXT NOT NULL, created_at_unix_ms INTEGER NOT NULL) STRICT;
       CREATE TABLE tenants (
           id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_by TEXT NOT NULL,
           created_at_unix_ms INTEGER NOT NULL, last_updated_at_unix_ms INTEGER NOT NULL,
           document TEXT NOT NULL) STRICT, WITHOUT ROWID;
       CREATE TABLE issuers (
           issuer TEXT PRIMARY KEY, key_set TEXT NOT NULL, metadata TEXT NOT NULL)
           STRICT, WITHOUT ROWID;
       CREATE TABLE assertion_keys (
           id TEXT PRIMARY KEY, pkcs8 BLOB NOT NULL, created_at_unix_ms INTEGER NOT NULL) STRICT;)",
};

Result<std::uint64_t> present_version(Database& database) {
    auto made = database.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT;"
        "INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version);");
    if (!made) return std::unexpected(made.error());
    return schema_version(database);
}

Error too_new(const Database& database, std::uint64_t version) {
    return {Code::unsupported, Side::gateway, Retry::never,
            "the database " + database.path() + " has schema version " + std::to_string(version) +
                ", this program knows up to " + std::to_string(kMigrations.size()) +
                "; use the newer program"};
}

}  // namespace

std::uint64_t schema_version_newest() {
    return kMigrations.size();
}

Result<std::uint64_t> schema_version(Database& database) {
    {
        auto table =
            database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'");
        if (!table) return std::unexpected(table.error());
        const auto row = (*table)->step();
        if (!row) return std::unexpected(row.error());
        if ((*table)->number(0) == 0) return 0;
    }
    auto query = database.prepare("SELECT version FROM schema_version");
    if (!query) return std::unexpected(query.error());
    const auto row = (*query)->step();
    if (!row) return std::unexpected(row.error());
    const std::uint64_t version = *row ? (*query)->number(0) : 0;
    if (version > kMigrations.size()) return std::unexpected(too_new(database, version));
    return version;
}

Result<> migrate(Database& database) {
    auto transaction = Transaction::begin(database);
    if (!transaction) return std::unexpected(transaction.error());
    const auto version = present_version(database);
    if (!version) return std::unexpected(version.error());
    for (std::size_t i = *version; i < kMigrations.size(); ++i) {
        if (auto done = database.execute(kMigrations[i]); !done) return done;
        if (auto done = database.execute("UPDATE schema_version SET version = version + 1"); !done)
            return done;
    }
    return (*transaction)->commit();
}

}  // namespace mcpgw::store
