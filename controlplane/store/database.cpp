// The only file that calls SQLite.
//
// Durability: WAL with synchronous=FULL. NORMAL could lose the last commits in a power cut; then a
// version of a snapshot that a data plane already has would be given out again for other contents,
// and an answered change would be gone. Changes are rare, one fsync each is no cost here.
#include "controlplane/store/database.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::store {
namespace {

// Creates the file if it is missing and keeps others from reading it: it holds keys and secrets.
// SQLite gives its side files (-wal, -shm) the mode of this one.
Result<> prepare_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return std::unexpected(error_from_errno(errno, "cannot write the database " + path));
    struct stat status{};
    const bool is_file = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    const bool is_private = is_file && ((status.st_mode & 077) == 0 || ::fchmod(file, 0600) == 0);
    ::close(file);
    if (!is_file) return failure(Code::io, "the database " + path + " is not a regular file");
    if (!is_private)
        return failure(Code::permission_denied,
                       "the database " + path + " can be read by others and is not ours to change");
    return {};
}

}  // namespace

Statement::~Statement() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Statement& Statement::bind(std::string_view text) {
    const int result = sqlite3_bind_text64(statement_, ++bound_, text.data() ? text.data() : "",
                                           text.size(), SQLITE_STATIC, SQLITE_UTF8);
    if (result != SQLITE_OK) bind_error_ = result;
    return *this;
}

Statement& Statement::bind(std::uint64_t number) {
    check(number <= INT64_MAX, "a number for the database is below 2^63");
    const int result = sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(number));
    if (result != SQLITE_OK) bind_error_ = result;
    return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
    const int result = sqlite3_bind_blob64(statement_, ++bound_, bytes.data() ? bytes.data() : "",
                                           bytes.size(), SQLITE_STATIC);
    if (result != SQLITE_OK) bind_error_ = result;
    return *this;
}

Result<bool> Statement::step() {
    if (bind_error_ != SQLITE_OK) return std::unexpected(database_.error_of(bind_error_));
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return std::unexpected(database_.error_of(result));
}

Result<int> Statement::run() {
    const auto row = step();
    if (!row) return std::unexpected(row.error());
    check(!*row, "a statement that is run gives no rows");
    return sqlite3_changes(database_.connection_);
}

std::string Statement::text(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (bytes == nullptr) return {};
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::uint64_t Statement::number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

Result<std::unique_ptr<Database>> Database::connect(const std::string& path, int flags) {
    std::unique_ptr<Database> database(new Database(path));
    const int result =
        sqlite3_open_v2(path.c_str(), &database->connection_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) return std::unexpected(database->error_of(result));
    sqlite3_extended_result_codes(database->connection_, 1);
    sqlite3_busy_timeout(database->connection_, limits::database_patience_ms);
    // What sorts must not need room on a disk that may be full.
    if (auto ready = database->execute("PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;");
        !ready)
        return std::unexpected(ready.error());
    return database;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
    if (auto prepared = prepare_file(path); !prepared) return std::unexpected(prepared.error());
    auto database = connect(path, SQLITE_OPEN_READWRITE);
    if (!database) return database;
    if (auto ready = (*database)->set_up(); !ready) return std::unexpected(ready.error());
    return database;
}

Result<std::unique_ptr<Database>> Database::open_present(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return std::unexpected(error_from_errno(errno, "cannot read the database " + path));
    return connect(path, SQLITE_OPEN_READWRITE);
}

Result<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::unexpected(error_from_errno(errno, "cannot read " + path));
    ::close(file);
    return connect(path, SQLITE_OPEN_READONLY);
}

Result<std::unique_ptr<Database>> Database::create(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return std::unexpected(error_from_errno(errno, "cannot make " + path));
    ::close(file);
    return connect(path, SQLITE_OPEN_READWRITE);
}

Result<> Database::set_up() {
    auto ready = execute("PRAGMA synchronous=FULL");
    if (!ready) return ready;
    {
        auto journal = prepare("PRAGMA journal_mode=WAL");
        if (!journal) return std::unexpected(journal.error());
        const auto row = (*journal)->step();
        if (!row) return std::unexpected(row.error());
        if ((*journal)->text(0) != "wal")
            return failure(Code::io, "the database " + path_ + " cannot use write-ahead logging");
    }
    // Every page is read and every row is where it belongs. With 10,000 adapters and a million
    // audit records (216 MiB) that takes a second; whether indexes agree with their rows, too,
    // would take four, and is left to check_whole.
    return judge("PRAGMA quick_check(1)");
}

