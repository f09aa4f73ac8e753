// The snapshot on disk is private, whole or absent, and a broken one does not come back.
#include "dataplane/link/snapshot_file.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include "common/limits.h"
#include "common/time.h"
#include "dataplane/link/temporary_directory.h"
#include "dataplane/route/snapshot_fixture.h"

namespace mcpgw {
namespace {

using fixture::make_snapshot;

class SnapshotFileTest : public testing::Test {
  protected:
    fixture::TemporaryDirectory directory_;
    SnapshotFile file_{directory_.path()};
};

TEST_F(SnapshotFileTest, loads_what_was_saved) {
    const contract::Snapshot snapshot = make_snapshot(3, 2);
    ASSERT_TRUE(file_.save(snapshot));
    const auto loaded = file_.load();
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_EQ(contract::encode(loaded->snapshot), contract::encode(snapshot));
    EXPECT_LT(loaded->age_seconds, 60);
}

TEST_F(SnapshotFileTest, nothing_there_is_not_found) {
    EXPECT_EQ(file_.load().error().code, Code::not_found);
}

TEST_F(SnapshotFileTest, only_the_owner_may_read_it) {
    fixture::write_file(file_.path() + ".new", "left over");
    ASSERT_EQ(::chmod((file_.path() + ".new").c_str(), 0666), 0);
    ASSERT_TRUE(file_.save(make_snapshot(1, 1)));
    struct stat about{};
    ASSERT_EQ(::stat(file_.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(file_.path() + ".new"));
}

TEST_F(SnapshotFileTest, saving_replaces_the_old_one) {
    ASSERT_TRUE(file_.save(make_snapshot(3, 2)));
    auto second = make_snapshot(1, 1);
    second.version = 11;
    ASSERT_TRUE(file_.save(second));
    EXPECT_EQ(file_.load()->snapshot.version, 11U);
}

TEST_F(SnapshotFileTest, a_broken_file_is_moved_aside) {
    const std::string whole = contract::encode(make_snapshot(2, 2));
    for (const std::string& text :
         {std::string(), std::string("garbage"), std::string("{}"),
          whole.substr(0, whole.size() / 2), std::string("[1,2"), std::string(1000, '\0')}) {
        fixture::write_file(file_.path(), text);
        EXPECT_EQ(file_.load().error().code, Code::corrupt) << text.substr(0, 20);
        EXPECT_FALSE(std::filesystem::exists(file_.path()));
        EXPECT_EQ(fixture::read_file(file_.path() + ".corrupt"), text);
        EXPECT_EQ(file_.load().error().code, Code::not_found);
    }
}

TEST_F(SnapshotFileTest, a_file_over_the_limit_is_not_read) {
    fixture::write_file(file_.path(), "{");
    std::filesystem::resize_file(file_.path(), limits::frame_bytes_max + 1);  // sparse
    EXPECT_EQ(file_.load().error().code, Code::corrupt);
}

TEST_F(SnapshotFileTest, neither_links_nor_directories_are_followed) {
    fixture::write_file(directory_.file("elsewhere"), contract::encode(make_snapshot(1, 1)));
    std::filesystem::create_symlink(directory_.file("elsewhere"), file_.path());
    EXPECT_FALSE(file_.load());
    std::filesystem::remove(file_.path());
    std::filesystem::create_directory(file_.path());
    EXPECT_FALSE(file_.load());
}

TEST_F(SnapshotFileTest, age_is_the_time_since_it_was_written) {
    ASSERT_TRUE(file_.save(make_snapshot(1, 1)));
    const auto now = static_cast<time_t>(unix_seconds_now());
    const utimbuf times{now - 3600, now - 3600};
    ASSERT_EQ(::utime(file_.path().c_str(), &times), 0);
    EXPECT_NEAR(file_.load()->age_seconds, 3600, 60);
}

TEST_F(SnapshotFileTest, a_directory_that_is_gone_is_an_error) {
    SnapshotFile nowhere(directory_.file("absent"));
    EXPECT_EQ(nowhere.save(make_snapshot(1, 1)).error().code, Code::not_found);
}

}  // namespace
}  // namespace mcpgw
