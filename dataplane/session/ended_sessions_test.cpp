// Ended sessions are known at once, in every thread, within a fixed size.
#include "dataplane/session/ended_sessions.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

EndedSessions::Mark mark(std::uint64_t adapter, std::uint64_t instance, std::string_view id) {
    return EndedSessions::mark_of(adapter, instance, id);
}

TEST(EndedSessions, only_what_was_ended_is_known) {
    EndedSessions ended;
    EXPECT_FALSE(ended.contains(mark(1, 2, "a")));
    ended.add(mark(1, 2, "a"));
    EXPECT_TRUE(ended.contains(mark(1, 2, "a")));
    EXPECT_FALSE(ended.contains(mark(1, 3, "a")));
    EXPECT_FALSE(ended.contains(mark(2, 2, "a")));
    EXPECT_FALSE(ended.contains(mark(1, 2, "b")));
}

TEST(EndedSessions, repeated_ends_push_out_nobody) {
    EndedSessions ended;
    ended.add(mark(1, 2, "first"));
    for (int i = 0; i < 1000; ++i)
        ended.add(mark(1, 2, "again"));
    EXPECT_TRUE(ended.contains(mark(1, 2, "first")));
}

TEST(EndedSessions, the_newest_are_known_however_many_there_were) {
    EndedSessions ended;
    const std::size_t many = 4 * limits::ended_sessions_max;
    std::size_t known = 0;
    for (std::size_t i = 0; i < many; ++i)
        ended.add(mark(1, 2, std::to_string(i)));
    EXPECT_TRUE(ended.contains(mark(1, 2, std::to_string(many - 1))));
    for (std::size_t i = 0; i < many; ++i)
        known += ended.contains(mark(1, 2, std::to_string(i))) ? 1 : 0;
    EXPECT_LE(known, limits::ended_sessions_max);
    EXPECT_GT(known, limits::ended_sessions_max / 2);
}

TEST(EndedSessions, threads_see_what_others_ended) {
    EndedSessions ended;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&ended, t] {
            for (int i = 0; i < 2000; ++i) {
                const std::string id = std::to_string(t) + "/" + std::to_string(i);
                ended.add(mark(7, 8, id));
                EXPECT_TRUE(ended.contains(mark(7, 8, id))) << id;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace
}  // namespace mcpgw
