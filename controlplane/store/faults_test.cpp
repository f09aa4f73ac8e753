// Disks that are full or broken, logs cut short, and pages that rot while the store is open.
//
// Whatever happens, what was acknowledged is there, what was refused is not, and the store is used
// again when the disk is well.
#include <fstream>
#include <map>

#include "controlplane/store/faulty_disk.h"
#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

using Known = std::map<std::string, std::string>;  // description by name

class FaultsTest : public StoreFolderTest {
  protected:
    static Known known(SqliteStore& store) {
        const auto list = store.list({}, "", 1000);
        EXPECT_TRUE(list) << (list ? "" : list.error().detail);
        Known result;
        if (!list) return result;
        for (const model::Adapter& one : *list)
            result[one.name] = one.description;
        return result;
    }
    // A change of each kind; `expected` follows those that were acknowledged.
    static int change(SqliteStore& store, Known& expected, const std::string& mark) {
        int refused = 0;
        const auto note = [&](const auto& done) {
            if (done) return true;
            ++refused;
            EXPECT_TRUE(done.error().code == Code::no_space || done.error().code == Code::io)
                << done.error().detail;
            return false;
        };
        if (note(store.create(adapter("new-" + mark, mark), audit("adapter.create"))))
            expected["new-" + mark] = mark;
        if (const auto a = store.get("a"))
            if (note(store.replace(adapter("a", mark), a->version, audit("adapter.replace"))))
                expected["a"] = mark;
        if (const auto b = store.get("b"))
            if (note(store.remove("b", b->version, audit("adapter.remove")))) expected.erase("b");
        return refused;
    }
};

// The disk fails from the nth write on: wherever in a change that is.
TEST_F(FaultsTest, whatever_write_fails_nothing_that_was_acknowledged_is_lost) {
    int refused = 0;
    FaultyDisk disk;
    for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC})
        for (int good = 0; good < 64; good += 4) {
            SCOPED_TRACE(std::to_string(code) + " after " + std::to_string(good));
            const std::string path =
                directory_ + "/" + std::to_string(code) + "-" + std::to_string(good) + ".db";
            auto store = open(path);
            Known expected = {{"a", "1"}, {"b", "2"}};
            for (const auto& [name, description] : expected)
                ASSERT_TRUE(store->create(adapter(name, description), audit("adapter.create")));
            disk.fail_after(good, code);
            refused += change(*store, expected, "1");
            refused += change(*store, expected, "2");
            EXPECT_EQ(known(*store), expected) << "reads go on";
            EXPECT_FALSE(store->check_up());
            disk.heal();
            EXPECT_TRUE(store->check_up());
            EXPECT_EQ(change(*store, expected, "3"), 0) << "and so do changes, once there is room";
            EXPECT_EQ(known(*store), expected);
            store.reset();
            store = open(path);
            EXPECT_EQ(known(*store), expected);
            store.reset();
            EXPECT_EQ(damage_of(path), "");
        }
    EXPECT_GT(refused, 100) << "the disk did fail";
}

// A change is in the log as a whole or not at all, wherever the log ends.
TEST_F(FaultsTest, of_a_log_that_was_cut_or_spoilt_what_is_before_the_place_counts) {
    constexpr std::size_t kCount = 12;
    auto store = open();
    const std::string copy = directory_ + "/copy.db";
    for (std::size_t i = 0; i < kCount; ++i)
        ASSERT_TRUE(store->create(adapter("x" + std::to_string(10 + i)), audit("adapter.create")));
    const std::string whole = directory_ + "/whole";
    std::filesystem::copy_file(path_, whole);
    std::filesystem::copy_file(path_ + "-wal", whole + "-wal");
    store.reset();
    const auto size = std::filesystem::file_size(whole + "-wal");
    std::size_t seen_last = 0;
    for (std::uintmax_t at = size / 3; at <= size; at += 4001) {
        for (const bool is_cut : {true, false}) {
            for (const char* side : {"", "-wal"})
                std::filesystem::copy_file(whole + side, copy + side,
                                           std::filesystem::copy_options::overwrite_existing);
            if (is_cut) {
                std::filesystem::resize_file(copy + "-wal", at);
            } else {
                std::fstream bytes(copy + "-wal", std::ios::in | std::ios::out | std::ios::binary);
                bytes.seekp(static_cast<std::streamoff>(at));
                bytes << "spoilt";
            }
            const auto again = open(copy);
            ASSERT_TRUE(again);
            const std::size_t count = again->list({}, "", 1000)->size();
            EXPECT_EQ(again->audit(std::nullopt, 1000)->size(), count) << "both or neither";
            if (count > 0) {
                EXPECT_EQ(again->list({}, "", 1000)->back().name, "x" + std::to_string(9 + count));
            }
            if (is_cut) {
                EXPECT_GE(count, seen_last);
                seen_last = count;
            }
        }
        EXPECT_EQ(damage_of(copy), "");
        std::filesystem::remove(copy);
    }
    EXPECT_GT(seen_last, kCount / 2);
}

// Pages that are read again from a disk that has spoilt them meanwhile.
TEST_F(FaultsTest, damage_that_is_met_while_serving_is_told_and_other_rows_are_still_read) {
    const auto store = open();
    for (int i = 0; i < 400; ++i) {
        const std::string name = "x" + std::to_string(1000 + i);
        ASSERT_TRUE(store->create(adapter(name, std::string(4000, 'd')), audit("adapter.create")));
    }
    ASSERT_TRUE(store->check_up());
    {
        auto other = Database::open_present(path_);
        ASSERT_TRUE((*other)->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    const auto size = std::filesystem::file_size(path_);
    {
        std::fstream bytes(path_, std::ios::in | std::ios::out | std::ios::binary);
        for (std::uintmax_t page = 40; page < 60; ++page) {
            bytes.seekp(static_cast<std::streamoff>(page * 4096));
            bytes << std::string(4096, '\x5a');
        }
        ASSERT_GT(size, 100U * 4096);
    }
    int damaged = 0;
    int sound = 0;
    for (int i = 0; i < 400; ++i) {
        const auto one = store->get("x" + std::to_string(1000 + i));
        one ? ++sound : ++damaged;
        if (!one) {
            EXPECT_EQ(one.error().code, Code::corrupt) << one.error().detail;
        }
    }
    EXPECT_GT(damaged, 0);
    EXPECT_GT(sound, 0);
    const auto told = store->check_up();
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Code::corrupt);
    EXPECT_NE(told.error().detail.find(path_), std::string::npos) << told.error().detail;
}

}  // namespace
}  // namespace mcpgw::store
