// Names and marks of units.
#include "controlplane/systemd/unit_names.h"

#include <gtest/gtest.h>

namespace mcpgw::systemd {
namespace {

constexpr std::string_view kGateway = "0123456789abcdef";

Marks marks() {
    return {"search-1", 2, "00112233445566778899aabbccddeeff", "cafe", "/mcp", 40001, 3, 0};
}

TEST(UnitNames, tell_adapter_ordinal_and_start) {
    EXPECT_EQ(unit_name(kGateway, marks()),
              "mcp-gateway-0123456789abcdef-search-1-2-001122334455.service");
    EXPECT_EQ(slice_name(kGateway), "mcp-gateway-0123456789abcdef.slice");
    EXPECT_EQ(unit_pattern(kGateway), "mcp-gateway-0123456789abcdef-*.service");
    EXPECT_LE(user_name(kGateway, std::string(50, 'x') + "-999").size(), 31U);
    EXPECT_NE(user_name(kGateway, "x-0"), user_name(kGateway, "x-1"));
    Marks longest = marks();
    longest.adapter = std::string(50, 'x');
    longest.ordinal = 999;
    EXPECT_LT(unit_name(kGateway, longest).size(), 255U);
}

TEST(UnitNames, marks_survive_the_way_through_systemd) {
    const auto read = decode(kGateway, encode(kGateway, marks()));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*read, marks());
}

TEST(UnitNames, a_later_generation_says_which_it_is) {
    Marks later = marks();
    later.generation = 7;
    std::vector<std::string> all = encode(kGateway, later);
    EXPECT_EQ(decode(kGateway, all), later);
    EXPECT_TRUE(is_mark("MCP_GATEWAY_GENERATION"));
    all.insert(all.begin(), "MCP_GATEWAY_GENERATION=x");
    EXPECT_FALSE(decode(kGateway, all).has_value());
}

TEST(UnitNames, marks_of_another_gateway_are_not_ours) {
    EXPECT_FALSE(decode("fedcba9876543210", encode(kGateway, marks())).has_value());
    EXPECT_FALSE(decode("", encode("", marks())).has_value());
    EXPECT_FALSE(decode(kGateway, {}).has_value());
}

TEST(UnitNames, marks_count_only_as_a_whole) {
    const std::vector<std::string> whole = encode(kGateway, marks());
    for (std::size_t missing = 0; missing < whole.size(); ++missing) {
        std::vector<std::string> part = whole;
        part.erase(part.begin() + static_cast<std::ptrdiff_t>(missing));
        EXPECT_FALSE(decode(kGateway, part).has_value()) << whole[missing];
    }
    for (const char* wrong :
         {"PORT=0", "PORT=65536", "PORT=x", "PORT=", "MCP_GATEWAY_INSTANCE=x",
          "MCP_GATEWAY_INSTANCE=-1", "MCP_GATEWAY_INSTANCE=x-", "MCP_GATEWAY_RESTARTS=-1",
          "MCP_GATEWAY_PATH=mcp", "MCP_GATEWAY_INSTANCE_UID=", "MCP_GATEWAY_DEFINITION="}) {
        std::vector<std::string> broken = whole;
        broken.insert(broken.begin(), wrong);  // the first one counts
        EXPECT_FALSE(decode(kGateway, broken).has_value()) << wrong;
    }
}

TEST(UnitNames, every_mark_is_known_as_one) {
    for (const std::string& assignment : encode(kGateway, marks()))
        EXPECT_TRUE(is_mark(assignment.substr(0, assignment.find('=')))) << assignment;
    EXPECT_FALSE(is_mark("PATH"));
}

}  // namespace
}  // namespace mcpgw::systemd