Result<> Database::judge(const char* pragma) {
    auto check_up = prepare(pragma);
    if (!check_up) return std::unexpected(check_up.error());
    const auto row = (*check_up)->step();
    if (!row) return std::unexpected(row.error());
    if (const std::string verdict = (*check_up)->text(0); verdict != "ok")
        return failure(Code::corrupt, "the database " + path_ + " is damaged: " + verdict);
    return {};
}

Result<> Database::check_whole() {
    return judge("PRAGMA integrity_check(1)");
}

Result<> Database::copy_from(Database& source, const CopyProgress& progress) {
    // A transaction that is open holds the source still, so that no step has to begin again.
    if (auto begun = source.execute("BEGIN; SELECT count(*) FROM sqlite_schema"); !begun)
        return begun;
    sqlite3_backup* copy = sqlite3_backup_init(connection_, "main", source.connection_, "main");
    int result = copy == nullptr ? sqlite3_errcode(connection_) : SQLITE_OK;
    while (result == SQLITE_OK) {
        result = sqlite3_backup_step(copy, limits::backup_step_pages);
        const int total = sqlite3_backup_pagecount(copy);
        progress(total - sqlite3_backup_remaining(copy), total);
    }
    if (copy != nullptr) sqlite3_backup_finish(copy);
    static_cast<void>(source.execute("ROLLBACK"));
    if (result != SQLITE_DONE) return std::unexpected(error_of(result));
    // One file that is whole by itself, wherever it is copied to.
    return execute("PRAGMA journal_mode=DELETE");
}

Database::~Database() {
    for (const auto& [sql, statement] : statements_)
        sqlite3_finalize(statement);
    sqlite3_close(connection_);
}

Result<std::unique_ptr<Statement>> Database::prepare(const char* sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (statement == nullptr) {
        const int result = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                              &statement, nullptr);
        if (result != SQLITE_OK) return std::unexpected(error_of(result));
    }
    return std::make_unique<Statement>(*this, statement);
}

Result<> Database::execute(const char* sql) {
    const int result = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) return std::unexpected(error_of(result));
    return {};
}

Error Database::error_of(int code) {
    const std::string reason =
        connection_ != nullptr ? sqlite3_errmsg(connection_) : sqlite3_errstr(code);
    const std::string file = "the database " + path_;
    const auto error = [](Code kind, std::string detail) {
        return Error{kind, Side::gateway, Retry::never, std::move(detail)};
    };
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return error(Code::unavailable, file + " is in use by another program: " + reason);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            if (damage_.empty()) damage_ = file + " is damaged: " + reason;
            return error(Code::corrupt, file + " is damaged (" + reason + ")");
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
            return error(Code::permission_denied,
                         file + " or its directory is not writable: " + reason);
        case SQLITE_CONSTRAINT:
            return error(Code::conflict, reason);
        case SQLITE_FULL:
            return error(Code::no_space, file + " cannot be written, the disk is full: " + reason);
        case SQLITE_IOERR: {
            const int number = connection_ != nullptr ? sqlite3_system_errno(connection_) : 0;
            const bool is_full = number == ENOSPC || number == EDQUOT;
            return error(is_full ? Code::no_space : Code::io,
                         file + " cannot be used: " + reason +
                             (number != 0 ? std::string(": ") + std::strerror(number) : ""));
        }
        default:
            return error(Code::internal, file + ": " + reason);
    }
}

Result<std::unique_ptr<Transaction>> Transaction::begin(Database& database) {
    if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun)
        return std::unexpected(begun.error());
    return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
    // A rollback can only fail when SQLite has rolled back already.
    if (is_open_) static_cast<void>(database_.execute("ROLLBACK"));
}

Result<> Transaction::commit() {
    auto done = database_.execute("COMMIT");
    if (done) is_open_ = false;
    return done;
}

}  // namespace mcpgw::store
