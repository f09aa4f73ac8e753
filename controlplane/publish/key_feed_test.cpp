// The keys that are published as time passes, files change and keys grow old. The clock is a number
// that the test sets.
#include "controlplane/publish/key_feed.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/keys/key_file.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::publish {
namespace {

using deploy::testing::eventually;
using deploy::testing::TemporaryDirectory;
using Keys = std::vector<contract::SealingKey>;

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kFeedTime = 1'800'000'000'000;

const contract::SealingKey& current_of(const Keys& keys) {
    return *std::ranges::find_if(keys, [](const auto& key) { return key.current; });
}

class KeyFeedTest : public ::testing::Test {
  protected:
    KeyFeed& feed() {
        if (feed_ == nullptr) {
            auto ring = source_(now_);
            EXPECT_TRUE(ring.has_value());
            feed_ = std::make_unique<KeyFeed>(KeyFeedOptions{
                .ring = *ring,
                .source = source_,
                .publish = [this](Keys keys) { published_.push_back(std::move(keys)); },
                .look_interval_ms = 500,
                .unix_millis = [this] { return now_; }});
        }
        return *feed_;
    }
    // One look after so many milliseconds; the keys if that published some.
    Keys after(std::uint64_t ms) {
        now_ += ms;
        const std::size_t before = published_.size();
        feed().look(now_);
        return published_.size() == before ? Keys{} : published_.back();
    }

