// Copy, judge, sync, rename; in this order.
#include "controlplane/store/backup.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/store/backup_folder.h"
#include "controlplane/store/schema.h"

namespace mcpgw::store {
namespace {

// Before a migration; the schema version follows.
constexpr std::string_view kMigrationWord = "controlplane";
// What a restore has replaced.
constexpr std::string_view kReplacedWord = "replaced";
// Written by people, without a name of their own choice.
constexpr std::string_view kPeoplesWord = "backup";

// Removes a file that was begun, unless it was finished.
class Unfinished {
  public:
    explicit Unfinished(std::string path) : path_(std::move(path)) { ::unlink(path_.c_str()); }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    // Replaces the target, or refuses to.
    [[nodiscard]] Result<> become(const std::string& target, bool replaces) {
        const unsigned flags = replaces ? 0 : RENAME_NOREPLACE;
        int done = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), flags);
        // Some file systems know no such flag; whether the file exists was looked at before.
        if (done != 0 && errno == EINVAL) done = ::rename(path_.c_str(), target.c_str());
        if (done != 0) return std::unexpected(error_from_errno(errno, "cannot write " + target));
        path_.clear();
        return sync_folder_of(target);
    }

  private:
    std::string path_;
};

Result<std::uint64_t> count_of(Database& database, const char* sql) {
    auto query = database.prepare(sql);
    if (!query) return std::unexpected(query.error());
    const auto row = (*query)->step();
    if (!row) return std::unexpected(row.error());
    return (*query)->number(0);
}

Result<BackupFacts> facts_of(Database& database) {
    const auto version = schema_version(database);
    if (!version) return std::unexpected(version.error());
    if (*version == 0)
        return failure(Code::invalid_argument,
                       database.path() + " is not a database of mcp-gateway");
    const auto resources = count_of(database, "SELECT count(*) FROM adapters");
    if (!resources) return std::unexpected(resources.error());
    const auto audit_records = count_of(database, "SELECT count(*) FROM audit");
    if (!audit_records) return std::unexpected(audit_records.error());
    struct stat status{};
    if (::stat(database.path().c_str(), &status) != 0)
        return std::unexpected(error_from_errno(errno, "cannot read " + database.path()));
    return BackupFacts{database.path(), static_cast<std::uint64_t>(status.st_size), *version,
                       *resources, *audit_records};
}

// A whole copy of the source under this name, judged.
Result<BackupFacts> copy_to(Database& source, const std::string& path,
                            const CopyProgress& progress) {
    auto copy = Database::create(path);
    if (!copy) return std::unexpected(copy.error());
    if (auto done = (*copy)->copy_from(source, progress); !done)
        return std::unexpected(done.error());
    if (auto whole = (*copy)->check_whole(); !whole)
        return failure(Code::corrupt, source.path() + " is damaged, and so is every copy of it: " +
                                          whole.error().detail);
    return facts_of(**copy);
}

// Versions of rows are ETags, and data planes hold the last version of a snapshot that they saw:
// what was given out after the backup was made must not come again for other contents. Nobody makes
// so many changes between a backup and its restore.
Result<> count_on(Database& copy, const std::string& from) {
    auto transaction = Transaction::begin(copy);
    if (!transaction) return std::unexpected(transaction.error());
    auto done = copy.execute(
        "UPDATE meta SET value = value + 1000000000 WHERE key IN ('revision', 'snapshot_version')");
    if (!done) return done;
    // The columns that audit records have in every version.
    auto insert = copy.prepare(
        "INSERT INTO audit (at_unix_ms, actor, action, resource, detail)"
        " VALUES (?, 'system', 'store.restore', 'store', ?)");
    if (!insert) return std::unexpected(insert.error());
    const std::string detail = "from " + from;
    if (auto noted = (*insert)->bind(unix_millis_now()).bind(detail).run(); !noted)
        return std::unexpected(noted.error());
    return (*transaction)->commit();
}

// With nothing left beside it, so that the file is all there is of it. What is damaged may refuse.
void fold_side_files(const std::string& database_path) {
    const auto database = Database::open_present(database_path);
    if (database) static_cast<void>((*database)->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
}

// The present database under a second name, with its log if that could not be folded in: a log
// beside another database than its own would be poison.
Result<std::string> keep_former(const std::string& database_path) {
    struct stat status{};
    if (::lstat(database_path.c_str(), &status) != 0) return std::string();
    auto kept = new_backup_name(database_path, kReplacedWord);
    if (!kept) return kept;
    fold_side_files(database_path);
    if (::link(database_path.c_str(), kept->c_str()) != 0)
        return std::unexpected(error_from_errno(errno, "cannot keep " + database_path));
    if (::rename((database_path + "-wal").c_str(), (*kept + "-wal").c_str()) != 0 &&
        errno != ENOENT)
        return std::unexpected(error_from_errno(errno, "cannot keep " + database_path + "-wal"));
    ::unlink((database_path + "-shm").c_str());
    if (auto synced = sync_folder_of(*kept); !synced) return std::unexpected(synced.error());
    return kept;
}

// Root restores for the user whose directory it is.
void give_to_owner_of_folder(const std::string& file, const std::string& folder) {
    struct stat status{};
    if (::geteuid() == 0 && ::stat(folder.c_str(), &status) == 0)
        static_cast<void>(::chown(file.c_str(), status.st_uid, status.st_gid) == 0);
}

std::string folder_of(std::string_view database_path) {
    const std::size_t slash = database_path.rfind('/');
    return slash == std::string_view::npos ? "." : std::string(database_path.substr(0, slash));
}

}  // namespace

