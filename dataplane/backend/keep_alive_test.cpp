// The gateway always lets go first, and is not misled by what it cannot read.
#include "dataplane/backend/keep_alive.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::backend {
namespace {

constexpr std::uint32_t kOwn = limits::backend_idle_timeout_ms;

TEST(KeepAlive, is_below_what_the_server_grants) {
    EXPECT_EQ(idle_time_ms("timeout=3"), 2000U);
    EXPECT_EQ(idle_time_ms("timeout=2, max=100"), 1000U);
    EXPECT_EQ(idle_time_ms("max=100 ,  Timeout=1"), 500U);
    EXPECT_EQ(idle_time_ms("timeout=0"), 0U);
    EXPECT_EQ(idle_time_ms("timeout=3, timeout=2"), 1000U);
    for (std::uint32_t seconds = 1; seconds <= 10; ++seconds)
        EXPECT_LT(idle_time_ms("timeout=" + std::to_string(seconds)), seconds * 1000);
}

TEST(KeepAlive, never_lengthens_the_gateways_own_time) {
    EXPECT_EQ(idle_time_ms("timeout=5"), kOwn);
    EXPECT_EQ(idle_time_ms("timeout=75"), kOwn);
    EXPECT_EQ(idle_time_ms("timeout=4294967295"), kOwn);
}

TEST(KeepAlive, what_cannot_be_read_says_nothing) {
    for (const auto* value : {"", "timeout", "timeout=", "timeout=x", "timeout=1x", "timeout=-1",
                              "xtimeout=1", "max=1", ",,", "timeout=99999999999"})
        EXPECT_EQ(idle_time_ms(value), kOwn) << value;
}

}  // namespace
}  // namespace mcpgw::backend
