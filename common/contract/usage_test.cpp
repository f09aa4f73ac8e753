// Questions about usage survive their round trip, broken ones are refused, and answers add up.
#include "common/contract/usage.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::contract {
namespace {

TEST(Usage, questions_and_answers_survive_their_round_trip) {
    const UsageQuery query{UINT64_MAX, {"acme", "a \"b\""}};
    EXPECT_EQ(*decode_usage_query(encode(query)), query);
    const UsagePage page{3, {{"acme", 7, 1'800'000'000, 2, UINT32_MAX}, {"zeta", 0, 0, 0, 0}}};
    EXPECT_EQ(*decode_usage_page(encode(page)), page);
}

TEST(Usage, what_breaks_a_limit_is_refused) {
    UsageQuery many{1, std::vector<std::string>(limits::usage_tenants_max, "t")};
    EXPECT_TRUE(decode_usage_query(encode(many)));
    many.tenants.emplace_back("t");
    EXPECT_FALSE(decode_usage_query(encode(many)));
    EXPECT_FALSE(decode_usage_query(
        encode(UsageQuery{1, {std::string(limits::tenant_bytes_max + 1, 't')}})));
    EXPECT_FALSE(decode_usage_query(encode(UsagePage{})));
    EXPECT_FALSE(decode_usage_page(R"({"type":"usage_page","request":1,"items":[{}]})"));
}

TEST(Usage, data_planes_add_up) {
    UsagePage sum{1, {{"acme", 7, 100, 2, 1}}};
    add_usage(sum, {1, {{"acme", 5, 200, 1, 0}, {"zeta", 1, 2, 3, 4}}});
    EXPECT_EQ(sum, (UsagePage{1, {{"acme", 12, 200, 3, 1}, {"zeta", 1, 2, 3, 4}}}));
}

}  // namespace
}  // namespace mcpgw::contract
