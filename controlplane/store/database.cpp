// The only file that calls SQLite.
//
// Durability: WAL with synchronous=FULL. NORMAL could lose the last commits in a power cut; then a
// version of a snapshot that a data plane already has would be given out again for other contents,
// and an answered change would be gone. Changes are rare, one fsync each is no cost here.
#include "controlplane/store/database.h"

#include <cerrno>

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

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
    if (auto prepared = prepare_file(path); !prepared) return std::unexpected(prepared.error());
    std::unique_ptr<Database> database(new Database(path));
    const int result = sqlite3_open_v2(path.c_str(), &database->connection_,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) return std::unexpected(database->error_of(result));
    if (auto ready = database->set_up(); !ready) return std::unexpected(ready.error());
    return database;
}

Result<> Database::set_up() {
    sqlite3_extended_result_codes(connection_, 1);
    sqlite3_busy_timeout(connection_, limits::database_patience_ms);
    auto ready = execute("PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL;");
    if (!ready) return ready;
    {
        auto journal = prepare("PRAGMA journal_mode=WAL");
        if (!journal) return std::unexpected(journal.error());
        const auto row = (*journal)->step();
        if (!row) return std::unexpected(row.error());
        if ((*journal)->text(0) != "wal")
            return failure(Code::io, "the database " + path_ + " cannot use write-ahead logging");
    }
    auto check_up = prepare("PRAGMA quick_check(1)");
    if (!check_up) return std::unexpected(check_up.error());
    const auto row = (*check_up)->step();
    if (!row) return std::unexpected(row.error());
    if (const std::string verdict = (*check_up)->text(0); verdict != "ok")
        return failure(Code::corrupt, "the database " + path_ + " is damaged: " + verdict);
    return {};
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

Error Database::error_of(int code) const {
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
            return error(Code::corrupt,
                         file + " is damaged (" + reason +
                             "); restore it from a backup, or move it away to start afresh");
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
            return error(Code::permission_denied,
                         file + " or its directory is not writable: " + reason);
        case SQLITE_CONSTRAINT:
            return error(Code::conflict, reason);
        case SQLITE_FULL:
        case SQLITE_IOERR:
            return error(Code::io, file + " cannot be used: " + reason);
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
