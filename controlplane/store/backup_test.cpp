// Copies of the database: whole, private, of one moment; and the way back.
#include "controlplane/store/backup.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "controlplane/store/backup_folder.h"
#include "controlplane/store/faulty_disk.h"
#include "controlplane/store/schema.h"
#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

class BackupTest : public StoreFolderTest {
  protected:
    std::string file(const std::string& name = "copy.db") const { return directory_ + "/" + name; }
    Result<BackupFacts> back_up(const std::string& to, bool overwrites = false) const {
        auto database = Database::open_present(path_);
        if (!database) return std::unexpected(database.error());
        return write_backup(**database, {.file = to, .overwrites = overwrites});
    }
    Result<Restored> restore(const std::string& from) const {
        return restore_backup({.file = from}, path_);
    }
    std::vector<std::string> entries(const std::string& folder) const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }
    static void damage(const std::string& path) {
        std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekp(4096);
        bytes << std::string(3 * 4096, '\x5a');
    }
    void fill(int count) const {
        const auto store = open();
        for (int i = 0; i < count; ++i)
            ASSERT_TRUE(store->create(adapter("x" + std::to_string(i)), audit("adapter.create")));
    }
};

TEST_F(BackupTest, a_backup_holds_adapters_keys_and_audit_records_in_one_private_file) {
    fill(20);
    const auto store = open();
    const auto facts = back_up(file());  // beside the store that has it open
    ASSERT_TRUE(facts) << facts.error().detail;
    EXPECT_EQ(facts->resources, 20U);
    EXPECT_EQ(facts->audit_records, 20U);
    EXPECT_EQ(facts->bytes, std::filesystem::file_size(file()));
    struct stat status{};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    for (const char* side : {"-wal", "-shm", "-journal", ".part"})
        EXPECT_FALSE(std::filesystem::exists(file() + side)) << side;
    const auto copy = open(file());
    EXPECT_EQ(*copy->list({}, "", 100), *store->list({}, "", 100));
    EXPECT_EQ(*copy->sealing_keys(), *store->sealing_keys());
    EXPECT_EQ(copy->audit(std::nullopt, 100)->size(), 20U);
}

// Each change counts the revision up and writes one record, so a mixture of moments would show.
TEST_F(BackupTest, a_backup_made_beside_a_writer_is_of_one_moment) {
    fill(300);
    std::atomic<bool> ends = false;
    std::thread writer([&] {
        const auto store = open();
        model::Adapter present = *store->get("x7");
        while (!ends) {
            auto next = store->replace(present, present.version, audit("adapter.replace"));
            if (!next) break;
            present = std::move(*next);
        }
    });
    for (int i = 0; i < 5; ++i) {
        const std::string name = file("copy" + std::to_string(i) + ".db");
        const auto facts = back_up(name);
        EXPECT_TRUE(facts) << (facts ? "" : facts.error().detail);
        const auto copy = open(name);
        const auto newest = copy->audit(std::nullopt, 1);
        const model::Adapter made = *copy->create(adapter("last"), audit("adapter.create"));
        EXPECT_EQ(made.version, newest->at(0).id + 1);
    }
    ends = true;
    writer.join();
}

TEST_F(BackupTest, a_file_that_exists_is_overwritten_only_if_that_is_wanted) {
    fill(1);
    std::ofstream(file()) << "precious";
    EXPECT_EQ(back_up(file()).error().code, Code::conflict);
    EXPECT_EQ(std::filesystem::file_size(file()), 8U);
    ASSERT_TRUE(back_up(file(), true));
    EXPECT_EQ(open(file())->list({}, "", 10)->size(), 1U);
}

TEST_F(BackupTest, a_backup_that_finds_no_room_leaves_nothing_and_harms_nothing) {
    fill(5);
    std::ofstream(file()) << "precious";
    {
        FaultyDisk disk;
        for (int good = 0; good < 4; ++good) {
            disk.fail_after(good, SQLITE_FULL);
            const auto facts = back_up(file(), true);
            ASSERT_FALSE(facts) << good;
            EXPECT_EQ(facts.error().code, Code::no_space) << facts.error().detail;
            disk.heal();
        }
    }
    EXPECT_EQ(std::filesystem::file_size(file()), 8U);
    EXPECT_EQ(entries(directory_), (std::vector<std::string>{"controlplane.db", "copy.db"}));
    EXPECT_EQ(open()->list({}, "", 10)->size(), 5U);
}

