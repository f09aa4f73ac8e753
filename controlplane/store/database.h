// SQLite as values: a connection, its prepared statements, and transactions that roll back.
//
// Not thread-safe: the owner (sqlite_store.h) holds a lock around every use. Nothing throws; each
// failure is an Error whose detail names the file. A statement is prepared once for each SQL
// literal and reset when the Statement that borrowed it dies.
#pragma once

#include <cstdint>
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

class Database {
  public:
    // Opens or creates the file (mode 0600), sets it up for durable writes, and checks it.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    // `sql` must be a literal: its address is the key of the prepared statement.
    [[nodiscard]] Result<std::unique_ptr<Statement>> prepare(const char* sql);
    // Several statements without parameters or rows.
    [[nodiscard]] Result<> execute(const char* sql);
    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] Error error_of(int code) const;

  private:
    friend class Statement;
    explicit Database(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] Result<> set_up();

    std::string path_;
    sqlite3* connection_ = nullptr;
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