std::string backup_folder_of(std::string_view database_path) {
    return folder_of(database_path) + "/backups";
}

Result<std::string> new_backup_name(const std::string& database_path, std::string_view word) {
    const std::string folder = backup_folder_of(database_path);
    if (auto made = make_backup_folder(folder); !made) return std::unexpected(made.error());
    give_to_owner_of_folder(folder, folder_of(database_path));
    return folder + "/" + backup_name(word.empty() ? kPeoplesWord : word, unix_millis_now());
}

Result<BackupFacts> write_backup(Database& source, const BackupWish& wish) {
    struct stat status{};
    if (!wish.overwrites && ::lstat(wish.file.c_str(), &status) == 0)
        return failure(Code::conflict, wish.file + " exists already");
    Unfinished copy(wish.file + ".part");
    auto facts = copy_to(source, copy.path(), wish.progress);
    if (!facts) return facts;
    if (auto synced = sync_file(copy.path()); !synced) return std::unexpected(synced.error());
    if (auto done = copy.become(wish.file, wish.overwrites); !done)
        return std::unexpected(done.error());
    facts->file = wish.file;
    return facts;
}

Result<Restored> restore_backup(const BackupWish& wish, const std::string& database_path) {
    Restored restored;
    Unfinished copy(database_path + ".restoring");
    {
        auto source = Database::open_to_read(wish.file);
        if (!source) return std::unexpected(source.error());
        const auto version = schema_version(**source);
        if (!version) return std::unexpected(version.error());
        if (*version == 0)
            return failure(Code::invalid_argument, wish.file + " is not a database of mcp-gateway");
        auto facts = copy_to(**source, copy.path(), wish.progress);
        if (!facts) return std::unexpected(facts.error());
        restored.facts = std::move(*facts);
        restored.facts.file = wish.file;
    }
    {
        auto database = Database::open_present(copy.path());
        if (!database) return std::unexpected(database.error());
        if (auto done = count_on(**database, wish.file); !done)
            return std::unexpected(done.error());
    }
    give_to_owner_of_folder(copy.path(), folder_of(database_path));
    if (auto synced = sync_file(copy.path()); !synced) return std::unexpected(synced.error());
    auto former = keep_former(database_path);
    if (!former) return std::unexpected(former.error());
    restored.former = std::move(*former);
    if (auto done = copy.become(database_path, true); !done) return std::unexpected(done.error());
    keep_newest_backups(backup_folder_of(database_path), kReplacedWord,
                        limits::automatic_backups_max);
    return restored;
}

Result<> back_up_before_migration(Database& database) {
    const auto version = schema_version(database);
    if (!version) return std::unexpected(version.error());
    if (*version == 0 || *version == schema_version_newest()) return {};
    BackupWish wish;
    auto file = new_backup_name(database.path(),
                                std::string(kMigrationWord) + "-" + std::to_string(*version));
    if (!file) return std::unexpected(file.error());
    wish.file = std::move(*file);
    if (const auto kept = write_backup(database, wish); !kept)
        return failure(kept.error().code,
                       "the database " + database.path() +
                           " is of an older version and is not changed without a copy of it: " +
                           kept.error().detail);
    keep_newest_backups(backup_folder_of(database.path()), kMigrationWord,
                        limits::automatic_backups_max);
    return {};
}

Error with_way_out(Error error, const std::string& database_path) {
    if (error.code != Code::corrupt) return error;
    const std::string folder = backup_folder_of(database_path);
    const std::vector<std::string> backups = backups_in(folder, {kMigrationWord, kPeoplesWord});
    if (backups.empty())
        error.detail += "; there is no backup in " + folder +
                        ": put one in place with mcp-gateway restore FILE --data-dir " +
                        folder_of(database_path) + ", or move the database away to start afresh";
    else
        error.detail += "; put the newest backup in place with: mcp-gateway restore " + folder +
                        "/" + backups.front() + " --data-dir " + folder_of(database_path);
    return error;
}

}  // namespace mcpgw::store
