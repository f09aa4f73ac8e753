// SQLite as values: a connection, its prepared statements, and transactions that roll back.
//
// Not thread-safe: the owner (sqlite_store.h) holds a lock around every use. Nothing throws; each
// failure is an Error whose detail names the file. A statement is prepared once for each SQL
// literal and reset when the Statement that borrowed it dies.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "common/result.h"

namespace mcpgw::store {

class Database;

class Statement {
  public:
    Statement(Database& database, sqlite3_stmt* statement)
        : database_(database), statement_(statement) {}
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    // The next parameter. The bytes must live until the statement dies.
    Statement& bind(std::string_view text);
    Statement& bind(std::uint64_t number);
    Statement& bind_blob(std::string_view bytes);

    // True: a row is there to be read; false: it is done.
    [[nodiscard]] Result<bool> step();
    // Runs a statement that gives no rows; the number of rows it changed.
    [[nodiscard]] Result<int> run();

    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::uint64_t number(int column) const;

  private:
    Database& database_;
    sqlite3_stmt* statement_;
    int bound_ = 0;
    int bind_error_ = SQLITE_OK;
};

// Pages that are copied, of so many.
using CopyProgress = std::function<void(int done, int total)>;

class Database {
  public:
    // Opens or creates the file (mode 0600), sets it up for durable writes, and checks it.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path);
    // One that is there already, which others may be using; it is neither set up nor checked.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open_present(const std::string& path);
    // The same for a file that is only read.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open_to_read(const std::string& path);
    // A new, empty file (mode 0600) without side files; conflict if there is one.
    [[nodiscard]] static Result<std::unique_ptr<Database>> create(const std::string& path);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    // `sql` must be a literal: its address is the key of the prepared statement.
    [[nodiscard]] Result<std::unique_ptr<Statement>> prepare(const char* sql);
    // Several statements without parameters or rows.
    [[nodiscard]] Result<> execute(const char* sql);
    // Becomes what the source is at this moment; others may go on writing to the source. Needs a
    // database of `create`; durable when it returns.
    [[nodiscard]] Result<> copy_from(Database& source, const CopyProgress& progress);
    // Reads every page, row and index; corrupt with the first thing that is wrong.
    [[nodiscard]] Result<> check_whole();
    [[nodiscard]] const std::string& path() const { return path_; }
    // The first damage that any statement met; empty: none so far.
    [[nodiscard]] const std::string& damage() const { return damage_; }

    [[nodiscard]] Error error_of(int code);

  private:
    friend class Statement;
    explicit Database(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] static Result<std::unique_ptr<Database>> connect(const std::string& path,
                                                                   int flags);
    [[nodiscard]] Result<> set_up();
    // The first row of a check; corrupt unless it is "ok".
    [[nodiscard]] Result<> judge(const char* pragma);

    std::string path_;
    sqlite3* connection_ = nullptr;
    std::string damage_;
    std::map<const char*, sqlite3_stmt*> statements_;
};

// Takes the write lock at once; rolls back unless committed.
class Transaction {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Transaction>> begin(Database& database);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    [[nodiscard]] Result<> commit();

  private:
    explicit Transaction(Database& database) : database_(database) {}
    Database& database_;
    bool is_open_ = true;
};

}  // namespace mcpgw::store
