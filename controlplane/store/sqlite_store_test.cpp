// The promises of store.h, against real SQLite files.
#include "controlplane/store/sqlite_store.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/time.h"
#include "controlplane/store/schema.h"
#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

class SqliteStoreTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_store_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        path_ = name + "/controlplane.db";
        reopen();
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }
    void reopen() {
        store_.reset();
        auto store = SqliteStore::open(path_);
        ASSERT_TRUE(store) << store.error().detail;
        store_ = std::move(*store);
    }

    static model::Adapter adapter(std::string name) {
        model::Adapter result;
        result.name = result.id = std::move(name);
        result.command = {"server", "--port", "{port}"};
        result.environment_variables = {{"TOKEN", "secret"}};
        result.request_headers = {{"Authorization", {"Bearer x", false}}};
        result.health_check = model::HealthCheck{};
        result.created_by = "alice";
        result.created_at_unix_ms = 11;
        result.last_updated_at_unix_ms = 12;
        return result;
    }
    static model::Adapter tool(std::string name) {
        model::Adapter result = adapter(std::move(name));
        result.path = "/score";
        result.tool_definition = model::ToolDefinition{
            R"({"name":")" + result.name +
                R"(","inputSchema":{"type":"object"},"n":12345678901234567890})",
            8000, "/score"};
        return result;
    }
    static AuditRecord audit(std::string action) {
        return {0, 99, "alice", std::move(action), "x", "a detail"};
    }
    model::Adapter created(std::string name) {
        const auto stored = store_->create(adapter(std::move(name)), audit("adapter.create"));
        EXPECT_TRUE(stored) << (stored ? "" : stored.error().detail);
        return stored ? *stored : model::Adapter{};
    }

    std::string directory_;
    std::string path_;
    std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteStoreTest, what_is_created_is_there_after_a_restart) {
    const model::Adapter stored = created("x");
    EXPECT_GT(stored.version, 0U);
    reopen();
    const auto found = store_->get("x");
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, stored);
    model::Adapter expected = adapter("x");
    expected.version = stored.version;
    EXPECT_EQ(*found, expected);
    EXPECT_EQ(store_->get("y").error().code, Code::not_found);
}

TEST_F(SqliteStoreTest, a_name_is_taken_once) {
    created("x");
    EXPECT_EQ(store_->create(adapter("x"), audit("adapter.create")).error().code, Code::conflict);
    EXPECT_EQ(store_->audit(std::nullopt, 10)->size(), 1U);
}

TEST_F(SqliteStoreTest, a_change_of_an_old_version_is_refused) {
    const model::Adapter first = created("x");
    model::Adapter changed = adapter("x");
    changed.replica_count = 5;
    const auto second = store_->replace(changed, first.version, audit("adapter.replace"));
    ASSERT_TRUE(second);
    EXPECT_GT(second->version, first.version);
    EXPECT_EQ(store_->get("x")->replica_count, 5U);

    EXPECT_EQ(store_->replace(changed, first.version, audit("adapter.replace")).error().code,
              Code::conflict);
    EXPECT_EQ(store_->remove("x", first.version, audit("adapter.remove")).error().code,
              Code::conflict);
    EXPECT_EQ(store_->get("x")->version, second->version);
    EXPECT_TRUE(store_->remove("x", second->version, audit("adapter.remove")));
    EXPECT_EQ(store_->get("x").error().code, Code::not_found);
    EXPECT_EQ(store_->remove("x", second->version, audit("adapter.remove")).error().code,
              Code::not_found);
    EXPECT_EQ(store_->replace(changed, 1, audit("adapter.replace")).error().code, Code::not_found);
    EXPECT_EQ(store_->audit(std::nullopt, 10)->size(), 3U);  // refusals leave no record
}

TEST_F(SqliteStoreTest, a_name_used_again_never_gets_an_old_version) {
    const model::Adapter first = created("x");
    ASSERT_TRUE(store_->remove("x", first.version, audit("adapter.remove")));
    reopen();
    EXPECT_GT(created("x").version, first.version);
}

