// Counters over processes, sweeps and full tables; and files that are not what they should be.
#include "dataplane/limit/counter_table.h"

#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "dataplane/link/temporary_directory.h"

namespace mcpgw::limit {
namespace {

constexpr Now kStart{1000 * kSecond, 1'000'000};

Now later(std::uint32_t seconds) {
    return {kStart.monotonic + seconds * kSecond, kStart.unix_seconds + seconds};
}

Subject tenant(std::uint64_t number) {
    return {LimitScope::tenant, {number, ~number}};
}
Subject user(std::uint64_t number) {
    return {LimitScope::tenant_user, {number, ~number}};
}

class CounterTableTest : public testing::Test {
  protected:
    [[nodiscard]] CounterTable::Options options(Now now = kStart) const {
        return {.directory = directory.path(), .counters = 64, .reserved = 16, .now = now};
    }
    // Counts to `count` in a window that ends after a minute.
    static void count(CounterTable& table, const Subject& subject, std::uint64_t count) {
        const SlotHandle counter = table.counter_of(subject, kStart);
        ASSERT_TRUE(counter);
        table.keep_until(counter, kStart.unix_seconds + 60);
        table.at(counter).window.store(count);
        table.at(counter).rate.store(kStart.monotonic + count);
        EXPECT_TRUE(table.confirm(counter));
    }
    static std::uint64_t counted(CounterTable& table, const Subject& subject) {
        const SlotHandle counter = table.find(subject);
        return counter ? table.at(counter).window.load() : 0;
    }
    static void sweep_all(CounterTable& table, Now now) { table.sweep(now, table.touched()); }

