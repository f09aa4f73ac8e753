// Which value of a secret is in force, and that a change is noticed.
#include "controlplane/secrets/secret_store.h"

#include <cstdlib>
#include <filesystem>
#include <future>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace mcpgw::secrets {
namespace {

class SecretStoreTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_secrets_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        data_dir_ = name;
        directory_ = directory_in(data_dir_);
    }
    void TearDown() override { std::filesystem::remove_all(data_dir_); }

    SecretStoreOptions options() {
        return {.directory = directory_,
                .variable = [this](const char* name) -> const char* {
                    const auto found = variables_.find(name);
                    return found == variables_.end() ? nullptr : found->second.c_str();
                },
                .on_change = [] {}};
    }
    void set(const char* name, const char* value) {
        ASSERT_TRUE(write_secret(directory_, name, value).has_value());
    }

    std::string data_dir_;
    std::string directory_;
    std::map<std::string, std::string, std::less<>> variables_;
};

TEST_F(SecretStoreTest, changes_are_news_once) {
    set("a", "1");
    SecretStore store(options());
    EXPECT_EQ(store.value("a").value(), "1");
    EXPECT_FALSE(store.look());
    set("a", "2");
    set("b", "3");
    EXPECT_TRUE(store.look());
    EXPECT_EQ(store.value("a").value(), "2");
    EXPECT_EQ(store.value("b").value(), "3");
    EXPECT_FALSE(store.look());
    ASSERT_TRUE(delete_secret(directory_, "a").has_value());
    EXPECT_TRUE(store.look());
    EXPECT_FALSE(store.value("a").has_value());
    EXPECT_FALSE(store.look());
}

TEST_F(SecretStoreTest, the_same_value_written_again_is_no_news) {
    set("a", "1");
    SecretStore store(options());
    set("a", "1");
    EXPECT_FALSE(store.look());
}

TEST_F(SecretStoreTest, a_missing_secret_says_how_to_set_it) {
    SecretStore store(options());
    const auto value = store.value("prod-key");
    ASSERT_FALSE(value.has_value());
    EXPECT_EQ(value.error().detail,
              "secret prod-key is missing; set it with `mcp-gateway secrets set prod-key`");
}

TEST_F(SecretStoreTest, a_variable_counts_where_there_is_no_file) {
    variables_ = {{"MCP_GATEWAY_SECRET_PROD_KEY_2", "of the environment\n"},
                  {"MCP_GATEWAY_SECRET_BAD", "a\r\nEvil: b"}};
    SecretStore store(options());
    EXPECT_EQ(store.value("prod-key.2").value(), "of the environment");
    EXPECT_FALSE(store.value("bad").has_value());
    EXPECT_EQ(store.value("bad").error().detail.find("Evil"), std::string::npos);
    set("prod-key.2", "of the file");
    EXPECT_TRUE(store.look());
    EXPECT_EQ(store.value("prod-key.2").value(), "of the file");
}

// Else a mistake would silently bring back an old value.
TEST_F(SecretStoreTest, a_file_that_is_refused_is_not_replaced_by_a_variable) {
    variables_ = {{"MCP_GATEWAY_SECRET_A", "of the environment"}};
    set("a", "of the file");
    SecretStore store(options());
    ASSERT_EQ(::chmod((directory_ + "/a").c_str(), 0644), 0);
    EXPECT_TRUE(store.look());
    const auto value = store.value("a");
    ASSERT_FALSE(value.has_value());
    EXPECT_NE(value.error().detail.find("chmod 600"), std::string::npos) << value.error().detail;
    EXPECT_EQ(value.error().detail.find("of the file"), std::string::npos);
}

TEST_F(SecretStoreTest, an_open_directory_counts_against_all_of_it_until_it_is_closed) {
    set("a", "1");
    SecretStore store(options());
    ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
    EXPECT_TRUE(store.look());
    EXPECT_FALSE(store.value("a").has_value());
    ASSERT_EQ(::chmod(directory_.c_str(), 0700), 0);
    EXPECT_TRUE(store.look());
    EXPECT_TRUE(store.value("a").has_value());
}

TEST_F(SecretStoreTest, its_thread_tells_of_a_change) {
    std::promise<void> told;
    SecretStoreOptions wished = options();
    wished.on_change = [&told] { told.set_value(); };
    SecretStore store(std::move(wished));
    store.start();
    set("a", "1");
    EXPECT_EQ(told.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    EXPECT_EQ(store.value("a").value(), "1");
    store.stop();
}

}  // namespace
}  // namespace mcpgw::secrets
