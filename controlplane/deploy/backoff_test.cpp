// How long a server that keeps ending has to wait.
#include "controlplane/deploy/backoff.h"

#include <gtest/gtest.h>

#include "common/check.h"

namespace mcpgw::deploy {
namespace {

TEST(Backoff, doubles_up_to_its_limit_and_scatters_by_a_fifth) {
    for (const std::uint64_t random : {0ULL, 1ULL, 0xffffffffffffffffULL, 123456789ULL}) {
        Backoff backoff(200, 1'000);
        for (const std::uint64_t base_ms : {200U, 400U, 800U, 1'000U, 1'000U}) {
            const Nanos delay = backoff.next(random);
            EXPECT_GE(delay, base_ms * kMillisecond * 4 / 5);
            EXPECT_LE(delay, base_ms * kMillisecond * 6 / 5);
        }
    }
}

TEST(Backoff, a_long_health_makes_it_short_again) {
    Backoff backoff(200, 30'000);
    for (int i = 0; i < 10; ++i)
        maybe(backoff.next(0) > 0);
    backoff.reset();
    EXPECT_EQ(backoff.next(0), 160 * kMillisecond);
}

TEST(Backoff, randomness_scatters) {
    Backoff one(200, 30'000);
    Backoff other(200, 30'000);
    EXPECT_NE(one.next(1), other.next(30'000'000));
}

}  // namespace
}  // namespace mcpgw::deploy