TEST_F(SqliteStoreTest, a_list_is_ordered_and_paged_by_name) {
    for (const char* name : {"b", "d", "a", "c"})
        created(name);
    const auto names = [](const Result<std::vector<model::Adapter>>& list) {
        std::string text;
        for (const model::Adapter& item : *list)
            text += item.name;
        return text;
    };
    EXPECT_EQ(names(store_->list({}, "", 100)), "abcd");
    EXPECT_EQ(names(store_->list({}, "", 2)), "ab");
    EXPECT_EQ(names(store_->list({}, "b", 2)), "cd");
    EXPECT_EQ(names(store_->list({}, "d", 2)), "");
}

TEST_F(SqliteStoreTest, a_tool_is_kept_as_it_was_given) {
    const auto stored = store_->create(tool("x"), audit("tool.create"));
    ASSERT_TRUE(stored) << stored.error().detail;
    reopen();
    const auto found = store_->get("x");
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(*found, *stored);
    EXPECT_EQ(found->kind(), model::Kind::tool);
    model::Adapter changed = tool("x");
    changed.tool_definition->port = changed.port = 9000;
    ASSERT_TRUE(store_->replace(changed, stored->version, audit("tool.replace")));
    EXPECT_EQ(store_->get("x")->tool_definition->port, 9000);
}

TEST_F(SqliteStoreTest, adapters_and_tools_share_their_names_and_have_lists_of_their_own) {
    for (const char* name : {"b", "d"})
        created(name);
    for (const char* name : {"a", "c", "e"})
        ASSERT_TRUE(store_->create(tool(name), audit("tool.create")));
    const auto names = [this](std::optional<model::Kind> kind, const char* after, std::size_t max) {
        std::string text;
        const auto list = store_->list(kind, after, max);
        for (const model::Adapter& item : *list)
            text += item.name;
        return text;
    };
    EXPECT_EQ(names({}, "", 100), "abcde");
    EXPECT_EQ(names(model::Kind::adapter, "", 100), "bd");
    EXPECT_EQ(names(model::Kind::tool, "", 2), "ac");
    EXPECT_EQ(names(model::Kind::tool, "b", 100), "ce");
    const auto tool_first = store_->create(adapter("a"), audit("adapter.create"));
    EXPECT_EQ(tool_first.error().code, Code::conflict);
    EXPECT_NE(tool_first.error().detail.find("that of the tool a already"), std::string::npos);
    const auto adapter_first = store_->create(tool("b"), audit("tool.create"));
    EXPECT_EQ(adapter_first.error().code, Code::conflict);
    EXPECT_NE(adapter_first.error().detail.find("that of the adapter b already"),
              std::string::npos);
    // Whoever has the name now decides what it is.
    ASSERT_TRUE(store_->remove("b", store_->get("b")->version, audit("adapter.remove")));
    ASSERT_TRUE(store_->create(tool("b"), audit("tool.create")));
    EXPECT_EQ(names(model::Kind::tool, "", 100), "abce");
}

// Schema version 2 knew no tools.
TEST_F(SqliteStoreTest, what_an_older_database_has_are_adapters) {
    const model::Adapter stored = created("x");
    store_.reset();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute(kWithoutAuditDocuments));
        ASSERT_TRUE((*database)->execute(
            "DROP INDEX adapters_by_kind; ALTER TABLE adapters DROP COLUMN kind;"
            "UPDATE schema_version SET version = 2;"));
    }
    reopen();
    EXPECT_EQ(*store_->get("x"), stored);
    EXPECT_EQ(store_->list(model::Kind::adapter, "", 10)->size(), 1U);
    EXPECT_TRUE(store_->list(model::Kind::tool, "", 10)->empty());
}

TEST_F(SqliteStoreTest, the_epoch_is_made_once_and_differs_between_stores) {
    const std::string epoch = *store_->epoch();
    EXPECT_EQ(epoch.size(), 32U);
    reopen();
    EXPECT_EQ(*store_->epoch(), epoch);
    const auto other = SqliteStore::open(directory_ + "/other.db");
    ASSERT_TRUE(other);
    EXPECT_NE(*(*other)->epoch(), epoch);
}

