// Tasks are found where they were put, and readers never see an entry of which half is another's.
#include "dataplane/session/task_places.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

TEST(TaskPlaces, a_task_is_found_under_its_adapter_and_id) {
    TaskPlaces places;
    places.put(1, "t", 7);
    EXPECT_EQ(places.find(1, "t"), 7U);
    EXPECT_EQ(places.find(2, "t"), 0U);
    EXPECT_EQ(places.find(1, "u"), 0U);
    EXPECT_EQ(places.find(1, ""), 0U);
}

TEST(TaskPlaces, the_last_instance_counts) {
    TaskPlaces places;
    places.put(1, "t", 7);
    places.put(1, "t", 8);
    EXPECT_EQ(places.find(1, "t"), 8U);
}

TEST(TaskPlaces, older_ones_give_way_and_newer_ones_stay) {
    TaskPlaces places;
    const std::size_t many = 4 * limits::task_places_max;
    for (std::size_t i = 0; i < many; ++i)
        places.put(1, std::to_string(i), i + 1);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < many; ++i) {
        const std::uint64_t found = places.find(1, std::to_string(i));
        EXPECT_TRUE(found == 0 || found == i + 1);
        kept += found != 0 ? 1 : 0;
    }
    EXPECT_LE(kept, limits::task_places_max);
    EXPECT_GT(kept, limits::task_places_max * 9 / 10);
    EXPECT_EQ(places.find(1, std::to_string(many - 1)), many);
}

// The instance of every task is computed from its id; another one would be another task's.
TEST(TaskPlaces, many_threads_never_mix_entries_up) {
    TaskPlaces places;
    const std::size_t tasks = 2 * limits::task_places_max;
    const auto work = [&](std::size_t seed) {
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < 200'000; ++i) {
            const std::size_t task = (seed + i * 7919) % tasks;
            const std::string id = std::to_string(task);
            const std::uint64_t found = places.find(1, id);
            wrong += found != 0 && found != task + 1 ? 1 : 0;
            places.put(1, id, task + 1);
        }
        EXPECT_EQ(wrong, 0U);
    };
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t)
        threads.emplace_back(work, t * 1000);
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace
}  // namespace mcpgw
