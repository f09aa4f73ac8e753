// The file of session keys on a real file system: what is taken, what is refused and with which
// words, and that nobody ever sees half of it.
#include "controlplane/keys/key_file.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/limits.h"

namespace mcpgw::keys {
namespace {

constexpr std::uint64_t kMadeAt = 1'800'000'000'123;
constexpr const char* kGoodKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE";  // 32 times 'a'

std::string entry(const std::string& id, const std::string& more = "") {
    return R"({"id":")" + id + R"(","key":")" + kGoodKey +
           R"(","created":"2026-11-21T13:04:02.123Z","sealsFrom":"2026-11-21T13:04:04.123Z")" +
           more + "}";
}
std::string document(const std::string& keys) {
    return R"({"version":1,"keys":[)" + keys + "]}";
}

TEST(KeyFileText, what_is_written_is_read) {
    KeyRing ring;
    for (std::size_t i = 0; i < limits::sealing_keys_max; ++i)
        ring.push_back({"k" + std::to_string(i), std::string(kKeyBytes, static_cast<char>(200 + i)),
                        kMadeAt + i, kMadeAt + 1'000 * i});
    const auto read = parse_key_file(key_file_text(ring));
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, ring);
}

TEST(KeyFileText, the_documented_form_is_read) {
    const auto ring = parse_key_file(document(entry("1f9c03aa")));
    ASSERT_TRUE(ring) << ring.error().detail;
    EXPECT_EQ(*ring,
              (KeyRing{{"1f9c03aa", std::string(32, 'a'), 1'795'266'242'123, 1'795'266'244'123}}));
}

TEST(KeyFileText, what_is_wrong_is_named_and_no_key_is_quoted) {
    std::string short_key = entry("a");
    short_key.replace(short_key.find(kGoodKey), 43, "c2VjcmV0");
    std::string long_key = entry("a");
    long_key.replace(long_key.find(kGoodKey), 43, std::string(44, 'A'));
    std::string stray_bits = entry("a");
    stray_bits.replace(stray_bits.find(kGoodKey) + 42, 1, "F");
    std::string no_time = entry("a");
    no_time.replace(no_time.find("2026-11-21T13"), 13, "yesterday");
    std::string many = entry("k0");
    for (std::size_t i = 1; i <= limits::sealing_keys_max; ++i)
        many += "," + entry("k" + std::to_string(i));
    const std::pair<std::string, std::string> cases[] = {
        {"", "is empty"},
        {" \n\t\r\n", "is empty"},
        {"{\n\"version\": 1,\n\"keys\": [}", "line 3, column 10"},
        {"[]", "the text must be a JSON object"},
        {R"({"keys":[]})", "version is missing"},
        {R"({"version":2,"keys":[]})", "version is 2"},
        {R"({"version":1})", "keys must be an array"},
        {R"({"version":1,"keys":{}})", "keys must be an array"},
        {document(""), "there is no sealing key"},
        {document("7"), "keys[0]"},
        {R"({"version":1,"keys":[],"note":""})", "note is not a known field"},
        {document(entry("a", R"(,"current":true)")), "keys[0].current is not a known field"},
        {document(entry("a.b")), "keys[0].id must be"},
        {document(entry("12345678901234567")), "keys[0].id must be"},
        {document(entry("a") + "," + entry("a")), "two sealing keys have the id a"},
        {document(entry("a") + "," + short_key), "keys[1].key must be 32 bytes"},
        {document(long_key), "keys[0].key must be 32 bytes"},
        {document(stray_bits), "keys[0].key must be 32 bytes"},
        {document(no_time), "keys[0].created must be a time"},
        {document(R"({"id":"a"})"), "keys[0].created is missing"},
        {document(many), "more than 16"},
    };
    for (const auto& [text, complaint] : cases) {
        const auto ring = parse_key_file(text);
        ASSERT_FALSE(ring) << text;
        EXPECT_EQ(ring.error().code, Code::invalid_argument) << text;
        EXPECT_TRUE(ring.error().detail.contains(complaint)) << text << "\n" << ring.error().detail;
        EXPECT_FALSE(ring.error().detail.contains("YWFh")) << ring.error().detail;
        EXPECT_FALSE(ring.error().detail.contains("c2Vj")) << ring.error().detail;
    }
}

class KeyFileTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_keys_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        path_ = directory_ + "/keys.json";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text, mode_t mode = 0600) const {
        std::ofstream(path_) << text;
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    }
    [[nodiscard]] mode_t mode() const {
        struct stat status{};
        EXPECT_EQ(::lstat(path_.c_str(), &status), 0);
        return status.st_mode;
    }
    [[nodiscard]] std::size_t files() const {
        const std::filesystem::directory_iterator all(directory_);
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }
    void expect_refused(const std::string& complaint) const {
        const auto ring = read_key_file(path_);
        ASSERT_FALSE(ring);
        EXPECT_EQ(ring.error().code, Code::invalid_argument);
        EXPECT_TRUE(ring.error().detail.starts_with(path_ + ": ")) << ring.error().detail;
        EXPECT_TRUE(ring.error().detail.contains(complaint)) << ring.error().detail;
    }

    std::string directory_;
    std::string path_;
};

