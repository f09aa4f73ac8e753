// Ended sessions are known at once, in every thread, within a fixed size.
#include "dataplane/session/ended_sessions.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

EndedSessions::Mark mark(std::string_view nonce) {
    return EndedSessions::mark_of(nonce);
}

TEST(EndedSessions, only_what_was_ended_is_known) {
    EndedSessions ended;
    EXPECT_FALSE(ended.contains(mark("a")));
    ended.add(mark("a"));
    EXPECT_TRUE(ended.contains(mark("a")));
    EXPECT_FALSE(ended.contains(mark("b")));
}

TEST(EndedSessions, repeated_ends_push_out_nobody) {
    EndedSessions ended;
    ended.add(mark("first"));
    for (int i = 0; i < 1000; ++i)
        ended.add(mark("again"));
    EXPECT_TRUE(ended.contains(mark("first")));
}

TEST(EndedSessions, the_newest_are_known_however_many_there_were) {
    EndedSessions ended;
    const std::size_t many = 4 * limits::ended_sessions_max;
    std::size_t known = 0;
    for (std::size_t i = 0; i < many; ++i)
        ended.add(mark(std::to_string(i)));
    EXPECT_TRUE(ended.contains(mark(std::to_string(many - 1))));
    for (std::size_t i = 0; i < many; ++i)
        known += ended.contains(mark(std::to_string(i))) ? 1 : 0;
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
                ended.add(mark(id));
                EXPECT_TRUE(ended.contains(mark(id))) << id;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace
}  // namespace mcpgw
