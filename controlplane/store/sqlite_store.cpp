// Each public function: lock, one transaction, answer.
#include "controlplane/store/sqlite_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "common/bytes.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/adapter_json.h"
#include "controlplane/model/json.h"
#include "controlplane/store/backup.h"
#include "controlplane/store/schema.h"

namespace mcpgw::store {
namespace {

constexpr std::uint64_t kSnapshotVersionBlock = 1000;

Result<std::string> random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    // Up to 256 bytes come whole (getrandom(2)).
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(count))
        return std::unexpected(error_from_errno(errno, "no random numbers"));
    return bytes;
}

Result<std::string> random_hex(std::size_t digits) {
    auto bytes = random_bytes((digits + 15) / 16 * 8);
    if (!bytes) return bytes;
    std::string text;
    for (std::size_t at = 0; at < bytes->size(); at += 8) {
        std::uint64_t number = 0;
        std::memcpy(&number, bytes->data() + at, sizeof(number));
        text += to_hex(number);
    }
    text.resize(digits);
    return text;
}

std::string document_of(const model::Adapter& adapter) {
    JsonWriter out;
    model::write_adapter(out, adapter, model::Audience::writer);
    return out.take();
}

// Columns: document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms, kind.
Result<model::Adapter> adapter_of_row(const Statement& row, const std::string& path) {
    const std::string document = row.text(0);
    const auto kind =
        row.text(5) == words_of(model::Kind::tool).noun ? model::Kind::tool : model::Kind::adapter;
    const std::string noun(words_of(kind).noun);
    const auto tree = model::parse_json(document);
    if (!tree)
        return failure(Code::corrupt, "the database " + path + " has a broken " + noun +
                                          " that is not JSON: " + tree.error().detail);
    auto reading = model::read_resource(kind, *tree, document);
    if (!reading.errors.empty())
        return failure(Code::corrupt, "the database " + path + " has a broken " + noun + " " +
                                          reading.adapter.name + ": " +
                                          reading.errors.begin()->first + " " +
                                          reading.errors.begin()->second.front());
    reading.adapter.version = row.number(1);
    reading.adapter.created_by = row.text(2);
    reading.adapter.created_at_unix_ms = row.number(3);
    reading.adapter.last_updated_at_unix_ms = row.number(4);
    return std::move(reading.adapter);
}

std::unexpected<Error> no_such_row(std::string_view name) {
    return failure(Code::not_found, "there is no adapter and no tool " + std::string(name));
}
std::unexpected<Error> name_is_taken(const model::Adapter& wanted, std::string_view by) {
    const model::KindWords& words = words_of(wanted.kind());
    if (by == words.noun)
        return failure(Code::conflict,
                       "there is " + std::string(words.with_an) + " " + wanted.name + " already");
    return failure(Code::conflict, "the name " + wanted.name + " is that of the " +
                                       std::string(by) + " " + wanted.name +
                                       " already: adapters and tools share their names");
}
std::unexpected<Error> changed_meanwhile(std::string_view noun, std::string_view name) {
    return failure(Code::conflict,
                   "the " + std::string(noun) + " " + std::string(name) + " was changed meanwhile");
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
    auto database = Database::open(path);
    if (!database) return std::unexpected(with_way_out(database.error(), path));
    if (auto kept = back_up_before_migration(**database); !kept)
        return std::unexpected(with_way_out(kept.error(), path));
    if (auto migrated = migrate(**database); !migrated) return std::unexpected(migrated.error());
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(*database)));
    if (auto furnished = store->furnish(); !furnished) return std::unexpected(furnished.error());
    return store;
}

