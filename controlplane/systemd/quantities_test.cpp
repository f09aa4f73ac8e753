// Kubernetes quantities as numbers.
#include "controlplane/systemd/quantities.h"

#include <gtest/gtest.h>

namespace mcpgw::systemd {
namespace {

TEST(Quantities, of_processors_are_thousandths) {
    EXPECT_EQ(cpu_millis("1"), 1'000U);
    EXPECT_EQ(cpu_millis("0.5"), 500U);
    EXPECT_EQ(cpu_millis("250m"), 250U);
    EXPECT_EQ(cpu_millis("1.0001"), 1'001U);
    EXPECT_EQ(cpu_millis("0.0001"), 1U);
    EXPECT_EQ(cpu_millis("0"), 1U);
    EXPECT_EQ(cpu_millis(""), std::nullopt);
    EXPECT_EQ(cpu_millis("1Gi"), std::nullopt);
}

TEST(Quantities, of_memory_are_bytes) {
    EXPECT_EQ(memory_bytes("1000"), 1'000U);
    EXPECT_EQ(memory_bytes("1k"), 1'000U);
    EXPECT_EQ(memory_bytes("1Ki"), 1'024U);
    EXPECT_EQ(memory_bytes("256Mi"), 256U << 20);
    EXPECT_EQ(memory_bytes("1.5Gi"), 3U << 29);
    EXPECT_EQ(memory_bytes("2T"), 2'000'000'000'000U);
    EXPECT_EQ(memory_bytes("0.1"), 1U);
    EXPECT_EQ(memory_bytes(""), std::nullopt);
    EXPECT_EQ(memory_bytes("5m"), std::nullopt);
    // More than there is anywhere is no limit.
    EXPECT_EQ(memory_bytes("100E"), std::nullopt);
}

}  // namespace
}  // namespace mcpgw::systemd
