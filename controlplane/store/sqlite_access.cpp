// The access half of the SQLite store: tokens, tenants, issuers and assertion keys.
//
// As in sqlite_store.cpp each public function is lock, one transaction, answer. Tenants share the
// counter of versions with adapters.
#include <utility>

#include "common/json_writer.h"
#include "common/limits.h"
#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::store {
namespace {

std::string document_of(const model::ApiToken& token) {
    JsonWriter out;
    out.object();
    model::write_api_token_members(out, token);
    out.end();
    return out.take();
}

std::string document_of(const model::Tenant& tenant) {
    JsonWriter out;
    out.object();
    model::write_tenant_members(out, tenant);
    out.end();
    return out.take();
}

std::string document_of(const keys::AssertionRing& ring) {
    JsonWriter out;
    out.object().key("keys").array();
    for (const keys::AssertionRingKey& key : ring)
        out.string(key.id);
    out.end().end();
    return out.take();
}

std::unexpected<Error> broken(const std::string& path, std::string_view noun, std::string why) {
    return failure(Code::corrupt, "the database " + path + " has a broken " + std::string(noun) +
                                      ": " + std::move(why));
}

std::string first_of(const model::FieldErrors& errors) {
    return errors.begin()->first + " " + errors.begin()->second.front();
}

// Columns: id, hash, document, created_by, created_at_unix_ms.
Result<model::ApiToken> token_of_row(const Statement& row, const std::string& path) {
    const auto tree = model::parse_json(row.text(2));
    if (!tree) return broken(path, "token", tree.error().detail);
    auto reading = model::read_api_token(*tree, 0);
    if (!reading.errors.empty()) return broken(path, "token", first_of(reading.errors));
    reading.token.what.id = row.text(0);
    reading.token.what.hash = row.text(1);
    reading.token.created_by = row.text(3);
    reading.token.created_at_unix_ms = row.number(4);
    return std::move(reading.token);
}

// Columns: document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms.
Result<model::Tenant> tenant_of_row(const Statement& row, const std::string& path) {
    const auto tree = model::parse_json(row.text(0));
    if (!tree) return broken(path, "tenant", tree.error().detail);
    auto reading = model::read_tenant(*tree);
    if (!reading.errors.empty()) return broken(path, "tenant", first_of(reading.errors));
    reading.tenant.version = row.number(1);
    reading.tenant.created_by = row.text(2);
    reading.tenant.created_at_unix_ms = row.number(3);
    reading.tenant.last_updated_at_unix_ms = row.number(4);
    return std::move(reading.tenant);
}

// Every row of a statement that is bound already.
template <class Row>
Result<std::vector<Row>> rows_of(Statement& select, const std::string& path,
                                 Result<Row> (*read)(const Statement&, const std::string&)) {
    std::vector<Row> rows;
    while (true) {
        const auto row = select.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return rows;
        auto one = read(select, path);
        if (!one) return std::unexpected(one.error());
        rows.push_back(std::move(*one));
    }
}

std::unexpected<Error> no_such(std::string_view noun, std::string_view id) {
    return failure(Code::not_found, "there is no " + std::string(noun) + " " + std::string(id));
}

std::unexpected<Error> no_more(std::string_view nouns, std::size_t max) {
    return failure(Code::limit_exceeded, "there are " + std::to_string(max) + " " +
                                             std::string(nouns) + " already, more are not taken");
}

}  // namespace

Result<std::uint64_t> SqliteStore::count_rows(const char* sql, std::string_view parameter) {
    auto count = database_->prepare(sql);
    if (!count) return std::unexpected(count.error());
    if (!parameter.empty()) (*count)->bind_blob(parameter);
    const auto row = (*count)->step();
    if (!row) return std::unexpected(row.error());
    return (*count)->number(0);
}

// --- Tokens -------------------------------------------------------------------------------------

