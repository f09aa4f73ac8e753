// Every farewell that was put is taken once, whoever puts and takes at the same time.
#include "dataplane/session/farewell_mail.h"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

SessionFarewell numbered(std::size_t number) {
    return {"a", number, "id-" + std::to_string(number), "ann"};
}

std::size_t pop_all(FarewellMail::Batch batch) {
    std::size_t count = 0;
    for (; !batch.empty(); ++count)
        static_cast<void>(batch.pop());
    return count;
}

TEST(FarewellMail, what_was_put_is_taken) {
    FarewellMail mail;
    EXPECT_TRUE(mail.empty());
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_TRUE(mail.put(numbered(i)));
    EXPECT_FALSE(mail.empty());
    FarewellMail::Batch taken = mail.take_all();
    EXPECT_TRUE(mail.empty());
    EXPECT_TRUE(mail.take_all().empty());
    for (std::size_t i = 3; i-- > 0;) {
        ASSERT_FALSE(taken.empty());
        EXPECT_EQ(taken.pop().server_id, "id-" + std::to_string(i));
    }
    EXPECT_TRUE(taken.empty());
}

TEST(FarewellMail, what_is_too_much_is_dropped_and_counted) {
    FarewellMail mail;
    for (std::size_t i = 0; i < limits::farewells_waiting_max; ++i)
        ASSERT_TRUE(mail.put(numbered(i)));
    EXPECT_FALSE(mail.put(numbered(0)));
    EXPECT_EQ(mail.dropped(), 1U);
    FarewellMail::Batch taken = mail.take_all();
    EXPECT_FALSE(mail.put(numbered(0))) << "what was taken but not popped waits still";
    EXPECT_EQ(pop_all(std::move(taken)), limits::farewells_waiting_max);
    EXPECT_TRUE(mail.put(numbered(0)));
}

TEST(FarewellMail, what_a_batch_is_left_with_goes_with_it) {
    FarewellMail mail;
    ASSERT_TRUE(mail.put(numbered(0)));
    {
        const FarewellMail::Batch dropped = mail.take_all();
    }
    for (std::size_t i = 0; i < limits::farewells_waiting_max; ++i)
        ASSERT_TRUE(mail.put(numbered(i)));
}

TEST(FarewellMail, threads_lose_and_double_nothing) {
    FarewellMail mail;
    constexpr std::size_t kEach = 5'000;
    std::array<std::atomic<int>, 3 * kEach> seen{};
    std::atomic<int> writers{3};
    const auto take = [&] {
        for (FarewellMail::Batch batch = mail.take_all(); !batch.empty();)
            ++seen[batch.pop().instance];
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
