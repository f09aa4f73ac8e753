// Which Host and Origin values pass on loopback and other listeners.
#include "dataplane/auth/origin.h"

#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::auth {
namespace {

TEST(Origin, a_loopback_listener_refuses_foreign_host_and_origin) {
    const OriginRules rules{.loopback_listener = true, .allowed_hosts = {}, .allowed_origins = {}};
    EXPECT_TRUE(host_is_allowed("localhost:8000", rules));
    EXPECT_FALSE(host_is_allowed("evil.example", rules));
    EXPECT_FALSE(host_is_allowed("", rules));
    EXPECT_TRUE(origin_is_allowed("", rules));
    EXPECT_TRUE(origin_is_allowed("http://127.0.0.1:3000", rules));
    EXPECT_FALSE(origin_is_allowed("http://evil.example", rules));
    EXPECT_FALSE(origin_is_allowed("null", rules));
}

TEST(Origin, lists_extend_loopback_and_rule_elsewhere) {
    const std::vector<std::string> hosts{"gw.example", "gw.example:8443"};
    const std::vector<std::string> origins{"https://app.example"};
    OriginRules rules{
        .loopback_listener = true, .allowed_hosts = hosts, .allowed_origins = origins};
    EXPECT_TRUE(host_is_allowed("GW.example:1", rules));
    EXPECT_TRUE(origin_is_allowed("https://app.example", rules));
    rules.loopback_listener = false;
    EXPECT_TRUE(host_is_allowed("gw.example", rules));
    EXPECT_FALSE(host_is_allowed("localhost", rules));
    EXPECT_FALSE(origin_is_allowed("http://localhost", rules));
    const OriginRules open{};
    EXPECT_TRUE(host_is_allowed("anything", open));
    EXPECT_TRUE(origin_is_allowed("http://anything", open));
}

TEST(Origin, the_host_of_the_public_url_passes_and_closes_no_other_out) {
    OriginRules rules{.loopback_listener = true,
                      .allowed_hosts = {},
                      .allowed_origins = {},
                      .public_url = "https://gw.example:8443/mcp-gw"};
    EXPECT_TRUE(host_is_allowed("GW.example", rules));
    EXPECT_TRUE(host_is_allowed("gw.example:8443", rules));
    EXPECT_TRUE(host_is_allowed("localhost:8000", rules));
    EXPECT_FALSE(host_is_allowed("evil.example", rules));
    EXPECT_FALSE(host_is_allowed("gw.example.evil.example", rules));
    EXPECT_FALSE(host_is_allowed("", rules));
    rules.loopback_listener = false;
    EXPECT_TRUE(host_is_allowed("10.1.2.3:8000", rules)) << "as a probe of a pod asks";
}

TEST(Origin, what_passes_is_granted_only_if_it_is_named_or_local_on_a_loopback) {
    const std::vector<std::string> origins{"https://app.example"};
    OriginRules rules{.loopback_listener = true, .allowed_hosts = {}, .allowed_origins = {}};
    EXPECT_TRUE(origin_is_granted("http://localhost:3000", rules));
    EXPECT_TRUE(origin_is_granted("https://[::1]", rules));
    EXPECT_FALSE(origin_is_granted("", rules));
    EXPECT_FALSE(origin_is_granted("null", rules));
    EXPECT_FALSE(origin_is_granted("http://localhost.evil.example", rules));
    rules.allowed_origins = origins;
    EXPECT_TRUE(origin_is_granted("https://APP.example", rules));
    EXPECT_FALSE(origin_is_granted("https://app.example:444", rules)) << "another origin";
    EXPECT_FALSE(origin_is_granted("https://sub.app.example", rules));
    rules.loopback_listener = false;
    EXPECT_FALSE(origin_is_granted("http://localhost:3000", rules));
    const OriginRules open{};
    EXPECT_FALSE(origin_is_granted("http://anything", open)) << "though it passes";
}

}  // namespace
}  // namespace mcpgw::auth