Result<> SqliteStore::furnish() {
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto fresh_epoch = random_hex(32);
    if (!fresh_epoch) return std::unexpected(fresh_epoch.error());
    {
        auto insert = database_->prepare("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)");
        if (!insert) return std::unexpected(insert.error());
        if (auto done = (*insert)->bind(*fresh_epoch).run(); !done)
            return std::unexpected(done.error());
        auto select = database_->prepare("SELECT value FROM meta WHERE key = 'epoch'");
        if (!select) return std::unexpected(select.error());
        const auto row = (*select)->step();
        if (!row) return std::unexpected(row.error());
        epoch_ = (*select)->text(0);
    }
    auto count = database_->prepare("SELECT count(*) FROM sealing_keys");
    if (!count) return std::unexpected(count.error());
    const auto row = (*count)->step();
    if (!row) return std::unexpected(row.error());
    if ((*count)->number(0) == 0) {
        const auto key = keys::make_key({}, unix_millis_now(), 0);
        if (!key) return std::unexpected(key.error());
        if (auto done = write_keys({*key}); !done) return done;
    }
    const auto version = read_number("snapshot_version");
    if (!version) return std::unexpected(version.error());
    snapshot_version_ = snapshot_versions_reserved_ = *version;
    count->reset();
    return (*transaction)->commit();
}

