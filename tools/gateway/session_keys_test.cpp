// What `mcp-gateway session-keys` shows and writes, and its exit statuses.
#include "tools/gateway/session_keys.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "common/time.h"
#include "controlplane/keys/key_file.h"

namespace mcpgw::cli {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000;

keys::KeyRing ring_of_three() {
    return {{"old", std::string(32, 'a'), kNow - 3 * 86'400'000, kNow - 3 * 86'400'000},
            {"present", std::string(32, 'b'), kNow - 90'000, kNow - 88'000},
            {"next", std::string(32, 'c'), kNow - 1'000, kNow + 1'000}};
}

TEST(SessionKeys, a_table_says_which_key_does_what) {
    EXPECT_EQ(session_keys_table(ring_of_three(), kNow),
              "ID       STATE    AGE  CREATED                   SEALS FROM\n"
              "old      opening  3d   2027-01-12T08:00:00.000Z  2027-01-12T08:00:00.000Z\n"
              "present  sealing  1m   2027-01-15T07:58:30.000Z  2027-01-15T07:58:32.000Z\n"
              "next     waiting  1s   2027-01-15T07:59:59.000Z  2027-01-15T08:00:01.000Z\n");
}

TEST(SessionKeys, programs_get_the_same_as_json) {
    const std::string json = session_keys_json(ring_of_three(), kNow);
    EXPECT_TRUE(json.contains(R"({"id":"next","state":"waiting","ageSeconds":1,)")) << json;
    EXPECT_TRUE(json.contains(R"("sealsFrom":"2027-01-15T08:00:01.000Z"})")) << json;
}

TEST(SessionKeys, no_output_holds_a_key) {
    for (const std::string& text :
         {session_keys_table(ring_of_three(), kNow), session_keys_json(ring_of_three(), kNow)}) {
        EXPECT_FALSE(text.contains("aaaa"));
        EXPECT_FALSE(text.contains("YWFh"));  // base64
        EXPECT_FALSE(text.contains("6161"));  // hexadecimal
    }
}

class SessionKeysVerbs : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_session_keys_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        file_ = directory_ + "/keys.json";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    struct Ended {
        int status;
        std::string output;
        std::string complaint;
    };
    static Ended run(std::vector<std::string> words) {
        words.insert(words.begin(), "session-keys");
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = run_session_keys(static_cast<int>(argv.size()), argv.data());
        std::fflush(stdout);
        return {status, testing::internal::GetCapturedStdout(),
                testing::internal::GetCapturedStderr()};
    }

    std::string directory_;
    std::string file_;
};

TEST_F(SessionKeysVerbs, new_rotate_and_show_go_together) {
    EXPECT_EQ(run({"new", file_}).status, 0);
    const auto first = keys::read_key_file(file_);
    ASSERT_TRUE(first);
    const std::uint64_t before = unix_millis_now();
    const Ended rotated = run({"rotate", file_, "--activate-after", "60"});
    EXPECT_EQ(rotated.status, 0) << rotated.complaint;
    const auto second = keys::read_key_file(file_);
    ASSERT_EQ(second->size(), 2U);
    EXPECT_EQ(second->front(), first->front());
    EXPECT_GE(second->back().seals_from_unix_ms, before + 60'000);
    EXPECT_TRUE(rotated.output.contains(second->back().id)) << rotated.output;
    const Ended shown = run({"--json", "show", file_});
    EXPECT_EQ(shown.status, 0);
    EXPECT_TRUE(shown.output.contains(first->front().id + R"(","state":"sealing")"));
    EXPECT_TRUE(shown.output.contains(second->back().id + R"(","state":"waiting")"));
}

TEST_F(SessionKeysVerbs, a_new_key_seals_two_seconds_later_unless_told_otherwise) {
    ASSERT_EQ(run({"new", file_}).status, 0);
    ASSERT_EQ(run({"rotate", file_, "--json"}).status, 0);
    const keys::RingKey key = keys::read_key_file(file_)->back();
    EXPECT_EQ(key.seals_from_unix_ms, key.created_unix_ms + 2'000);
}

TEST_F(SessionKeysVerbs, what_cannot_be_done_is_status_1_and_what_is_wrong_status_2) {
    EXPECT_EQ(run({"show", file_}).status, 1);
    EXPECT_EQ(run({"rotate", file_}).status, 1);
    ASSERT_EQ(run({"new", file_}).status, 0);
    const Ended again = run({"new", file_});
    EXPECT_EQ(again.status, 1);
    EXPECT_TRUE(again.complaint.contains("exists")) << again.complaint;
    EXPECT_TRUE(keys::read_key_file(file_));
    std::ofstream(file_) << "{}";
    EXPECT_EQ(run({"show", file_}).status, 2);
    EXPECT_EQ(run({"rotate", file_}).status, 2);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{},
          {"new"},
          {"turn", file_},
          {"show", file_, "more"},
          {"rotate", file_, "--activate-after", "-1"},
          {"rotate", file_, "--activate-after", "x"},
          {"rotate", file_, "--activate-after", "99999999"}})
        EXPECT_EQ(run(words).status, 2);
}

TEST_F(SessionKeysVerbs, help_is_no_mistake) {
    const Ended help = run({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const char* verb : {"new", "rotate", "show"})
        EXPECT_TRUE(help.output.contains(verb)) << help.output;
    EXPECT_TRUE(run({"rotate", "--help"}).output.contains("--activate-after"));
}

}  // namespace
}  // namespace mcpgw::cli