TEST_F(BackupTest, a_restore_brings_back_what_was_and_keeps_what_is) {
    fill(3);
    const keys::KeyRing keys = *open()->sealing_keys();
    ASSERT_TRUE(back_up(file()));
    {
        const auto store = open();
        ASSERT_TRUE(store->create(adapter("later"), audit("adapter.create")));
        ASSERT_TRUE(store->put_sealing_keys({{"other", std::string(32, 'o'), 1, 1}}, audit("k")));
    }
    const auto restored = restore(file());
    ASSERT_TRUE(restored) << restored.error().detail;
    EXPECT_EQ(restored->facts.resources, 3U);
    {
        const auto store = open();
        EXPECT_EQ(store->get("later").error().code, Code::not_found);
        EXPECT_EQ(store->list({}, "", 10)->size(), 3U);
        EXPECT_EQ(*store->sealing_keys(), keys);
        EXPECT_EQ(store->audit(std::nullopt, 1)->at(0).action, "store.restore");
    }
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    // And back again, from what was kept.
    ASSERT_TRUE(restore(restored->former));
    EXPECT_TRUE(open()->get("later"));
}

// ETags and snapshot versions are in other hands.
TEST_F(BackupTest, no_version_is_given_out_twice_after_a_restore) {
    fill(1);
    ASSERT_TRUE(back_up(file()));
    std::uint64_t version = 0;
    std::uint64_t snapshot = 0;
    std::string epoch;
    {
        const auto store = open();
        epoch = *store->epoch();
        for (int i = 0; i < 5000; ++i)
            snapshot = *store->next_snapshot_version();
        version = store->create(adapter("later"), audit("adapter.create"))->version;
    }
    ASSERT_TRUE(restore(file()));
    const auto store = open();
    EXPECT_EQ(*store->epoch(), epoch);
    EXPECT_GT(*store->next_snapshot_version(), snapshot);
    EXPECT_GT(store->create(adapter("again"), audit("adapter.create"))->version, version);
}

TEST_F(BackupTest, what_is_no_sound_backup_is_refused_and_touches_nothing) {
    fill(100);
    ASSERT_TRUE(back_up(file()));
    damage(file());
    std::ofstream(file("text.db")) << std::string(5000, 't');
    std::ofstream(file("empty.db")) << "";
    {
        auto foreign = Database::create(file("foreign.db"));
        ASSERT_TRUE((*foreign)->execute("CREATE TABLE t (x)"));
        ASSERT_TRUE(back_up(file("newer.db")));
        auto newer = Database::open_present(file("newer.db"));
        ASSERT_TRUE((*newer)->execute("UPDATE schema_version SET version = 1000"));
    }
    const auto code_for = [this](const std::string& name) {
        const auto restored = restore(file(name));
        EXPECT_FALSE(restored) << name;
        if (restored) return Code::internal;
        EXPECT_NE(restored.error().detail.find(file(name)), std::string::npos)
            << restored.error().detail;
        return restored.error().code;
    };
    EXPECT_EQ(code_for("copy.db"), Code::corrupt);
    EXPECT_EQ(code_for("text.db"), Code::corrupt);
    EXPECT_EQ(code_for("empty.db"), Code::invalid_argument);
    EXPECT_EQ(code_for("foreign.db"), Code::invalid_argument);
    EXPECT_EQ(code_for("newer.db"), Code::unsupported);
    EXPECT_EQ(code_for("missing.db"), Code::not_found);
    EXPECT_EQ(open()->list({}, "", 1000)->size(), 100U);
    EXPECT_FALSE(std::filesystem::exists(backup_folder_of(path_)));
    EXPECT_FALSE(std::filesystem::exists(path_ + ".restoring"));
}