    fixture::TemporaryDirectory directory;
};

TEST_F(CounterTableTest, a_subject_has_one_counter) {
    CounterTable table({.counters = 64, .reserved = 16});
    const SlotHandle counter = table.counter_of(tenant(1), kStart);
    ASSERT_TRUE(counter);
    EXPECT_EQ(table.counter_of(tenant(1), kStart), counter);
    EXPECT_NE(table.counter_of(user(1), kStart), counter);
    EXPECT_EQ(table.size(), 2U);
    EXPECT_FALSE(table.is_lasting());
}

TEST_F(CounterTableTest, what_was_counted_is_there_in_the_next_process) {
    HashKey key{};
    {
        CounterTable table(options());
        ASSERT_TRUE(table.is_lasting());
        key = table.hash_key();
        for (std::uint64_t i = 1; i <= 20; ++i)
            count(table, tenant(i), 100 + i);
    }
    CounterTable next(options(later(59)));
    EXPECT_EQ(next.hash_key(), key);
    EXPECT_EQ(next.size(), 20U);
    for (std::uint64_t i = 1; i <= 20; ++i)
        EXPECT_EQ(counted(next, tenant(i)), 100 + i);
    EXPECT_EQ(next.at(next.find(tenant(3))).rate.load(), kStart.monotonic + 103);
}

TEST_F(CounterTableTest, what_is_of_no_use_is_left_out_and_the_rest_moves_to_the_front) {
    {
        CounterTable table(options());
        for (std::uint64_t i = 1; i <= 20; ++i)
            count(table, tenant(i), i);
        for (std::uint64_t i = 1; i <= 20; i += 2)
            table.keep_until(table.find(tenant(i)), kStart.unix_seconds + 1000);
    }
    {
        CounterTable next(options(later(500)));
        EXPECT_EQ(next.touched(), 10U);
        for (std::uint64_t i = 1; i <= 20; ++i)
            EXPECT_EQ(counted(next, tenant(i)), i % 2 == 0 ? 0 : i);
    }
    CounterTable third(options(later(500)));
    EXPECT_EQ(third.touched(), 10U);
    EXPECT_EQ(counted(third, tenant(19)), 19U);
}

TEST_F(CounterTableTest, a_sweep_takes_what_is_of_no_use_and_leaves_what_counts) {
    CounterTable table(options());
    count(table, tenant(1), 5);
    count(table, user(2), 5);
    sweep_all(table, later(60));
    EXPECT_EQ(table.size(), 2U);
    table.keep_until(table.find(tenant(1)), kStart.unix_seconds + 1000);
    sweep_all(table, later(60 + limits::use_counter_rest_seconds + 1));
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(counted(table, tenant(1)), 5U);
    EXPECT_EQ(counted(table, user(2)), 0U);
}

TEST_F(CounterTableTest, a_rate_that_is_owed_keeps_its_counter) {
    CounterTable table(options());
    const SlotHandle counter = table.counter_of(tenant(1), kStart);
    table.at(counter).rate.store(later(1000).monotonic);
    sweep_all(table, later(999));
    EXPECT_EQ(table.size(), 1U);
    sweep_all(table, later(1000));
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(CounterTableTest, a_counter_that_was_swept_away_is_told_to_who_counts) {
    CounterTable table(options());
    const SlotHandle stale = table.counter_of(tenant(1), kStart);
    sweep_all(table, later(1000));
    EXPECT_FALSE(table.confirm(stale));
    const SlotHandle fresh = table.counter_of(tenant(1), kStart);
    EXPECT_NE(fresh, stale);
    EXPECT_TRUE(table.confirm(fresh));
    EXPECT_FALSE(table.confirm(stale));
}

TEST_F(CounterTableTest, users_leave_room_for_tenants_and_adapters) {
    CounterTable table(options());
    for (std::uint64_t i = 1; i <= 48; ++i)
        EXPECT_TRUE(table.counter_of(user(i), kStart)) << i;
    EXPECT_FALSE(table.counter_of(user(49), kStart));
    EXPECT_TRUE(table.counter_of(user(48), kStart)) << "who is there stays";
    for (std::uint64_t i = 1; i <= 16; ++i)
        EXPECT_TRUE(table.counter_of(tenant(i), kStart)) << i;
    EXPECT_FALSE(table.counter_of(tenant(17), kStart));
    sweep_all(table, later(1000));
    EXPECT_EQ(table.size(), 0U);
    for (std::uint64_t i = 1; i <= 48; ++i)
        EXPECT_TRUE(table.counter_of(user(100 + i), kStart)) << i;
}

TEST_F(CounterTableTest, the_file_is_its_owners_and_of_one_process) {
    CounterTable table(options());
    struct stat status{};
    ASSERT_EQ(::stat(directory.file("limits").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(static_cast<std::size_t>(status.st_size), 4096 + 64 * sizeof(CounterRecord));
    EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, 4096 + 64 * sizeof(CounterRecord));
    count(table, tenant(1), 5);
    CounterTable second(options());
    EXPECT_FALSE(second.is_lasting()) << "it counts in its own memory";
    EXPECT_EQ(counted(second, tenant(1)), 0U);
    EXPECT_EQ(counted(table, tenant(1)), 5U);
}

TEST_F(CounterTableTest, a_file_that_is_not_good_is_made_anew) {
    const std::string path = directory.file("limits");
    const auto spoil_and_open = [&](auto&& spoil) {
        {
            count(*std::make_unique<CounterTable>(options()), tenant(1), 5);
        }
        std::string bytes = fixture::read_file(path);
        spoil(bytes);
        fixture::write_file(path, bytes);
        CounterTable table(options());
        EXPECT_TRUE(table.is_lasting());
        EXPECT_EQ(table.size(), 0U);
        EXPECT_EQ(counted(table, tenant(1)), 0U);
        count(table, tenant(1), 6);
        EXPECT_EQ(counted(table, tenant(1)), 6U);
    };
    spoil_and_open([](std::string& bytes) { bytes[0] = 'x'; });
    spoil_and_open([](std::string& bytes) { bytes[8] = 99; });
    spoil_and_open([](std::string& bytes) { bytes.resize(bytes.size() - 64); });
    spoil_and_open([](std::string& bytes) { bytes += "more"; });
    spoil_and_open([](std::string& bytes) { bytes = "{}"; });
}

TEST_F(CounterTableTest, records_of_garbage_harm_nobody) {
    {
        count(*std::make_unique<CounterTable>(options()), tenant(1), 5);
    }
    std::string bytes = fixture::read_file(directory.file("limits"));
    for (std::size_t i = 4096; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 131);
    fixture::write_file(directory.file("limits"), bytes);
    CounterTable table(options());
    EXPECT_EQ(table.size(), 0U);
    EXPECT_TRUE(table.counter_of(tenant(1), kStart));
}

TEST_F(CounterTableTest, of_a_record_that_is_there_twice_the_one_that_counted_more_is_taken) {
    {
        CounterTable table(options());
        count(table, tenant(1), 5);
        count(table, tenant(2), 9);
    }
    std::string bytes = fixture::read_file(directory.file("limits"));
    // Whoever was killed while he moved the second to the place of the first: less is counted.
    bytes.replace(4096, 24, bytes.substr(4096 + 64, 24));
    fixture::write_file(directory.file("limits"), bytes);
    CounterTable table(options());
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(counted(table, tenant(2)), 9U);
}

TEST_F(CounterTableTest, without_a_directory_that_can_be_written_it_counts_in_memory) {
    CounterTable::Options nowhere = options();
    nowhere.directory = directory.file("missing");
    CounterTable table(nowhere);
    EXPECT_FALSE(table.is_lasting());
    count(table, tenant(1), 5);
    EXPECT_EQ(counted(table, tenant(1)), 5U);
}

TEST_F(CounterTableTest, after_another_start_of_the_machine_rates_are_void_and_quotas_are_not) {
    {
        count(*std::make_unique<CounterTable>(options()), tenant(1), 5);
    }
    std::string bytes = fixture::read_file(directory.file("limits"));
    bytes[32] = static_cast<char>(bytes[32] == 'a' ? 'b' : 'a');  // in the id of the boot
    fixture::write_file(directory.file("limits"), bytes);
    CounterTable table(options());
    EXPECT_EQ(counted(table, tenant(1)), 5U);
    EXPECT_EQ(table.at(table.find(tenant(1))).rate.load(), 0U);
}

// Threads count in ever new counters, each of no use until somebody has counted, while another
// thread sweeps: whoever was told that his count lasts finds it.
TEST_F(CounterTableTest, nothing_confirmed_is_lost_to_a_sweep) {
    constexpr std::size_t kSubjects = 2'000;
    constexpr int kTries = 3;
    CounterTable table({.counters = 8'192, .reserved = 8'000});
    std::vector<std::atomic<std::uint64_t>> confirmed(kSubjects);
    std::atomic<std::uint64_t> lost{0};
    std::atomic<bool> done{false};
    std::thread sweeper([&] {
        while (!done)
            sweep_all(table, kStart);
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < kSubjects * kTries; ++i) {
                const std::size_t number = i / kTries;
                const SlotHandle counter = table.counter_of(tenant(number), {0, 0});
                ASSERT_TRUE(counter);
                table.keep_until(counter, kStart.unix_seconds + 1);
                table.at(counter).window.fetch_add(1);
                (table.confirm(counter) ? confirmed[number] : lost).fetch_add(1);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    done = true;
    sweeper.join();
    std::uint64_t sum = 0;
    for (std::size_t number = 0; number < kSubjects; ++number) {
        EXPECT_GE(counted(table, tenant(number)), confirmed[number].load()) << number;
        sum += confirmed[number];
    }
    EXPECT_EQ(sum + lost, 3 * kSubjects * kTries);
}

}  // namespace
}  // namespace mcpgw::limit
