// Every id that was posted is told once, or not at all, and never to another session.
#include "dataplane/session/posted_ids.h"

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

std::set<std::string> taken(PostedIds& posted, PostedIds::Session session) {
    std::set<std::string> ids;
    for (PostedIds::Id id; posted.take(session, id);)
        EXPECT_TRUE(ids.emplace(id.view()).second) << id.view();
    return ids;
}

TEST(PostedIds, what_was_posted_and_not_answered_is_taken_once) {
    PostedIds posted;
    for (const char* id : {"1", "\"two\"", "3"})
        EXPECT_TRUE(posted.add(7, id));
    posted.remove(7, "1");
    posted.remove(7, "4");
    EXPECT_EQ(taken(posted, 7), (std::set<std::string>{"\"two\"", "3"}));
    EXPECT_TRUE(taken(posted, 7).empty());
}

TEST(PostedIds, sessions_in_one_place_are_told_apart) {
    PostedIds posted;
    const PostedIds::Session other = 7 + (PostedIds::Session{1} << 40);
    EXPECT_TRUE(posted.add(7, "1"));
    EXPECT_TRUE(posted.add(other, "1"));
    posted.remove(other, "1");
    EXPECT_TRUE(taken(posted, other).empty());
    EXPECT_EQ(taken(posted, 7), std::set<std::string>{"1"});
}

TEST(PostedIds, an_id_is_remembered_up_to_its_limit) {
    PostedIds posted;
    const std::string longest(limits::posted_id_bytes_max, '1');
    EXPECT_TRUE(posted.add(7, longest));
    EXPECT_FALSE(posted.add(7, longest + "1"));
    EXPECT_FALSE(posted.add(7, ""));
    EXPECT_EQ(taken(posted, 7), std::set<std::string>{longest});
}

TEST(PostedIds, of_too_many_the_youngest_are_remembered) {
    PostedIds posted;
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(posted.add(7, std::to_string(i)));
    const std::set<std::string> ids = taken(posted, 7);
    EXPECT_EQ(ids.size(), 8U);
    EXPECT_TRUE(ids.contains("99"));
}

TEST(PostedIds, threads_take_each_id_once_and_whole) {
    PostedIds posted;
    constexpr std::size_t kEach = 20'000;
    std::vector<std::thread> threads;
    std::array<std::vector<std::string>, 2> found;
    std::atomic<int> writers{2};
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i < kEach; ++i) {
                const std::string id = std::to_string(t) + std::string(i % 40, 'x');
                if (posted.add(7, id) && i % 3 == 0) posted.remove(7, id);
            }
            --writers;
        });
    for (auto& mine : found)
        threads.emplace_back([&] {
            PostedIds::Id id;
            while (writers > 0)
                if (posted.take(7, id)) mine.emplace_back(id.view());
        });
    for (std::thread& thread : threads)
        thread.join();
    for (const auto& mine : found)
        for (const std::string& id : mine) {
            ASSERT_TRUE(id[0] == '0' || id[0] == '1') << id;
            ASSERT_EQ(std::ranges::count(id, 'x'), static_cast<std::ptrdiff_t>(id.size() - 1))
                << id;
        }
    EXPECT_LE(taken(posted, 7).size(), 8U);
}

}  // namespace
}  // namespace mcpgw