TEST_F(BackupTest, a_damaged_database_names_the_newest_backup_and_can_be_replaced_by_it) {
    fill(100);
    auto without = SqliteStore::open(path_);
    ASSERT_TRUE(without);
    without->reset();
    const std::string older = *new_backup_name(path_, "backup");
    ASSERT_TRUE(back_up(older));
    std::string newer;
    do
        newer = *new_backup_name(path_, "backup");
    while (newer == older);
    ASSERT_TRUE(back_up(newer));
    damage(path_);
    const auto damaged = SqliteStore::open(path_);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, Code::corrupt);
    for (const std::string& part :
         {path_, "mcp-gateway restore " + newer + " --data-dir " + directory_})
        EXPECT_NE(damaged.error().detail.find(part), std::string::npos) << damaged.error().detail;
    const auto restored = restore(newer);
    ASSERT_TRUE(restored) << restored.error().detail;
    EXPECT_EQ(open()->list({}, "", 1000)->size(), 100U);
    EXPECT_NE(damage_of(restored->former), "");
}

TEST_F(BackupTest, damage_without_a_backup_says_that_there_is_none) {
    fill(100);
    damage(path_);
    const auto damaged = SqliteStore::open(path_);
    ASSERT_FALSE(damaged);
    EXPECT_NE(damaged.error().detail.find("there is no backup"), std::string::npos)
        << damaged.error().detail;
}

// A log of another database beside a restored one would change it.
TEST_F(BackupTest, a_log_that_was_left_behind_goes_with_the_database_it_belongs_to) {
    fill(3);
    ASSERT_TRUE(back_up(file()));
    {
        const auto store = open();
        ASSERT_TRUE(store->create(adapter("later"), audit("adapter.create")));
        for (const char* side : {"", "-wal"})
            std::filesystem::copy_file(path_ + side, file("crashed.db") + side);
    }
    for (const char* side : {"", "-wal"})
        std::filesystem::copy_file(file("crashed.db") + side, path_ + side,
                                   std::filesystem::copy_options::overwrite_existing);
    const auto restored = restore(file());
    ASSERT_TRUE(restored) << restored.error().detail;
    EXPECT_EQ(open()->get("later").error().code, Code::not_found);
    ASSERT_TRUE(restore(restored->former));
    EXPECT_TRUE(open()->get("later")) << "what was only in the log is kept, too";
}

TEST_F(BackupTest, an_older_database_is_copied_before_it_is_migrated_and_five_copies_are_kept) {
    fill(4);
    const std::string folder = backup_folder_of(path_);
    for (int round = 0; round < 7; ++round) {
        {
            auto database = Database::open_present(path_);
            ASSERT_TRUE(database);
            const auto done = (*database)->execute(kWithoutAccess);
            ASSERT_TRUE(done) << done.error().detail;
        }
        EXPECT_EQ(open()->list({}, "", 10)->size(), 4U);
    }
    const std::vector<std::string> names = entries(folder);
    ASSERT_EQ(names.size(), limits::automatic_backups_max);
    const auto copy = Database::open_to_read(folder + "/" + names.back());
    ASSERT_TRUE(copy);
    EXPECT_EQ(*schema_version(**copy), schema_version_newest() - 1);
    EXPECT_TRUE(names.back().starts_with("controlplane-" +
                                         std::to_string(schema_version_newest() - 1) + "-"));
    ASSERT_TRUE(restore(folder + "/" + names.back()));
    EXPECT_EQ(open()->list({}, "", 10)->size(), 4U);
    // A new database and one of the present version are not copied.
    open(file("fresh.db"));
    open(file("fresh.db"));
    EXPECT_EQ(backups_in(folder, {"controlplane"}).size(), limits::automatic_backups_max);
}

TEST_F(BackupTest, files_that_people_have_named_are_left_alone) {
    const std::string folder = directory_ + "/b";
    ASSERT_TRUE(make_backup_folder(folder));
    const std::vector<std::string> theirs = {"controlplane.db", "mine-1.db", "notes.txt"};
    for (const std::string& name : theirs)
        std::ofstream(folder + "/" + name) << "";
    for (std::uint64_t at = 1; at <= 9; ++at)
        std::ofstream(folder + "/" + backup_name("replaced", at * 1000)) << "";
    keep_newest_backups(folder, "replaced", 2);
    std::vector<std::string> expected = theirs;
    expected.push_back(backup_name("replaced", 8000));
    expected.push_back(backup_name("replaced", 9000));
    std::ranges::sort(expected);
    EXPECT_EQ(entries(folder), expected);
}

}  // namespace
}  // namespace mcpgw::store