TEST_F(SqliteStoreTest, snapshot_versions_only_grow_also_across_restarts) {
    EXPECT_EQ(*store_->snapshot_version(), 0U);
    std::uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1500; ++i) {
            const auto next = store_->next_snapshot_version();
            ASSERT_TRUE(next);
            ASSERT_GT(*next, last);
            last = *next;
        }
        EXPECT_EQ(*store_->snapshot_version(), last);
        reopen();
        EXPECT_GE(*store_->snapshot_version(), last);
    }
}

TEST_F(SqliteStoreTest, a_new_store_has_one_key_which_stays) {
    const auto keys = store_->sealing_keys();
    ASSERT_TRUE(keys);
    ASSERT_EQ(keys->size(), 1U);
    EXPECT_EQ(keys->front().key.size(), 32U);
    EXPECT_EQ(keys->front().id.size(), 8U);
    EXPECT_LE(keys->front().created_unix_ms, unix_millis_now());
    EXPECT_EQ(keys->front().seals_from_unix_ms, keys->front().created_unix_ms);
    reopen();
    EXPECT_EQ(*store_->sealing_keys(), *keys);
}

TEST_F(SqliteStoreTest, keys_are_replaced_as_a_whole_with_their_times) {
    const keys::RingKey old_key{"old", std::string(32, '\0'), 1'000, 2'000};
    const keys::RingKey new_key{"new", std::string(32, 'n'), 3'000, 4'000'000'000'000};
    ASSERT_TRUE(store_->put_sealing_keys({old_key, new_key}, audit("session_key.add")));
    reopen();
    EXPECT_EQ(*store_->sealing_keys(), (keys::KeyRing{old_key, new_key}));
    EXPECT_EQ(store_->audit(std::nullopt, 1)->at(0).action, "session_key.add");
    for (const keys::KeyRing& broken :
         {keys::KeyRing{}, keys::KeyRing{new_key, new_key}, keys::KeyRing{{"k", "short", 1, 1}}})
        EXPECT_EQ(store_->put_sealing_keys(broken, audit("no")).error().code,
                  Code::invalid_argument);
    EXPECT_EQ(store_->sealing_keys()->size(), 2U);
    EXPECT_EQ(store_->audit(std::nullopt, 10)->size(), 1U);
}

// Schema version 1 knew which key was current, and no times.
TEST_F(SqliteStoreTest, the_keys_of_an_older_database_stay_and_its_current_key_seals) {
    store_.reset();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute(kWithoutAuditDocuments));
        ASSERT_TRUE((*database)->execute(
            "DROP INDEX adapters_by_kind; ALTER TABLE adapters DROP COLUMN kind;"
            "DROP TABLE sealing_keys; UPDATE schema_version SET version = 1;"
            "CREATE TABLE sealing_keys (id TEXT PRIMARY KEY, key BLOB NOT NULL,"
            " is_current INTEGER NOT NULL) STRICT;"
            "INSERT INTO sealing_keys VALUES ('now', zeroblob(32), 1), ('old', zeroblob(32), 0);"));
    }
    reopen();
    const auto keys = store_->sealing_keys();
    ASSERT_TRUE(keys) << keys.error().detail;
    ASSERT_EQ(keys->size(), 2U);
    EXPECT_EQ(keys->at(0).id, "old");
    EXPECT_EQ(keys::current_at(*keys, unix_millis_now()), 1U);
    EXPECT_FALSE(keys::is_successor_due(*keys, unix_millis_now(), 60'000));
}

TEST_F(SqliteStoreTest, the_audit_log_is_read_newest_first) {
    for (const char* action : {"one", "two", "three"})
        ASSERT_TRUE(store_->append_audit(audit(action)));
    const auto newest = store_->audit(std::nullopt, 2);
    ASSERT_TRUE(newest);
    ASSERT_EQ(newest->size(), 2U);
    EXPECT_EQ(newest->at(0).action, "three");
    EXPECT_EQ(newest->at(0).actor, "alice");
    EXPECT_EQ(newest->at(0).at_unix_ms, 99U);
    EXPECT_EQ(newest->at(0).detail, "a detail");
    const auto rest = store_->audit(newest->at(1).id, 2);
    ASSERT_EQ(rest->size(), 1U);
    EXPECT_EQ(rest->at(0).action, "one");
}

TEST_F(SqliteStoreTest, many_threads_lose_no_change) {
    created("x");
    std::array<std::thread, 4> threads;
    for (std::thread& thread : threads)
        thread = std::thread([this] {
            for (int done = 0; done < 25;) {
                model::Adapter present = *store_->get("x");
                ++present.replica_count;
                const std::uint64_t version = present.version;
                if (store_->replace(present, version, audit("adapter.replace"))) ++done;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(store_->get("x")->replica_count, 101U);
}

TEST_F(SqliteStoreTest, nobody_else_can_read_the_files) {
    created("x");
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
        struct stat status{};
        ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
    }
    store_.reset();
    ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
    reopen();
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(SqliteStoreTest, a_file_that_is_no_database_is_refused_and_left_alone) {
    const std::string path = directory_ + "/broken.db";
    const std::string text(8192, 'x');
    std::ofstream(path) << text;
    const auto store = SqliteStore::open(path);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Code::corrupt);
    EXPECT_NE(store.error().detail.find(path), std::string::npos) << store.error().detail;
    EXPECT_NE(store.error().detail.find("damaged"), std::string::npos) << store.error().detail;
    std::ifstream file(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST_F(SqliteStoreTest, damage_in_the_middle_is_found_when_opening) {
    for (int i = 0; i < 100; ++i)
        created("x" + std::to_string(i));
    store_.reset();
    {
        std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        const auto size = std::filesystem::file_size(path_);
        for (std::uintmax_t at = 4096; at < size; ++at)
            file.put('\x5a');
    }
    const auto store = SqliteStore::open(path_);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Code::corrupt) << store.error().detail;
}

TEST_F(SqliteStoreTest, a_broken_document_is_an_error_not_an_empty_answer) {
    created("x");
    store_.reset();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute("UPDATE adapters SET document = '{\"name\":\"x\"}'"));
    }
    reopen();
    EXPECT_EQ(store_->get("x").error().code, Code::corrupt);
    EXPECT_EQ(store_->list({}, "", 10).error().code, Code::corrupt);
}

TEST_F(SqliteStoreTest, a_database_of_a_newer_program_is_refused) {
    store_.reset();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute("UPDATE schema_version SET version = 1000"));
    }
    const auto store = SqliteStore::open(path_);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Code::unsupported);
    EXPECT_NE(store.error().detail.find("newer"), std::string::npos);
}

TEST_F(SqliteStoreTest, a_missing_directory_is_a_clear_error) {
    const auto store = SqliteStore::open(directory_ + "/none/x.db");
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().detail.find("cannot write the database"), std::string::npos);
    EXPECT_FALSE(SqliteStore::open(directory_));
}

// Root may write everywhere, so the test becomes somebody else for a moment.
TEST_F(SqliteStoreTest, a_directory_that_is_not_writable_is_a_clear_error) {
    created("x");
    store_.reset();
    ASSERT_EQ(::chmod(directory_.c_str(), 0555), 0);
    ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
    const bool is_root = ::geteuid() == 0;
    if (is_root) {
        ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const auto fresh = SqliteStore::open(directory_ + "/fresh.db");
    const auto existing = SqliteStore::open(path_);
    if (is_root) {
        ASSERT_EQ(::seteuid(0), 0);
    }
    ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
    ASSERT_FALSE(fresh);
    EXPECT_EQ(fresh.error().code, Code::permission_denied) << fresh.error().detail;
    ASSERT_FALSE(existing);
    EXPECT_EQ(existing.error().code, Code::permission_denied) << existing.error().detail;
}

}  // namespace
}  // namespace mcpgw::store
