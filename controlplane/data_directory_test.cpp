// One control plane per directory.
#include "controlplane/data_directory.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mcpgw {
namespace {

class DataDirectoryTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_data_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        base_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(base_); }
    std::string base_;
};

TEST_F(DataDirectoryTest, it_is_made_private_and_held_by_one) {
    const std::string path = base_ + "/a/b";
    {
        const auto first = DataDirectory::open(path);
        ASSERT_TRUE(first) << first.error().detail;
        struct stat status{};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0700U);
        const auto second = DataDirectory::open(path);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Code::conflict);
        EXPECT_NE(second.error().detail.find("another control plane"), std::string::npos);
    }
    EXPECT_TRUE(DataDirectory::open(path));
}

TEST_F(DataDirectoryTest, what_is_no_directory_is_refused) {
    std::ofstream(base_ + "/file") << "x";
    EXPECT_FALSE(DataDirectory::open(base_ + "/file"));
    EXPECT_FALSE(DataDirectory::open(base_ + "/file/below"));
    EXPECT_FALSE(DataDirectory::open("/proc/none"));
}

}  // namespace
}  // namespace mcpgw