TEST_F(KeyFileTest, a_new_file_is_for_its_owner_alone_and_seals_at_once) {
    const auto made = create_key_file(path_, kMadeAt);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(mode(), static_cast<mode_t>(S_IFREG | 0600));
    const auto read = read_key_file(path_);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, *made);
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().seals_from_unix_ms, kMadeAt);
    EXPECT_EQ(files(), 1U);
}

TEST_F(KeyFileTest, a_file_that_exists_is_not_overwritten) {
    write("precious");
    const auto made = create_key_file(path_, kMadeAt);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::conflict);
    std::ifstream file(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "precious");
    EXPECT_EQ(files(), 1U);
    path_ = directory_ + "/nowhere/keys.json";
    EXPECT_EQ(create_key_file(path_, kMadeAt).error().code, Code::not_found);
}

TEST_F(KeyFileTest, rotation_keeps_what_opens_and_adds_what_will_seal) {
    const auto first = create_key_file(path_, kMadeAt);
    ASSERT_TRUE(first);
    const auto second = rotate_key_file(path_, kMadeAt + 60'000, 2'000);
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_EQ(second->size(), 2U);
    EXPECT_EQ(second->front(), first->front());
    EXPECT_EQ(second->back().created_unix_ms, kMadeAt + 60'000);
    EXPECT_EQ(second->back().seals_from_unix_ms, kMadeAt + 62'000);
    EXPECT_EQ(*read_key_file(path_), *second);
    EXPECT_EQ(mode(), static_cast<mode_t>(S_IFREG | 0600));
    EXPECT_EQ(files(), 1U);
    for (std::uint64_t i = 2; i <= limits::sealing_keys_max; ++i)
        ASSERT_TRUE(rotate_key_file(path_, kMadeAt + i * 60'000, 2'000));
    const auto full = read_key_file(path_);
    EXPECT_EQ(full->size(), limits::sealing_keys_max);
    EXPECT_EQ(full->front().id, second->back().id);
}

TEST_F(KeyFileTest, a_file_that_its_owner_only_reads_stays_so) {
    ASSERT_TRUE(create_key_file(path_, kMadeAt));
    ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
    ASSERT_TRUE(rotate_key_file(path_, kMadeAt, 0));
    EXPECT_EQ(mode(), static_cast<mode_t>(S_IFREG | 0400));
    EXPECT_EQ(read_key_file(path_)->size(), 2U);
}

TEST_F(KeyFileTest, rotations_at_the_same_time_all_count) {
    ASSERT_TRUE(create_key_file(path_, kMadeAt));
    constexpr std::size_t kRotations = limits::sealing_keys_max - 1;
    std::atomic<bool> ended = false;
    std::thread reader([&] {
        while (!ended)
            EXPECT_TRUE(read_key_file(path_));  // the old one or the new one, never half of one
    });
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kRotations; ++i)
        threads.emplace_back([&] { EXPECT_TRUE(rotate_key_file(path_, kMadeAt, 2'000)); });
    for (std::thread& thread : threads)
        thread.join();
    ended = true;
    reader.join();
    EXPECT_EQ(read_key_file(path_)->size(), limits::sealing_keys_max);
    EXPECT_EQ(files(), 1U);
}

TEST_F(KeyFileTest, symbolic_links_are_followed_and_stay) {
    const std::string target = directory_ + "/secret";
    ASSERT_TRUE(create_key_file(target, kMadeAt));
    std::filesystem::create_symlink("secret", path_);
    ASSERT_TRUE(read_key_file(path_));
    ASSERT_TRUE(rotate_key_file(path_, kMadeAt, 0));
    EXPECT_TRUE(std::filesystem::is_symlink(path_));
    EXPECT_EQ(read_key_file(target)->size(), 2U);
}

TEST_F(KeyFileTest, what_others_may_touch_is_refused) {
    ASSERT_TRUE(create_key_file(path_, kMadeAt));
    for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0644U, 0666U}) {
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
        expect_refused("chmod 600 " + path_);
        EXPECT_EQ(rotate_key_file(path_, kMadeAt, 0).error().code, Code::invalid_argument);
    }
    ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
    EXPECT_TRUE(read_key_file(path_));
}

TEST_F(KeyFileTest, what_is_broken_is_refused_with_a_remedy) {
    write("");
    expect_refused("is empty");
    expect_refused("session-keys new " + path_);
    write("{");
    expect_refused("line 1, column 2");
    write(document(""));
    expect_refused("there is no sealing key");
    write(std::string(limits::session_keys_bytes_max + 1, ' '));
    expect_refused("is larger than");
    EXPECT_FALSE(rotate_key_file(path_, kMadeAt, 0));
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    expect_refused("is not a regular file");
    std::filesystem::remove(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    expect_refused("is not a regular file");
    std::filesystem::remove(path_);
    EXPECT_EQ(read_key_file(path_).error().code, Code::not_found);
    EXPECT_EQ(rotate_key_file(path_, kMadeAt, 0).error().code, Code::not_found);
}

}  // namespace
}  // namespace mcpgw::keys
