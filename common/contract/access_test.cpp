// Identity, tenants, rules and limits on their way: nothing is lost, and what breaks a rule is
// refused with its place.
#include "common/contract/access.h"

#include <functional>

#include <gtest/gtest.h>

#include "common/contract/snapshot.h"
#include "common/limits.h"

namespace mcpgw::contract {
namespace {

ApiToken token_with(char fill) {
    ApiToken token;
    token.hash = std::string(32, fill);
    token.id = "ci";
    token.user = "robot";
    token.roles = {"mcp.engineer"};
    token.tenant = "blue";
    token.scopes = {"mcp:use"};
    token.adapters = {"weather"};
    token.expires_unix_s = 4'000'000'000;
    return token;
}

Snapshot sample_with_access() {
    Snapshot snapshot;
    snapshot.epoch = "e";
    snapshot.version = 1;
    Access& access = snapshot.access;
    access.issuers = {{"https://idp.example/t1",
                       {{"k1", "RS256", std::string("\x30\x00\xff", 3)}, {"", "", "x"}},
                       R"({"issuer":"x"})"},
                      {"https://other.example/", {}, ""}};
    access.audiences = {"api://gateway"};
    access.claims.user = {"oid", "sub"};
    access.claims.tenant = {};
    access.scopes = {"mcp:use", "mcp:admin"};
    access.resource = "api://gateway";
    access.clock_skew_seconds = 0;
    access.tokens = {token_with('a'), token_with('b')};
    access.tokens[1].expires_unix_s = 0;
    access.tenants = {{"blue", {{1000, 3600, 50, 100, 20, 10}, {1, 1, 0, 0, 0, 0}}}, {"red", {}}};
    access.assertion_keys = {{"a1", "der", true}, {"a0", "old", false}};
    Adapter& adapter = snapshot.adapters.emplace_back();
    adapter.name = "weather";
    adapter.tenant = "blue";
    adapter.required_scopes = {"mcp:weather"};
    adapter.access_rules = {{AccessRule::Effect::allow, {"analyst"}, {}, {"read_*"}},
                            {AccessRule::Effect::deny, {}, {"resources/*"}, {}}};
    adapter.limits = {{0, 0, 5, 10, 0, 0}, {0, 0, 0, 0, 3, 2}};
    adapter.identity_assertion = true;
    return snapshot;
}

TEST(Access, everything_survives_the_round_trip) {
    const Snapshot before = sample_with_access();
    const Result<Snapshot> after = decode_snapshot(encode(before));
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_EQ(after->access, before.access);
    EXPECT_EQ(after->adapters, before.adapters);
}

TEST(Access, an_older_peer_says_nothing_of_it) {
    std::string json = R"({"type":"snapshot","epoch":"e","version":1,"keys":[],"adapters":[]})";
    const Result<Snapshot> after = decode_snapshot(json);
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_EQ(after->access, Access{});
}

TEST(Access, a_delta_has_it_only_if_it_has_changed) {
    Delta delta{.epoch = "e", .from = 1, .to = 2, .keys = {}, .upserts = {}, .removals = {}};
    EXPECT_EQ(encode(delta).find("access"), std::string::npos);
    EXPECT_FALSE(decode_delta(encode(delta))->access.has_value());
    delta.access = sample_with_access().access;
    EXPECT_EQ(decode_delta(encode(delta))->access, delta.access);
}

std::string detail_after_change_of(const std::function<void(Snapshot&)>& change) {
    Snapshot snapshot = sample_with_access();
    change(snapshot);
    const Result<Snapshot> result = decode_snapshot(encode(snapshot));
    return result.has_value() ? "accepted" : result.error().detail;
}

TEST(Access, what_breaks_a_rule_is_refused_with_its_place) {
    const auto access = [](const std::function<void(Access&)>& change) {
        return detail_after_change_of([&change](Snapshot& snapshot) { change(snapshot.access); });
    };
    EXPECT_EQ(access([](Access& a) { a.issuers[1].issuer = a.issuers[0].issuer; }),
              "access.issuers: one is there twice");
    EXPECT_EQ(access([](Access& a) { a.issuers[0].issuer = "a b"; }),
              "access.issuers[0].issuer: is not visible ASCII");
    EXPECT_EQ(access([](Access& a) { a.issuers[0].keys[0].spki.clear(); }),
              "access.issuers[0].keys[0].spki: is empty");
    EXPECT_EQ(access([](Access& a) { a.tokens[0].hash = "short"; }),
              "access.tokens[0].hash: is not 32 bytes");
    EXPECT_EQ(access([](Access& a) { a.tokens[0].hash = a.tokens[1].hash; }),
              "access.tokens: are not in order");
    EXPECT_EQ(access([](Access& a) { a.tokens[0].user = "a b"; }),
              "access.tokens[0].user: is not visible ASCII");
    EXPECT_EQ(access([](Access& a) { a.tenants[1].id = "blue"; }),
              "access.tenants: are not in order");
    EXPECT_EQ(access([](Access& a) { a.tenants[0].limits.all.quota_seconds = 0; }),
              "access.tenants[0].limits.all.quota_seconds: and quota_requests belong together");
    EXPECT_EQ(access([](Access& a) { a.tenants[0].limits.all.burst = 0; }),
              "access.tenants[0].limits.all.burst: and requests_per_second belong together");
    EXPECT_EQ(access([](Access& a) { a.assertion_keys[1].current = true; }),
              "access.assertion_keys: more than one is current");
    EXPECT_EQ(access([](Access& a) { a.clock_skew_seconds = limits::clock_skew_seconds_max + 1; }),
              "access.clock_skew_seconds: is not within 0...600");
}

TEST(Access, a_rule_speaks_of_methods_or_of_tools) {
    const auto rule = [](const std::function<void(AccessRule&)>& change) {
        return detail_after_change_of(
            [&change](Snapshot& snapshot) { change(snapshot.adapters[0].access_rules[0]); });
    };
    const char* detail = "adapters[0].access_rules[0].tools: and methods: a rule has one of them";
    EXPECT_EQ(rule([](AccessRule& r) { r.methods = {"tools/list"}; }), detail);
    EXPECT_EQ(rule([](AccessRule& r) { r.tools.clear(); }), detail);
    EXPECT_EQ(rule([](AccessRule& r) { r.tools = {std::string(5000, 'x')}; }),
              "adapters[0].access_rules[0].tools: are too long");
}

}  // namespace
}  // namespace mcpgw::contract