Result<> SqliteStore::add_token(const model::ApiToken& token, const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto count = count_rows("SELECT count(*) FROM api_tokens", "");
    if (!count) return std::unexpected(count.error());
    if (*count >= limits::api_tokens_max) return no_more("tokens", limits::api_tokens_max);
    const auto twins =
        count_rows("SELECT count(*) FROM api_tokens WHERE hash = ?", token.what.hash);
    if (!twins) return std::unexpected(twins.error());
    const auto present = find_token(token.what.id);
    if (*twins > 0 || present) return failure(Code::conflict, "that token is there already");
    if (present.error().code != Code::not_found) return std::unexpected(present.error());
    const std::string document = document_of(token);
    auto insert = database_->prepare("INSERT INTO api_tokens VALUES (?, ?, ?, ?, ?)");
    if (!insert) return std::unexpected(insert.error());
    (*insert)->bind(token.what.id).bind_blob(token.what.hash).bind(document);
    if (auto done = (*insert)->bind(token.created_by).bind(token.created_at_unix_ms).run(); !done)
        return std::unexpected(done.error());
    if (auto done = write_audit(audit, {"", document}); !done) return done;
    return (*transaction)->commit();
}

Result<model::ApiToken> SqliteStore::find_token(std::string_view id) {
    auto select = database_->prepare(
        "SELECT id, hash, document, created_by, created_at_unix_ms FROM api_tokens WHERE id = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(id).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return no_such("token", id);
    return token_of_row(**select, database_->path());
}

Result<model::ApiToken> SqliteStore::token(std::string_view id) {
    const std::scoped_lock lock(mutex_);
    return find_token(id);
}

Result<std::vector<model::ApiToken>> SqliteStore::tokens(std::string_view after,
                                                         std::size_t count_max) {
    const std::scoped_lock lock(mutex_);
    auto select = database_->prepare(
        "SELECT id, hash, document, created_by, created_at_unix_ms FROM api_tokens"
        " WHERE id > ? ORDER BY id LIMIT ?");
    if (!select) return std::unexpected(select.error());
    (*select)->bind(after).bind(std::uint64_t{count_max});
    return rows_of<model::ApiToken>(**select, database_->path(), &token_of_row);
}

Result<> SqliteStore::remove_token(std::string_view id, const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto before = find_token(id);
    if (!before) return std::unexpected(before.error());
    auto erase = database_->prepare("DELETE FROM api_tokens WHERE id = ?");
    if (!erase) return std::unexpected(erase.error());
    if (auto done = (*erase)->bind(id).run(); !done) return std::unexpected(done.error());
    if (auto done = write_audit(audit, {document_of(*before), ""}); !done) return done;
    return (*transaction)->commit();
}

// --- Tenants ------------------------------------------------------------------------------------

Result<model::Tenant> SqliteStore::put_tenant(const model::Tenant& tenant,
                                              std::optional<std::uint64_t> expected_version,
                                              const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto present = find_tenant(tenant.id);
    if (!present && present.error().code != Code::not_found) return present;
    if (!present && expected_version) return present;
    if (present && (!expected_version || *expected_version != present->version))
        return failure(Code::conflict, expected_version
                                           ? "the tenant " + tenant.id + " was changed meanwhile"
                                           : "there is a tenant " + tenant.id + " already");
    const auto count = count_rows("SELECT count(*) FROM tenants", "");
    if (!count) return std::unexpected(count.error());
    if (!present && *count >= limits::tenants_max) return no_more("tenants", limits::tenants_max);
    const auto version = count_revision();
    if (!version) return std::unexpected(version.error());
    model::Tenant stored = tenant;
    stored.version = *version;
    const std::string document = document_of(stored);
    auto write = database_->prepare("INSERT OR REPLACE INTO tenants VALUES (?, ?, ?, ?, ?, ?)");
    if (!write) return std::unexpected(write.error());
    (*write)->bind(stored.id).bind(stored.version).bind(stored.created_by);
    (*write)->bind(stored.created_at_unix_ms).bind(stored.last_updated_at_unix_ms).bind(document);
    if (auto done = (*write)->run(); !done) return std::unexpected(done.error());
    const std::string before = present ? document_of(*present) : "";
    if (auto done = write_audit(audit, {before, document}); !done)
        return std::unexpected(done.error());
    if (auto done = (*transaction)->commit(); !done) return std::unexpected(done.error());
    return stored;
}

Result<model::Tenant> SqliteStore::find_tenant(std::string_view id) {
    auto select = database_->prepare(
        "SELECT document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms"
        " FROM tenants WHERE id = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(id).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return no_such("tenant", id);
    return tenant_of_row(**select, database_->path());
}

Result<model::Tenant> SqliteStore::tenant(std::string_view id) {
    const std::scoped_lock lock(mutex_);
    return find_tenant(id);
}

Result<std::vector<model::Tenant>> SqliteStore::tenants(std::string_view after,
                                                        std::size_t count_max) {
    const std::scoped_lock lock(mutex_);
    auto select = database_->prepare(
        "SELECT document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms"
        " FROM tenants WHERE id > ? ORDER BY id LIMIT ?");
    if (!select) return std::unexpected(select.error());
    (*select)->bind(after).bind(std::uint64_t{count_max});
    return rows_of<model::Tenant>(**select, database_->path(), &tenant_of_row);
}

Result<> SqliteStore::remove_tenant(std::string_view id, std::uint64_t expected_version,
                                    const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto before = find_tenant(id);
    if (!before) return std::unexpected(before.error());
    if (before->version != expected_version)
        return failure(Code::conflict, "the tenant " + before->id + " was changed meanwhile");
    auto erase = database_->prepare("DELETE FROM tenants WHERE id = ?");
    if (!erase) return std::unexpected(erase.error());
    if (auto done = (*erase)->bind(id).run(); !done) return std::unexpected(done.error());
    if (auto done = write_audit(audit, {document_of(*before), ""}); !done) return done;
    return (*transaction)->commit();
}

// --- Issuers and assertion keys -----------------------------------------------------------------

Result<IssuerDocuments> SqliteStore::issuer_documents(std::string_view issuer) {
    const std::scoped_lock lock(mutex_);
    auto select =
        database_->prepare("SELECT issuer, key_set, metadata FROM issuers WHERE issuer = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(issuer).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return no_such("document of the issuer", issuer);
    return IssuerDocuments{(*select)->text(0), (*select)->text(1), (*select)->text(2)};
}

Result<> SqliteStore::put_issuer_documents(const IssuerDocuments& documents) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    auto write = database_->prepare("INSERT OR REPLACE INTO issuers VALUES (?, ?, ?)");
    if (!write) return std::unexpected(write.error());
    (*write)->bind(documents.issuer).bind(documents.key_set).bind(documents.metadata);
    if (auto done = (*write)->run(); !done) return std::unexpected(done.error());
    return (*transaction)->commit();
}

Result<keys::AssertionRing> SqliteStore::assertion_keys() {
    const std::scoped_lock lock(mutex_);
    return read_assertion_keys();
}

Result<keys::AssertionRing> SqliteStore::read_assertion_keys() {
    auto select = database_->prepare(
        "SELECT id, pkcs8, created_at_unix_ms FROM assertion_keys ORDER BY rowid");
    if (!select) return std::unexpected(select.error());
    keys::AssertionRing ring;
    while (true) {
        const auto row = (*select)->step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return ring;
        ring.push_back({(*select)->text(0), (*select)->text(1), (*select)->number(2)});
    }
}

Result<> SqliteStore::put_assertion_keys(const keys::AssertionRing& ring,
                                         const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto before = read_assertion_keys();
    if (!before) return std::unexpected(before.error());
    if (auto done = database_->execute("DELETE FROM assertion_keys"); !done) return done;
    for (const keys::AssertionRingKey& key : ring) {
        auto insert = database_->prepare("INSERT INTO assertion_keys VALUES (?, ?, ?)");
        if (!insert) return std::unexpected(insert.error());
        (*insert)->bind(key.id).bind_blob(key.pkcs8);
        if (auto done = (*insert)->bind(key.created_unix_ms).run(); !done)
            return std::unexpected(done.error());
    }
    if (auto done = write_audit(audit, {document_of(*before), document_of(ring)}); !done)
        return done;
    return (*transaction)->commit();
}

Result<std::uint64_t> SqliteStore::foreign_changes() {
    const std::scoped_lock lock(mutex_);
    return count_rows("PRAGMA data_version", "");
}

}  // namespace mcpgw::store
