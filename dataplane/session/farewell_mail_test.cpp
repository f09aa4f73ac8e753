// Every farewell that was put is taken once, in order, whoever puts and takes at the same time.
#include "dataplane/session/farewell_mail.h"

#include <thread>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

SessionFarewell numbered(std::size_t number) {
    return {"a", number, "id-" + std::to_string(number), "ann"};
}

TEST(FarewellMail, the_oldest_comes_first) {
    FarewellMail mail;
    EXPECT_TRUE(mail.empty());
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_TRUE(mail.put(numbered(i)));
    EXPECT_FALSE(mail.empty());
    const auto taken = mail.take_all();
    ASSERT_EQ(taken.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(taken[i].server_id, "id-" + std::to_string(i));
    EXPECT_TRUE(mail.empty());
    EXPECT_TRUE(mail.take_all().empty());
}

TEST(FarewellMail, what_is_too_much_is_dropped_and_counted) {
    FarewellMail mail;
    for (std::size_t i = 0; i < limits::farewells_waiting_max; ++i)
        ASSERT_TRUE(mail.put(numbered(i)));
    EXPECT_FALSE(mail.put(numbered(0)));
    EXPECT_EQ(mail.dropped(), 1U);
    EXPECT_EQ(mail.take_all().size(), limits::farewells_waiting_max);
    EXPECT_TRUE(mail.put(numbered(0)));
}

TEST(FarewellMail, threads_lose_and_double_nothing) {
    FarewellMail mail;
    constexpr std::size_t kEach = 5'000;
    std::array<std::atomic<int>, 3 * kEach> seen{};
    std::atomic<int> writers{3};
    const auto take = [&] {
        for (const SessionFarewell& farewell : mail.take_all())
            ++seen[farewell.instance];
    };
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < 3; ++w)
        threads.emplace_back([&, w] {
            for (std::size_t i = 0; i < kEach; ++i)
                EXPECT_TRUE(mail.put(numbered(w * kEach + i)));
            --writers;
        });
    for (int reader = 0; reader < 2; ++reader)
        threads.emplace_back([&] {
            while (writers > 0)
                take();
        });
    for (std::thread& thread : threads)
        thread.join();
    take();
    for (const auto& count : seen)
        ASSERT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace mcpgw