Result<std::uint64_t> SqliteStore::read_number(std::string_view key) {
    auto select = database_->prepare("SELECT value FROM meta WHERE key = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(key).step();
    if (!row) return std::unexpected(row.error());
    if (!*row)
        return failure(Code::corrupt,
                       "the database " + database_->path() + " lacks its " + std::string(key));
    return (*select)->number(0);
}

Result<> SqliteStore::write_number(std::string_view key, std::uint64_t value) {
    auto update = database_->prepare("UPDATE meta SET value = ? WHERE key = ?");
    if (!update) return std::unexpected(update.error());
    if (auto done = (*update)->bind(value).bind(key).run(); !done)
        return std::unexpected(done.error());
    return {};
}

Result<std::uint64_t> SqliteStore::count_revision() {
    const auto revision = read_number("revision");
    if (!revision) return revision;
    if (auto done = write_number("revision", *revision + 1); !done)
        return std::unexpected(done.error());
    return *revision + 1;
}

Result<SqliteStore::Holder> SqliteStore::holder_of(std::string_view name) {
    auto select = database_->prepare("SELECT version, kind FROM adapters WHERE name = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(name).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return no_such_row(name);
    return Holder{(*select)->number(0), (*select)->text(1)};
}

Result<> SqliteStore::refuse_if_full() {
    auto count = database_->prepare("SELECT count(*) FROM adapters");
    if (!count) return std::unexpected(count.error());
    const auto row = (*count)->step();
    if (!row) return std::unexpected(row.error());
    if ((*count)->number(0) < limits::adapters_max) return {};
    return failure(Code::limit_exceeded, "there are " + std::to_string(limits::adapters_max) +
                                             " adapters and tools already, more are not taken");
}

Result<std::string> SqliteStore::epoch() {
    return epoch_;
}

Result<model::Adapter> SqliteStore::create(const model::Adapter& adapter,
                                           const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto existing = holder_of(adapter.name);
    if (existing) return name_is_taken(adapter, existing->kind);
    if (existing.error().code != Code::not_found) return std::unexpected(existing.error());
    if (auto room = refuse_if_full(); !room) return std::unexpected(room.error());
    const auto version = count_revision();
    if (!version) return std::unexpected(version.error());
    model::Adapter stored = adapter;
    stored.version = *version;
    const std::string document = document_of(stored);
    auto insert = database_->prepare(
        "INSERT INTO adapters (name, version, created_by, created_at_unix_ms,"
        " last_updated_at_unix_ms, document, kind) VALUES (?, ?, ?, ?, ?, ?, ?)");
    if (!insert) return std::unexpected(insert.error());
    (*insert)->bind(stored.name).bind(stored.version).bind(stored.created_by);
    (*insert)->bind(stored.created_at_unix_ms).bind(stored.last_updated_at_unix_ms).bind(document);
    if (auto done = (*insert)->bind(words_of(stored.kind()).noun).run(); !done)
        return std::unexpected(done.error());
    if (auto done = write_audit(audit, audit_documents(nullptr, &stored)); !done)
        return std::unexpected(done.error());
    if (auto done = (*transaction)->commit(); !done) return std::unexpected(done.error());
    return stored;
}

Result<model::Adapter> SqliteStore::get(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    return find(name);
}

Result<model::Adapter> SqliteStore::find(std::string_view name) {
    auto select = database_->prepare(
        "SELECT document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms, kind"
        " FROM adapters WHERE name = ?");
    if (!select) return std::unexpected(select.error());
    const auto row = (*select)->bind(name).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return no_such_row(name);
    return adapter_of_row(**select, database_->path());
}

Result<std::vector<model::Adapter>> SqliteStore::list(std::optional<model::Kind> kind,
                                                      std::string_view after,
                                                      std::size_t count_max) {
    const std::scoped_lock lock(mutex_);
    // Two statements, so that the index on both columns serves a list of one kind.
    auto select = database_->prepare(
        kind ? "SELECT document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms,"
               " kind FROM adapters WHERE kind = ? AND name > ? ORDER BY name LIMIT ?"
             : "SELECT document, version, created_by, created_at_unix_ms, last_updated_at_unix_ms,"
               " kind FROM adapters WHERE name > ? ORDER BY name LIMIT ?");
    if (!select) return std::unexpected(select.error());
    if (kind) (*select)->bind(words_of(*kind).noun);
    (*select)->bind(after).bind(std::uint64_t{count_max});
    std::vector<model::Adapter> adapters;
    while (true) {
        const auto row = (*select)->step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return adapters;
        auto adapter = adapter_of_row(**select, database_->path());
        if (!adapter) return std::unexpected(adapter.error());
        adapters.push_back(std::move(*adapter));
    }
}

Result<model::Adapter> SqliteStore::replace(const model::Adapter& adapter,
                                            std::uint64_t expected_version,
                                            const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto present = holder_of(adapter.name);
    if (!present) return std::unexpected(present.error());
    if (present->version != expected_version) return changed_meanwhile(present->kind, adapter.name);
    const auto before = find(adapter.name);
    if (!before) return before;
    const auto version = count_revision();
    if (!version) return std::unexpected(version.error());
    model::Adapter stored = adapter;
    stored.version = *version;
    const std::string document = document_of(stored);
    auto update = database_->prepare(
        "UPDATE adapters SET version = ?, created_by = ?, created_at_unix_ms = ?,"
        " last_updated_at_unix_ms = ?, document = ?, kind = ? WHERE name = ?");
    if (!update) return std::unexpected(update.error());
    (*update)->bind(stored.version).bind(stored.created_by).bind(stored.created_at_unix_ms);
    (*update)->bind(stored.last_updated_at_unix_ms).bind(document);
    (*update)->bind(words_of(stored.kind()).noun).bind(stored.name);
    if (auto done = (*update)->run(); !done) return std::unexpected(done.error());
    if (auto done = write_audit(audit, audit_documents(&*before, &stored)); !done)
        return std::unexpected(done.error());
    if (auto done = (*transaction)->commit(); !done) return std::unexpected(done.error());
    return stored;
}

Result<> SqliteStore::remove(std::string_view name, std::uint64_t expected_version,
                             const AuditRecord& audit) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto present = holder_of(name);
    if (!present) return std::unexpected(present.error());
    if (present->version != expected_version) return changed_meanwhile(present->kind, name);
    const auto before = find(name);
    if (!before) return std::unexpected(before.error());
    auto erase = database_->prepare("DELETE FROM adapters WHERE name = ?");
    if (!erase) return std::unexpected(erase.error());
    if (auto done = (*erase)->bind(name).run(); !done) return std::unexpected(done.error());
    if (auto done = write_audit(audit, audit_documents(&*before, nullptr)); !done) return done;
    return (*transaction)->commit();
}

Result<keys::KeyRing> SqliteStore::sealing_keys() {
    const std::scoped_lock lock(mutex_);
    return read_keys();
}

Result<keys::KeyRing> SqliteStore::read_keys() {
    auto select = database_->prepare(
        "SELECT id, key, created_at_unix_ms, seals_from_unix_ms FROM sealing_keys ORDER BY rowid");
    if (!select) return std::unexpected(select.error());
    keys::KeyRing ring;
    while (true) {
        const auto row = (*select)->step();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        ring.push_back(
            {(*select)->text(0), (*select)->text(1), (*select)->number(2), (*select)->number(3)});
    }
    const std::string problem = keys::problem_of(ring);
    if (problem.empty()) return ring;
    return failure(Code::corrupt,
                   "the database " + database_->path() + " has broken keys: " + problem);
}

Result<> SqliteStore::put_sealing_keys(const keys::KeyRing& ring, const AuditRecord& audit) {
    if (std::string problem = keys::problem_of(ring); !problem.empty())
        return failure(Code::invalid_argument, std::move(problem));
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    const auto before = read_keys();
    if (!before) return std::unexpected(before.error());
    if (auto done = database_->execute("DELETE FROM sealing_keys"); !done) return done;
    if (auto done = write_keys(ring); !done) return done;
    if (auto done = write_audit(audit, audit_documents(*before, ring)); !done) return done;
    return (*transaction)->commit();
}

Result<> SqliteStore::write_keys(const keys::KeyRing& ring) {
    for (const keys::RingKey& key : ring) {
        auto insert = database_->prepare("INSERT INTO sealing_keys VALUES (?, ?, ?, ?)");
        if (!insert) return std::unexpected(insert.error());
        (*insert)->bind(key.id).bind_blob(key.key).bind(key.created_unix_ms);
        if (auto done = (*insert)->bind(key.seals_from_unix_ms).run(); !done)
            return std::unexpected(done.error());
    }
    return {};
}

Result<std::uint64_t> SqliteStore::snapshot_version() {
    const std::scoped_lock lock(mutex_);
    return snapshot_version_;
}

Result<std::uint64_t> SqliteStore::next_snapshot_version() {
    const std::scoped_lock lock(mutex_);
    if (snapshot_version_ == snapshot_versions_reserved_) {
        const std::uint64_t reserved = snapshot_versions_reserved_ + kSnapshotVersionBlock;
        if (auto done = write_number("snapshot_version", reserved); !done)
            return std::unexpected(done.error());
        snapshot_versions_reserved_ = reserved;
    }
    return ++snapshot_version_;
}

Result<> SqliteStore::append_audit(const AuditRecord& record) {
    const std::scoped_lock lock(mutex_);
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    if (auto done = write_audit(record, {}); !done) return done;
    return (*transaction)->commit();
}

Result<> SqliteStore::write_audit(const AuditRecord& record, AuditDocuments documents) {
    auto insert = database_->prepare(
        "INSERT INTO audit (at_unix_ms, actor, action, resource, detail, document_before,"
        " document_after) VALUES (?, ?, ?, ?, ?, ?, ?)");
    if (!insert) return std::unexpected(insert.error());
    (*insert)->bind(record.at_unix_ms).bind(record.actor).bind(record.action);
    (*insert)->bind(record.resource).bind(record.detail).bind(documents.before);
    if (auto done = (*insert)->bind(documents.after).run(); !done)
        return std::unexpected(done.error());
    return prune_audit();
}

Result<std::uint64_t> SqliteStore::last_to_prune(std::uint64_t excess_bytes) {
    auto oldest = database_->prepare("SELECT id, bytes FROM audit ORDER BY id");
    if (!oldest) return std::unexpected(oldest.error());
    std::uint64_t last = 0;
    for (std::uint64_t gone = 0; gone < excess_bytes;) {
        const auto row = (*oldest)->step();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        last = (*oldest)->number(0);
        gone += (*oldest)->number(1);
    }
    return last;
}

Result<> SqliteStore::prune_audit() {
    auto newest = database_->prepare("SELECT max(id) FROM audit");
    if (!newest) return std::unexpected(newest.error());
    if (const auto row = (*newest)->step(); !row) return std::unexpected(row.error());
    const std::uint64_t last = (*newest)->number(0);
    const auto bytes = read_number("audit_bytes");
    if (!bytes) return std::unexpected(bytes.error());
    const auto pruned = read_number("audit_pruned_to");
    if (!pruned) return std::unexpected(pruned.error());
    std::uint64_t prune_to =
        last > limits::audit_records_max ? last - limits::audit_records_max : 0;
    if (*bytes > limits::audit_bytes_max) {
        const auto by_bytes = last_to_prune(*bytes - limits::audit_bytes_max);
        if (!by_bytes) return std::unexpected(by_bytes.error());
        prune_to = std::max(prune_to, *by_bytes);
    }
    if (prune_to <= *pruned) return {};
    if (auto done = write_number("audit_pruned_to", prune_to); !done) return done;
    auto prune = database_->prepare("DELETE FROM audit WHERE id <= ?");
    if (!prune) return std::unexpected(prune.error());
    if (auto done = (*prune)->bind(prune_to).run(); !done) return std::unexpected(done.error());
    return {};
}

Result<std::vector<AuditRecord>> SqliteStore::audit(std::optional<std::uint64_t> before,
                                                    std::size_t count_max,
                                                    const AuditFilter& filter) {
    // One statement for each set of filters, so that each finds its index.
    constexpr std::array<const char*, 4> kStatements = {
        "SELECT id, at_unix_ms, actor, action, resource, detail, document_before, document_after"
        " FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
        "SELECT id, at_unix_ms, actor, action, resource, detail, document_before, document_after"
        " FROM audit WHERE id < ? AND resource = ? ORDER BY id DESC LIMIT ?",
        "SELECT id, at_unix_ms, actor, action, resource, detail, document_before, document_after"
        " FROM audit WHERE id < ? AND actor = ? ORDER BY id DESC LIMIT ?",
        "SELECT id, at_unix_ms, actor, action, resource, detail, document_before, document_after"
        " FROM audit WHERE id < ? AND resource = ? AND actor = ? ORDER BY id DESC LIMIT ?"};
    const std::size_t which =
        (filter.resource.empty() ? 0U : 1U) + (filter.actor.empty() ? 0U : 2U);
    const std::scoped_lock lock(mutex_);
    auto select = database_->prepare(kStatements[which]);
    if (!select) return std::unexpected(select.error());
    (*select)->bind(before.value_or(INT64_MAX));
    if (!filter.resource.empty()) (*select)->bind(filter.resource);
    if (!filter.actor.empty()) (*select)->bind(filter.actor);
    (*select)->bind(std::uint64_t{count_max});
    std::vector<AuditRecord> records;
    for (std::size_t bytes = 0; bytes < limits::audit_page_bytes_max;) {
        const auto row = (*select)->step();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        records.push_back({(*select)->number(0), (*select)->number(1), (*select)->text(2),
                           (*select)->text(3), (*select)->text(4), (*select)->text(5),
                           (*select)->text(6), (*select)->text(7)});
        bytes += records.back().before.size() + records.back().after.size();
    }
    return records;
}

Result<> SqliteStore::check_up() {
    const std::scoped_lock lock(mutex_);
    if (!database_->damage().empty()) return failure(Code::corrupt, database_->damage());
    auto transaction = Transaction::begin(*database_);
    if (!transaction) return std::unexpected(transaction.error());
    // A number that stays the same would not be written.
    auto done = database_->execute(
        "INSERT INTO meta VALUES ('check_ups', 1) ON CONFLICT DO UPDATE SET value = value + 1");
    if (!done) return done;
    return (*transaction)->commit();
}

}  // namespace mcpgw::store
