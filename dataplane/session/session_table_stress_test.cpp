// Eight threads on a small table: nothing is lost, ended twice, mixed up or left behind. Run with
// ThreadSanitizer, too; all interleavings of a few steps are in tests/schedule.
#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/session/session_table.h"

namespace mcpgw {
namespace {

constexpr std::uint32_t kSlots = 48;
constexpr std::size_t kKeys = 64;  // more than there are slots
constexpr std::size_t kPermanentKeys = 4;
constexpr std::size_t kUsers = 8;
constexpr std::uint32_t kSessionsOfUser = 7;
constexpr int kThreads = 8;
#ifdef __SANITIZE_THREAD__
constexpr int kSteps = 20'000;
#else
constexpr int kSteps = 200'000;
#endif

class Storm {
  public:
    Storm() {
        for (std::size_t key = 0; key < kKeys; ++key) {
            // Every third one needs blocks, of which there are too few for all.
            ids_[key] = "id-" + std::to_string(key) + std::string(key % 3 == 0 ? 900 : 0, '.');
            keys_[key] = {key % 2, key % 5, EndedSessions::mark_of(ids_[key])};
        }
        for (std::size_t key = 0; key < kPermanentKeys; ++key) {
            const auto outcome = table_.open(session_of(key), 1);
            EXPECT_TRUE(outcome && table_.touch(outcome->handle, 1));
        }
    }

    void run(int thread) {
        std::mt19937 random(static_cast<unsigned>(thread) * 7919U + 1);
        for (int step = 0; step < kSteps; ++step) {
            const std::size_t key = kPermanentKeys + random() % (kKeys - kPermanentKeys);
            switch (random() % 8) {
                case 0:
                case 1:
                    open(key, random() % 2 == 0);
                    break;
                case 2:
                    use(key);
                    break;
                case 3:
                    stream(key);
                    break;
                case 4:
                    end(table_.find(keys_[key]));
                    break;
                case 5:
                    read(key);
                    break;
                case 6:
                    list(static_cast<std::uint32_t>(random() % kSlots));
                    break;
                default:
                    look_at_permanent(random() % kPermanentKeys);
                    break;
            }
        }
    }

    void run_janitor() {
        const auto gone = [](const SessionKey& key) { return key.instance == 4; };
        while (!over_.load()) {
            const std::uint32_t now = now_.fetch_add(1) + 1;
            table_.sweep(now, 16, gone, [this](SessionHandle handle, ExpiryReason) {
                note_end(handle);
                table_.release(handle);
            });
            std::this_thread::yield();
        }
    }

    void stop() { over_.store(true); }

    void clear() {
        for (const SessionKey& key : keys_)
            end(table_.find(key));
    }

    void expect_empty() {
        EXPECT_EQ(table_.size(), 0U);
        for (std::size_t user = 1; user <= kUsers; ++user)
            EXPECT_EQ(table_.sessions_of_principal(user), 0U);
        EXPECT_EQ(table_.sessions_of_tenant(1), 0U);
        for (std::size_t key = 0; key < kKeys; ++key)
            EXPECT_FALSE(table_.find(keys_[key]));
        EXPECT_EQ(made_.load(), ended_.load());
        table_.visit(0, kSlots, [](const SessionRecord&) {
            ADD_FAILURE();
            return true;
        });
    }

    // Every slot, and every block for long texts, can be had again.
    void expect_full_capacity() {
        const std::uint32_t long_ones = kSlots / 2 / kBlocksOfLongText;
        for (std::uint32_t i = 0; i < kSlots; ++i) {
            const std::string id =
                "again" + std::to_string(i) + std::string(i < long_ones ? kLongText : 0, '.');
            const auto outcome = table_.open(
                {.key = {1, 1, EndedSessions::mark_of(id)}, .texts = {id, "", ""}}, now_);
            EXPECT_TRUE(outcome.has_value()) << i;
        }
        EXPECT_EQ(table_.size(), kSlots);
    }

  private:
    static constexpr std::size_t kBlocksOfLongText = 4;
    static constexpr std::size_t kLongText =
        limits::session_text_bytes + (kBlocksOfLongText - 1) * limits::session_text_block_bytes;

    NewSession session_of(std::size_t key) const {
        const std::size_t user = 1 + key % kUsers;
        return {.key = keys_[key],
                .texts = {ids_[key], "user", "tenant"},
                .principal = user,
                .tenant = 1,
                .principal_sessions_max = key < kPermanentKeys ? 0 : kSessionsOfUser,
                .idle_seconds = key < kPermanentKeys ? 0U : 3U};
    }

    void open(std::size_t key, bool adopt) {
        const NewSession session = session_of(key);
        const auto outcome = adopt ? table_.adopt(session, now_) : table_.open(session, now_);
        EXPECT_LE(table_.sessions_of_principal(session.principal), kSessionsOfUser);
        if (!outcome || !outcome->made) return;
        made_.fetch_add(1);
        EXPECT_LE(live_[key].fetch_add(1) + 1, 1) << "two sessions of one key";
    }

    void use(std::size_t key) {
        const SessionHandle handle = table_.find(keys_[key]);
        if (table_.begin_request(handle, now_) != SessionUse::begun) return;
        SessionRecord record;
        if (table_.read(handle, record)) expect_of(key, record);
        table_.end_request(handle, now_);
    }

