// Secrets on disk: what is written can be read, by its owner alone, and nothing else is believed.
#include "controlplane/secrets/secret_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/limits.h"

namespace mcpgw::secrets {
namespace {

class SecretFilesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_secrets_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        data_dir_ = name;
        directory_ = directory_in(data_dir_);
    }
    void TearDown() override { std::filesystem::remove_all(data_dir_); }

    static mode_t mode_of(const std::string& path) {
        struct stat status{};
        EXPECT_EQ(::stat(path.c_str(), &status), 0);
        return status.st_mode & 07777;
    }
    void write_by_hand(const std::string& name, const std::string& text, mode_t mode = 0600) {
        std::filesystem::create_directory(directory_);
        ::chmod(directory_.c_str(), 0700);
        const std::string path = directory_ + "/" + name;
        std::ofstream(path) << text;
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }
    std::string complaint(const std::string& name) {
        const auto value = read_secret(directory_, name);
        return value ? "" : value.error().detail;
    }

    std::string data_dir_;
    std::string directory_;
};

TEST_F(SecretFilesTest, what_is_written_can_be_read_by_its_owner_alone) {
    ASSERT_TRUE(write_secret(directory_, "key", "Bearer abc").has_value());
    EXPECT_EQ(read_secret(directory_, "key").value(), "Bearer abc");
    EXPECT_EQ(mode_of(directory_), 0700U);
    EXPECT_EQ(mode_of(directory_ + "/key"), 0600U);
}

TEST_F(SecretFilesTest, a_file_is_replaced_as_a_whole) {
    ASSERT_TRUE(write_secret(directory_, "key", "a").has_value());
    const FileMark before = mark_of(directory_ + "/key");
    ASSERT_TRUE(write_secret(directory_, "key", "b").has_value());
    EXPECT_NE(mark_of(directory_ + "/key").inode, before.inode);
    EXPECT_EQ(read_secret(directory_, "key").value(), "b");
    // Nothing is left of drafts.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(SecretFilesTest, names_are_listed_in_order_and_drafts_are_none) {
    EXPECT_TRUE(list_secrets(directory_).value().empty());
    ASSERT_TRUE(write_secret(directory_, "b", "x").has_value());
    ASSERT_TRUE(write_secret(directory_, "a", "x").has_value());
    write_by_hand(".draft-abcdef", "x");
    EXPECT_EQ(list_secrets(directory_).value(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(SecretFilesTest, deleting_takes_it_away_once) {
    ASSERT_TRUE(write_secret(directory_, "key", "a").has_value());
    EXPECT_TRUE(delete_secret(directory_, "key").has_value());
    const auto again = delete_secret(directory_, "key");
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code, Code::not_found);
    EXPECT_EQ(read_secret(directory_, "key").error().code, Code::not_found);
}

TEST_F(SecretFilesTest, a_line_end_is_not_part_of_the_value) {
    write_by_hand("unix", "abc\n");
    write_by_hand("dos", "abc\r\n");
    EXPECT_EQ(read_secret(directory_, "unix").value(), "abc");
    EXPECT_EQ(read_secret(directory_, "dos").value(), "abc");
}

TEST_F(SecretFilesTest, what_others_may_read_is_refused_with_the_remedy) {
    write_by_hand("key", "value-of-it", 0640);
    EXPECT_NE(complaint("key").find("chmod 600 " + directory_ + "/key"), std::string::npos)
        << complaint("key");
    ::chmod((directory_ + "/key").c_str(), 0600);
    ::chmod(directory_.c_str(), 0750);
    EXPECT_NE(complaint("key").find("chmod 700 " + directory_), std::string::npos)
        << complaint("key");
    EXPECT_FALSE(write_secret(directory_, "other", "x").has_value());
    EXPECT_EQ(complaint("key").find("value-of-it"), std::string::npos);
}

TEST_F(SecretFilesTest, a_value_that_would_break_a_header_is_refused_and_never_told) {
    for (const std::string value :
         {"a\nEvil: b", "a\r\nEvil: b", "a\x01", "", " a", "a\x7f", "\xc3\xa4"}) {
        const auto written = write_secret(directory_, "key", value);
        ASSERT_FALSE(written.has_value());
        EXPECT_EQ(written.error().code, Code::invalid_argument);
        EXPECT_EQ(written.error().detail.find("Evil"), std::string::npos);
        write_by_hand("key", value);
        EXPECT_FALSE(read_secret(directory_, "key").has_value());
        EXPECT_EQ(complaint("key").find("Evil"), std::string::npos);
    }
}

TEST_F(SecretFilesTest, values_have_a_limit) {
    const std::string longest(limits::secret_bytes_max, 'a');
    ASSERT_TRUE(write_secret(directory_, "key", longest).has_value());
    EXPECT_EQ(read_secret(directory_, "key").value(), longest);
    EXPECT_FALSE(write_secret(directory_, "key", longest + "a").has_value());
    write_by_hand("large", std::string(1'000'000, 'a'));
    EXPECT_FALSE(read_secret(directory_, "large").has_value());
}

TEST_F(SecretFilesTest, only_plain_files_are_believed) {
    write_by_hand("plain", "a");
    std::filesystem::create_symlink("plain", directory_ + "/link");
    std::filesystem::create_directory(directory_ + "/folder");
    ASSERT_EQ(::mkfifo((directory_ + "/pipe").c_str(), 0600), 0);
    for (const char* name : {"link", "folder", "pipe"})
        EXPECT_EQ(read_secret(directory_, name).error().code, Code::invalid_argument) << name;
}

TEST_F(SecretFilesTest, a_name_cannot_lead_elsewhere) {
    std::ofstream(data_dir_ + "/outside") << "a";
    ASSERT_TRUE(write_secret(directory_, "key", "a").has_value());
    for (const char* name : {"../outside", "..", ".", "", "/etc/hostname", ".draft"}) {
        EXPECT_FALSE(read_secret(directory_, name).has_value()) << name;
        EXPECT_FALSE(write_secret(directory_, name, "x").has_value()) << name;
        EXPECT_FALSE(delete_secret(directory_, name).has_value()) << name;
    }
}

TEST_F(SecretFilesTest, a_data_directory_is_not_made_by_mistake) {
    const auto written = write_secret(directory_in(data_dir_ + "/wrong"), "key", "a");
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, Code::not_found);
    EXPECT_NE(written.error().detail.find("--data-dir"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(data_dir_ + "/wrong"));
}

}  // namespace
}  // namespace mcpgw::secrets
