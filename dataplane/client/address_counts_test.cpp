// Counts per address: exact, forgotten when nothing is left, and shared between threads.
#include "dataplane/client/address_counts.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mcpgw::client {
namespace {

AddressCounts counts(std::uint32_t per_address_max) {
    return AddressCounts({.connections_max = 1024, .per_address_max = per_address_max, .seed = 7});
}

TEST(AddressCounts, an_address_has_no_more_than_its_limit) {
    AddressCounts two = counts(2);
    EXPECT_TRUE(two.enter("192.0.2.1"));
    EXPECT_TRUE(two.enter("192.0.2.1"));
    EXPECT_FALSE(two.enter("192.0.2.1"));
    EXPECT_TRUE(two.enter("192.0.2.2"));
    two.leave("192.0.2.1");
    EXPECT_TRUE(two.enter("192.0.2.1"));
    EXPECT_FALSE(two.enter("192.0.2.1"));
}

TEST(AddressCounts, an_ipv6_client_counts_by_its_64_bit_prefix) {
    AddressCounts one = counts(1);
    EXPECT_TRUE(one.enter("2001:db8:0:1::1"));
    EXPECT_FALSE(one.enter("2001:db8:0:1:ffff::2"));
    EXPECT_TRUE(one.enter("2001:db8:0:2::1"));
}

TEST(AddressCounts, a_mapped_ipv4_address_is_the_ipv4_address) {
    AddressCounts one = counts(1);
    EXPECT_TRUE(one.enter("192.0.2.1"));
    EXPECT_FALSE(one.enter("::ffff:192.0.2.1"));
}

TEST(AddressCounts, loopback_and_unix_sockets_are_not_counted) {
    AddressCounts one = counts(1);
    for (const auto* address : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", ""}) {
        EXPECT_TRUE(one.enter(address)) << address;
        EXPECT_TRUE(one.enter(address)) << address;
    }
}

TEST(AddressCounts, many_addresses_are_kept_apart_and_forgotten) {
    AddressCounts one = counts(1);
    for (int round = 0; round < 3; ++round) {
        int refused = 0;
        int refused_again = 0;
        for (int i = 0; i < 1000; ++i)
            refused += one.enter("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250))
                           ? 0
                           : 1;
        for (int i = 0; i < 1000; ++i) {
            const std::string address =
                "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
            refused_again += one.enter(address) ? 0 : 1;
            one.leave(address);
        }
        EXPECT_EQ(refused, 0) << "round " << round;
        EXPECT_GT(refused_again, 990);  // one that found its bucket full is not counted
        for (int i = 0; i < 1000; ++i)
            one.leave("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    }
}

TEST(AddressCounts, threads_come_and_go_without_losing_a_count) {
    AddressCounts all = counts(1000);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&all] {
            for (int i = 0; i < 20'000; ++i) {
                EXPECT_TRUE(all.enter("192.0.2.1"));
                all.leave("192.0.2.1");
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    int free = 0;
    while (all.enter("192.0.2.1"))
        ++free;
    EXPECT_EQ(free, 1000);
}

}  // namespace
}  // namespace mcpgw::client