    void stream(std::size_t key) {
        const SessionHandle handle = table_.find(keys_[key]);
        if (table_.begin_stream(handle, StreamKind::standalone, now_) != SessionUse::begun) return;
        EXPECT_FALSE(standalone_[handle.slot].exchange(true)) << "two standalone streams";
        std::this_thread::yield();
        EXPECT_TRUE(standalone_[handle.slot].exchange(false));
        table_.end_stream(handle, StreamKind::standalone, now_);
    }

    void end(SessionHandle handle) {
        if (!handle || !table_.end(handle)) return;
        note_end(handle);
        table_.release(handle);
    }

    // By the one who ended it, before the release.
    void note_end(SessionHandle handle) {
        SessionRecord record;
        ASSERT_TRUE(table_.read(handle, record));
        const std::size_t key = key_of(record);
        expect_of(key, record);
        ended_.fetch_add(1);
        live_[key].fetch_sub(1);
    }

    void read(std::size_t key) {
        const SessionHandle handle = table_.find(keys_[key]);
        SessionRecord record;
        if (handle && table_.read(handle, record)) expect_of(key, record);
    }

    void list(std::uint32_t cursor) {
        std::uint32_t last = cursor;
        table_.visit(cursor, 5, [&](const SessionRecord& record) {
            EXPECT_GT(record.handle.slot, last);
            last = record.handle.slot;
            expect_of(key_of(record), record);
            return true;
        });
    }

    void look_at_permanent(std::size_t key) {
        const SessionHandle handle = table_.find(keys_[key]);
        EXPECT_TRUE(handle && table_.touch(handle, now_)) << "lost";
    }

    static std::size_t key_of(const SessionRecord& record) {
        const std::string_view id = record.texts.server_id();
        return id.starts_with("id-") ? std::stoul(std::string(id.substr(3))) : kKeys;
    }

    void expect_of(std::size_t key, const SessionRecord& record) const {
        ASSERT_LT(key, kKeys);
        EXPECT_EQ(record.texts.server_id(), ids_[key]);
        EXPECT_EQ(record.texts.user(), "user");
        EXPECT_EQ(record.texts.tenant(), "tenant");
        EXPECT_EQ(record.key.mark, keys_[key].mark);
        EXPECT_EQ(record.principal, 1 + key % kUsers);
    }

    SessionTable table_{{.sessions_max = kSlots, .seed = 5}};
    std::array<std::string, kKeys> ids_;
    std::array<SessionKey, kKeys> keys_;
    std::array<std::atomic<int>, kKeys> live_{};
    std::array<std::atomic<bool>, kSlots + 1> standalone_{};
    std::atomic<int> made_{kPermanentKeys};
    std::atomic<int> ended_{0};
    std::atomic<std::uint32_t> now_{1};
    std::atomic<bool> over_{false};
};

TEST(SessionTableStress, threads_lose_mix_up_and_leave_behind_nothing) {
    Storm storm;
    std::thread janitor([&] { storm.run_janitor(); });
    std::vector<std::thread> threads;
    for (int i = 1; i < kThreads; ++i)
        threads.emplace_back([&storm, i] { storm.run(i); });
    for (std::thread& thread : threads)
        thread.join();
    storm.stop();
    janitor.join();
    storm.clear();
    storm.expect_empty();
    storm.expect_full_capacity();
}

// Everybody adopts the same sessions at the same time: one slot each, one maker, one handle.
TEST(SessionTableStress, who_adopts_at_the_same_time_gets_the_same_session) {
    constexpr std::uint32_t kRounds = 2000;
    SessionTable table({.sessions_max = kRounds + kThreads, .seed = 6});
    std::array<std::array<SessionHandle, kThreads>, kRounds> handles;
    std::array<std::atomic<int>, kRounds> made{};
    std::array<std::atomic<int>, kRounds> arrived{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            for (std::uint32_t round = 0; round < kRounds; ++round) {
                const std::string id = "id-" + std::to_string(round);
                arrived[round].fetch_add(1);
                while (arrived[round].load() < kThreads)
                    std::this_thread::yield();
                const auto outcome = table.adopt(
                    {.key = {1, 1, EndedSessions::mark_of(id)}, .texts = {id, "", ""}}, 1);
                ASSERT_TRUE(outcome.has_value());
                handles[round][i] = outcome->handle;
                made[round].fetch_add(outcome->made ? 1 : 0);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    for (std::uint32_t round = 0; round < kRounds; ++round) {
        EXPECT_EQ(made[round].load(), 1);
        for (const SessionHandle& handle : handles[round])
            EXPECT_EQ(handle, handles[round][0]);
    }
    EXPECT_EQ(table.size(), kRounds);
}

TEST(SessionTableStress, a_limit_of_a_user_is_exact_however_many_try) {
    constexpr std::uint32_t kMax = 100;
    SessionTable table({.sessions_max = 1024, .seed = 7});
    std::atomic<std::uint32_t> opened{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            for (std::uint32_t round = 0; round < kMax; ++round) {
                const std::string id = std::to_string(i) + "/" + std::to_string(round);
                const auto outcome = table.open({.key = {1, 1, EndedSessions::mark_of(id)},
                                                 .texts = {id, "", ""},
                                                 .principal = 3,
                                                 .principal_sessions_max = kMax},
                                                1);
                opened.fetch_add(outcome ? 1 : 0);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(opened.load(), kMax);
    EXPECT_EQ(table.size(), kMax);
    EXPECT_EQ(table.sessions_of_principal(3), kMax);
}

}  // namespace
}  // namespace mcpgw
