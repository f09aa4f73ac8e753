// What tests of the store share: a folder of its own, an adapter, and how older databases looked.
//
// For tests only. A folder goes with its test; whatever still has a database of it open must be
// closed by then.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "controlplane/store/sqlite_store.h"

namespace mcpgw::store {

class StoreFolderTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_store_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        path_ = name + "/controlplane.db";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    static std::unique_ptr<SqliteStore> open(const std::string& path) {
        auto store = SqliteStore::open(path);
        EXPECT_TRUE(store) << (store ? "" : store.error().detail);
        return store ? std::move(*store) : nullptr;
    }
    std::unique_ptr<SqliteStore> open() const { return open(path_); }

    static model::Adapter adapter(std::string name, std::string description = "") {
        model::Adapter result;
        result.name = result.id = std::move(name);
        result.command = {"server"};
        result.description = std::move(description);
        result.created_by = "alice";
        return result;
    }
    static AuditRecord audit(std::string action, std::string resource = "x") {
        return {0, 99, "alice", std::move(action), std::move(resource), ""};
    }
    // Every page and index of the file, read by a connection of its own.
    static std::string damage_of(const std::string& path) {
        auto database = Database::open_present(path);
        if (!database) return database.error().detail;
        const auto whole = (*database)->check_whole();
        return whole ? "" : whole.error().detail;
    }

    std::string directory_;
    std::string path_;
};

// Takes back what the last migration has done.
inline constexpr const char* kWithoutAccess =
    "DROP TABLE api_tokens; DROP TABLE tenants; DROP TABLE issuers; DROP TABLE assertion_keys;"
    "UPDATE schema_version SET version = version - 1;";

// Takes back what the last two have done.
inline constexpr const char* kWithoutAuditDocuments =
    "DROP TABLE api_tokens; DROP TABLE tenants; DROP TABLE issuers; DROP TABLE assertion_keys;"
    "DROP TRIGGER audit_is_counted; DROP TRIGGER audit_is_discounted;"
    "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;"
    "DROP INDEX audit_by_resource; DROP INDEX audit_by_actor;"
    "ALTER TABLE audit DROP COLUMN bytes; ALTER TABLE audit DROP COLUMN document_before;"
    "ALTER TABLE audit DROP COLUMN document_after;"
    "DELETE FROM meta WHERE key IN ('audit_pruned_to', 'audit_bytes');"
    "UPDATE schema_version SET version = version - 2;";

}  // namespace mcpgw::store
