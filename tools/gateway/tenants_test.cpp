// `mcp-gateway tenants` against a stand-in for the management routes.
#include "tools/gateway/tenants.h"

#include "tools/gateway/fake_gateway.h"

namespace mcpgw::cli {
namespace {

constexpr const char* kTenant =
    R"({"id":"acme","quota":{"requests":1000,"perSeconds":3600},
        "rateLimit":{"requestsPerSecond":5,"burst":9},"maxSessions":3,
        "perUser":{"maxSessions":1},"used":17,"resetsAt":"2027-01-15T08:00:00.000Z","version":4})";

TEST(Tenants, set_sends_what_is_said_and_nothing_else) {
    FakeGateway gateway;
    gateway.body = kTenant;
    const auto set =
        gateway.run(run_tenants, {"tenants", "set", "acme", "--requests", "1000", "--per", "3600",
                                  "--rate", "5", "--max-sessions", "3", "--user-requests", "7",
                                  "--user-per", "60", "--user-max-streams", "2"});
    EXPECT_EQ(set.status, 0) << set.err;
    ASSERT_EQ(gateway.seen().size(), 1U);
    EXPECT_EQ(gateway.seen()[0].line, "PUT /tenants/acme");
    EXPECT_EQ(gateway.seen()[0].body,
              R"({"quota":{"requests":1000,"perSeconds":3600},)"
              R"("rateLimit":{"requestsPerSecond":5,"burst":5},"maxSessions":3,)"
              R"("perUser":{"quota":{"requests":7,"perSeconds":60},"maxStreams":2}})");
    EXPECT_NE(set.out.find("1000/3600s"), std::string::npos) << set.out;
    EXPECT_EQ(gateway.run(run_tenants, {"tenants", "set", "a@b.c"}).status, 0);
    EXPECT_EQ(gateway.seen()[1].line, "PUT /tenants/a@b.c");
    EXPECT_EQ(gateway.seen()[1].body, "{}");
}

TEST(Tenants, halves_of_limits_and_ids_that_are_none_are_wrong_usage) {
    const FakeGateway gateway;
    const std::vector<std::vector<std::string>> cases = {
        {"tenants"},
        {"tenants", "set"},
        {"tenants", "set", "a/b"},
        {"tenants", "get", ".."},
        {"tenants", "set", "a", "--requests", "5"},
        {"tenants", "set", "a", "--per", "5"},
        {"tenants", "set", "a", "--burst", "5"},
        {"tenants", "set", "a", "--user-burst", "5"},
        {"tenants", "set", "a", "--requests", "0", "--per", "1"},
        {"tenants", "set", "a", "--per", "2678401", "--requests", "1"},
        {"tenants", "set", "a", "--rate", "many"},
    };
    for (const auto& words : cases) {
        const auto outcome = gateway.run(run_tenants, words);
        EXPECT_EQ(outcome.status, 2) << words.back();
        EXPECT_FALSE(outcome.err.empty());
    }
    EXPECT_TRUE(gateway.seen().empty());
}

TEST(Tenants, people_see_limits_and_their_use) {
    FakeGateway gateway;
    gateway.body = kTenant;
    const auto shown = gateway.run(run_tenants, {"tenants", "get", "acme"});
    EXPECT_EQ(gateway.seen()[0].line, "GET /tenants/acme");
    for (const char* part : {"acme", "1000/3600s", "17", "2027-01-15T08:00:00.000Z", "5/s, burst 9",
                             R"({"maxSessions":1})"})
        EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
    gateway.body = "[]";
    EXPECT_EQ(gateway.run(run_tenants, {"tenants", "list"}).out, "no tenants\n");
    EXPECT_EQ(gateway.run(run_tenants, {"tenants", "list", "--json"}).out, "[]\n");
    gateway.status = 204;
    EXPECT_EQ(gateway.run(run_tenants, {"tenants", "delete", "acme"}).out, "deleted acme\n");
    gateway.status = 404;
    gateway.body = R"({"title":"Not Found","status":404,"detail":"there is no tenant acme"})";
    const auto failed = gateway.run(run_tenants, {"tenants", "get", "acme"});
    EXPECT_EQ(failed.status, 1);
    EXPECT_NE(failed.err.find("there is no tenant acme"), std::string::npos) << failed.err;
}

}  // namespace
}  // namespace mcpgw::cli
