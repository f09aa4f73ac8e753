// Readers always hold a living table, and tables die as soon as the last reader has left them.
#include "dataplane/route/publication.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/route/snapshot_fixture.h"

namespace mcpgw {

// Stands where a reader stands that was interrupted between looking and announcing.
class PublicationProbe {
  public:
    static const RouteTable* hold(Publication& publication, std::size_t reader,
                                  const RouteTable* seen) {
        return publication.hold(reader, seen);
    }
};

namespace {

std::unique_ptr<const RouteTable> table_of(RouteBuilder& builder, std::uint64_t version) {
    auto snapshot = fixture::make_snapshot(2, 1);
    snapshot.version = version;
    auto table = builder.build(snapshot);
    EXPECT_TRUE(table);
    return std::move(*table);
}

TEST(PublicationTest, there_is_nothing_before_the_first_table) {
    Publication publication(2);
    EXPECT_EQ(publication.refresh(0), nullptr);
    EXPECT_EQ(publication.refresh(publication.admin_reader()), nullptr);
}

TEST(PublicationTest, every_reader_gets_the_latest) {
    RouteBuilder builder;
    Publication publication(2);
    publication.publish(table_of(builder, 1));
    publication.publish(table_of(builder, 2));
    for (std::size_t reader = 0; reader < 4; ++reader) {
        EXPECT_EQ(publication.refresh(reader)->version(), 2U);
        publication.leave(reader);
    }
    EXPECT_NE(publication.admin_reader(), publication.saver_reader());
}

TEST(PublicationTest, a_table_is_taken_once_no_worker_has_an_older_one) {
    RouteBuilder builder;
    Publication publication(2);
    publication.publish(table_of(builder, 1));
    const RouteTable* first = publication.refresh(0);
    EXPECT_TRUE(publication.is_taken(first)) << "the other worker has none";
    EXPECT_EQ(publication.refresh(publication.janitor_reader()), first);
    publication.publish(table_of(builder, 2));
    const RouteTable* second = publication.refresh(1);
    EXPECT_FALSE(publication.is_taken(first));
    EXPECT_FALSE(publication.is_taken(second));
    publication.leave(0);
    EXPECT_TRUE(publication.is_taken(second)) << "who is no worker does not matter";
    for (const std::size_t reader : {std::size_t{1}, publication.janitor_reader()})
        publication.leave(reader);
}

TEST(PublicationTest, a_held_table_lives_until_its_reader_moves_on) {
    RouteBuilder builder;
    Publication publication(2);
    publication.publish(table_of(builder, 1));
    const RouteTable* held = publication.refresh(0);
    publication.publish(table_of(builder, 2));
    EXPECT_EQ(publication.reclaim(), 1U);
    EXPECT_EQ(held->version(), 1U);
    EXPECT_EQ(publication.refresh(0)->version(), 2U);
    EXPECT_EQ(publication.reclaim(), 0U);
    publication.leave(0);
}

TEST(PublicationTest, a_reader_that_sleeps_holds_nothing_back) {
    RouteBuilder builder;
    Publication publication(3);
    publication.publish(table_of(builder, 1));
    for (std::size_t reader = 0; reader < 3; ++reader) {
        EXPECT_NE(publication.refresh(reader), nullptr);
        publication.leave(reader);
    }
    for (std::uint64_t version = 2; version < 50; ++version) {
        publication.publish(table_of(builder, version));
        EXPECT_EQ(publication.reclaim(), 0U);
    }
}

TEST(PublicationTest, refreshing_without_a_change_keeps_the_table) {
    RouteBuilder builder;
    Publication publication(1);
    publication.publish(table_of(builder, 1));
    const RouteTable* table = publication.refresh(0);
    EXPECT_EQ(publication.refresh(0), table);
    publication.leave(0);
    EXPECT_EQ(publication.refresh(0), table);
    publication.leave(0);
}

TEST(PublicationTest, a_table_replaced_before_it_is_announced_is_not_used) {
    RouteBuilder builder;
    Publication publication(2);
    publication.publish(table_of(builder, 1));
    const RouteTable* seen =
        publication.refresh(1);  // reader 1 keeps its address from being reused
    publication.publish(table_of(builder, 2));
    const RouteTable* held = PublicationProbe::hold(publication, 0, seen);
    ASSERT_NE(held, seen);
    EXPECT_EQ(held->version(), 2U);
    publication.leave(1);
    EXPECT_EQ(publication.reclaim(), 0U) << "reader 0 announces the new table only";
    publication.publish(table_of(builder, 3));
    EXPECT_EQ(publication.reclaim(), 1U) << "and it does announce it";
    EXPECT_EQ(held->version(), 2U);
    publication.leave(0);
}

// Meant for the sanitizers: a freed table that is read, or a race, is their finding.
TEST(PublicationTest, readers_never_meet_a_freed_table) {
    constexpr std::size_t kReaders = 3;
    constexpr std::uint64_t kTables = 3000;
    RouteBuilder builder;
    Publication publication(kReaders);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> reads{0};
    std::vector<std::thread> threads;
    for (std::size_t reader = 0; reader < kReaders; ++reader) {
        threads.emplace_back([&, reader] {
            std::uint64_t last = 0;
            for (std::uint64_t turn = 0; !stop.load(); ++turn) {
                const RouteTable* table = publication.refresh(reader);
                if (table != nullptr) {
                    EXPECT_GE(table->version(), last) << "time goes forward";
                    last = table->version();
                    const Adapter* adapter = table->find("adapter-1");
                    if (adapter == nullptr) {
                        ADD_FAILURE() << "the adapter is in every table";
                    } else {
                        InstanceLoad* load = adapter->instances[0].load;
                        load->outstanding.fetch_add(1);
                        EXPECT_EQ(adapter->instances[0].name, "adapter-1-0");
                        load->outstanding.fetch_sub(1);
                    }
                    reads.fetch_add(1, std::memory_order_relaxed);
                }
                if (turn % (reader + 2) == 0) publication.leave(reader);
            }
            publication.leave(reader);
        });
    }
    for (std::uint64_t version = 1; version <= kTables || reads.load() < 1000; ++version)
        publication.publish(table_of(builder, version));
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(publication.reclaim(), 0U);
}

}  // namespace
}  // namespace mcpgw