    TemporaryDirectory directory_;
    std::string file_ = directory_.path() + "/keys.json";
    std::uint64_t now_ = kFeedTime;
    KeySource source_;
    std::vector<Keys> published_;
    std::unique_ptr<KeyFeed> feed_;
};

// --- The file -----------------------------------------------------------------------------------

class KeyFileFeedTest : public KeyFeedTest {
  protected:
    KeyFileFeedTest() {
        EXPECT_TRUE(keys::create_key_file(file_, now_).has_value());
        source_ = keys_of_file(file_);
    }
};

TEST_F(KeyFileFeedTest, what_does_not_change_is_published_once) {
    EXPECT_EQ(after(0).size(), 1U);
    EXPECT_TRUE(after(500).empty());
    EXPECT_TRUE(after(kDayMs).empty());
}

TEST_F(KeyFileFeedTest, a_new_key_opens_at_once_and_seals_when_its_time_has_come) {
    const std::string first = current_of(after(0)).id;
    ASSERT_TRUE(keys::rotate_key_file(file_, now_, 2'000));
    const Keys opening = after(500);
    ASSERT_EQ(opening.size(), 2U);
    EXPECT_EQ(current_of(opening).id, first);
    EXPECT_TRUE(after(1'499).empty());
    const Keys sealing = after(1);
    ASSERT_EQ(sealing.size(), 2U);
    EXPECT_EQ(current_of(sealing).id, opening.back().id);
}

TEST_F(KeyFileFeedTest, the_next_look_is_due_when_the_next_key_begins_to_seal) {
    EXPECT_EQ(feed().look(now_), 500U);
    ASSERT_TRUE(keys::rotate_key_file(file_, now_, 120));
    EXPECT_EQ(feed().look(now_), 120U);
    EXPECT_EQ(feed().look(now_ + 119), 1U);
    EXPECT_EQ(feed().look(now_ + 120), 500U);
}

TEST_F(KeyFileFeedTest, a_file_that_is_no_good_leaves_the_keys_in_force) {
    const Keys keys = after(0);
    ASSERT_TRUE(keys::rotate_key_file(file_, now_, 5'000));
    ASSERT_EQ(after(500).size(), 2U);
    std::filesystem::rename(file_, file_ + ".away");
    EXPECT_TRUE(after(500).empty());
    std::ofstream(file_) << "{";
    EXPECT_TRUE(after(500).empty());
    std::filesystem::rename(file_ + ".away", file_);
    ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
    EXPECT_TRUE(after(500).empty());
    // Time passes for the keys in force as well.
    const Keys sealing = after(5'000);
    ASSERT_EQ(sealing.size(), 2U);
    EXPECT_NE(current_of(sealing).id, current_of(keys).id);
    ASSERT_EQ(::chmod(file_.c_str(), 0600), 0);
    EXPECT_TRUE(after(500).empty());
    ASSERT_TRUE(keys::rotate_key_file(file_, now_, 0));
    EXPECT_EQ(after(500).size(), 3U);
}

// A Kubernetes secret: file -> ..data/file, ..data -> ..2026, and ..data is what is replaced.
TEST_F(KeyFileFeedTest, a_swapped_symbolic_link_is_noticed) {
    namespace fs = std::filesystem;
    const std::string root = directory_.path();
    fs::create_directory(root + "/..old");
    fs::create_directory(root + "/..new");
    fs::rename(file_, root + "/..old/keys.json");
    ASSERT_TRUE(keys::create_key_file(root + "/..new/keys.json", now_));
    fs::create_symlink("..old", root + "/..data");
    fs::create_symlink("..data/keys.json", file_);
    const std::string before = current_of(after(0)).id;
    fs::create_symlink("..new", root + "/..data_tmp");
    fs::rename(root + "/..data_tmp", root + "/..data");
    const Keys keys = after(500);
    ASSERT_EQ(keys.size(), 1U);
    EXPECT_NE(keys.front().id, before);
}

TEST_F(KeyFileFeedTest, the_thread_looks_by_itself_and_ends_when_it_is_told) {
    std::atomic<std::size_t> keys = 0;
    std::atomic<bool> second_seals = false;
    KeyFeed running({.ring = *keys::read_key_file(file_),
                     .source = keys_of_file(file_),
                     .publish =
                         [&](const Keys& told) {
                             keys = told.size();
                             second_seals = told.size() == 2 && told.back().current;
                         },
                     .look_interval_ms = 10,
                     .unix_millis = unix_millis_now});
    running.start();
    EXPECT_TRUE(eventually([&] { return keys == 1; }));
    ASSERT_TRUE(keys::rotate_key_file(file_, unix_millis_now(), 50));
    EXPECT_TRUE(eventually([&] { return keys == 2; }));
    EXPECT_TRUE(eventually([&] { return second_seals.load(); }));
    running.stop();
}

// --- The store ----------------------------------------------------------------------------------

class KeyStoreFeedTest : public KeyFeedTest {
  protected:
    static constexpr std::uint64_t kAge = 7 * kDayMs;

    KeyStoreFeedTest() {
        open();
        now_ = store_->sealing_keys()->front().created_unix_ms;
    }
    void open() {
        feed_.reset();
        store_.reset();
        store_ = std::move(*store::SqliteStore::open(directory_.path() + "/store.db"));
        source_ = keys_of_store(*store_, kAge);
    }

    std::unique_ptr<store::SqliteStore> store_;
};

TEST_F(KeyStoreFeedTest, a_key_that_is_old_gets_a_successor_that_opens_first) {
    const std::string first = current_of(after(0)).id;
    EXPECT_TRUE(after(kAge - 1).empty());
    const Keys opening = after(1);
    ASSERT_EQ(opening.size(), 2U);
    EXPECT_EQ(current_of(opening).id, first);
    EXPECT_TRUE(after(limits::sealing_key_lead_ms - 1).empty());
    const Keys sealing = after(1);
    EXPECT_EQ(current_of(sealing).id, opening.back().id);
    EXPECT_TRUE(after(kAge - limits::sealing_key_lead_ms - 1).empty());
    EXPECT_EQ(after(1).size(), 3U);
    const auto audit = store_->audit(std::nullopt, 10);
    ASSERT_EQ(audit->size(), 2U);
    EXPECT_EQ(audit->back().action, "session_key.add");
    EXPECT_EQ(audit->back().actor, "system");
    EXPECT_EQ(audit->back().resource, opening.back().id);
}

TEST_F(KeyStoreFeedTest, rotation_goes_on_across_restarts) {
    static_cast<void>(after(0));
    const Keys opening = after(kAge);
    ASSERT_EQ(opening.size(), 2U);
    open();
    EXPECT_EQ(after(0), opening);
    open();
    const Keys sealing = after(limits::sealing_key_lead_ms);
    ASSERT_EQ(sealing.size(), 2U);
    EXPECT_EQ(current_of(sealing).id, opening.back().id);
    // Stopped for a year: one successor, and one after its own age.
    open();
    EXPECT_EQ(after(365 * kDayMs).size(), 3U);
    EXPECT_EQ(current_of(after(limits::sealing_key_lead_ms)).id, published_.back().back().id);
}

TEST_F(KeyStoreFeedTest, old_keys_open_until_there_are_too_many) {
    const std::string first = after(0).front().id;
    std::set<std::string> sealed_with;
    for (std::size_t i = 1; i < limits::sealing_keys_max; ++i) {
        EXPECT_EQ(after(i == 1 ? kAge : kAge - limits::sealing_key_lead_ms).size(), i + 1);
        sealed_with.insert(current_of(after(limits::sealing_key_lead_ms)).id);
    }
    EXPECT_EQ(sealed_with.size(), limits::sealing_keys_max - 1);
    const Keys& full = published_.back();
    EXPECT_EQ(full.size(), limits::sealing_keys_max);
    EXPECT_EQ(full.front().id, first);
    static_cast<void>(after(kAge));
    EXPECT_EQ(published_.back().size(), limits::sealing_keys_max);
    EXPECT_NE(published_.back().front().id, first);
}

TEST_F(KeyStoreFeedTest, a_store_that_cannot_be_written_leaves_the_keys_and_is_asked_again) {
    static_cast<void>(after(0));
    bool is_broken = false;
    feed_.reset();
    source_ = [&, good = source_](std::uint64_t now) -> Result<keys::KeyRing> {
        if (is_broken) return failure(Code::io, "the disk is gone");
        return good(now);
    };
    static_cast<void>(after(0));
    is_broken = true;
    EXPECT_TRUE(after(kAge).empty());
    is_broken = false;
    EXPECT_EQ(after(500).size(), 2U);
}

}  // namespace
}  // namespace mcpgw::publish
