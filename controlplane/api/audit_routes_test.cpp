// The audit log over the management API: who may read it, in what order, page after page.
#include "controlplane/api/audit_routes.h"

#include <cstdlib>
#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {
namespace {

class AuditRoutesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_audit_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        store_ = std::move(*store::SqliteStore::open(directory_ + "/store.db"));
        routes_ = std::make_unique<AuditRoutes>(identity::AccessRules{}, store_.get());
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    Answer ask(std::vector<std::pair<std::string, std::string>> query = {},
               const std::string& method = "GET", const std::string& role = "mcp.admin") {
        Call call;
        call.method = method;
        call.path = "/audit";
        call.query = std::move(query);
        call.who.user_id = "root";
        call.who.roles = {role};
        return routes_->answer(call);
    }
    void note(const std::string& actor, const std::string& resource) {
        ASSERT_TRUE(store_->append_audit({0, 1'800'000'000'000, actor, "test", resource, "why"}));
    }
    static picojson::array items_of(const Answer& answer) {
        EXPECT_EQ(answer.status, 200) << answer.body;
        const auto json = model::parse_json(answer.body);
        return json ? json->get<picojson::array>() : picojson::array();
    }
    static std::string header(const Answer& answer, const std::string& wanted) {
        for (const auto& [name, value] : answer.headers)
            if (name == wanted) return value;
        return {};
    }
    // The query of the next page; empty if there is none.
    static std::vector<std::pair<std::string, std::string>> next_of(const Answer& answer) {
        std::string link = header(answer, "Link");
        std::vector<std::pair<std::string, std::string>> query;
        link = link.substr(0, link.find('>'));
        for (std::size_t at = link.find('?'); at != std::string::npos;) {
            const std::size_t end = link.find('&', at + 1);
            const std::string part = link.substr(at + 1, end - at - 1);
            query.emplace_back(part.substr(0, part.find('=')), part.substr(part.find('=') + 1));
            at = end;
        }
        return query;
    }

    std::string directory_;
    std::unique_ptr<store::SqliteStore> store_;
    std::unique_ptr<AuditRoutes> routes_;
};

TEST_F(AuditRoutesTest, only_administrators_may_read_it) {
    note("alice", "x");
    EXPECT_EQ(ask({}, "GET", "mcp.user").status, 403);
    EXPECT_EQ(ask({}, "GET", "mcp.admin").status, 200);
    EXPECT_EQ(ask({}, "HEAD").status, 200);
    for (const char* method : {"POST", "PUT", "DELETE"}) {
        const Answer answer = ask({}, method);
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_EQ(header(answer, "Allow"), "GET, HEAD");
    }
    EXPECT_EQ(store_->audit(std::nullopt, 10)->size(), 1U);
}

TEST_F(AuditRoutesTest, a_record_says_who_did_what_and_what_was_before_and_after) {
    model::Adapter adapter;
    adapter.name = adapter.id = "x";
    adapter.command = {"server"};
    adapter.environment_variables = {{"TOKEN", "s3cret"}};
    ASSERT_TRUE(store_->create(
        adapter, {0, 1'800'000'000'000, "alice", "adapter.create", "x", "command, 1 replicas"}));
    const Answer answer = ask();
    EXPECT_EQ(answer.content_type, "application/json");
    EXPECT_EQ(answer.body.find("s3cret"), std::string::npos);
    EXPECT_TRUE(answer.body.starts_with(
        R"([{"id":1,"at":"2027-01-15T08:00:00.000Z","actor":"alice","action":"adapter.create",)"
        R"("resource":"x","detail":"command, 1 replicas","before":null,"after":{"id":"x",)"))
        << answer.body;
    const picojson::value after = items_of(answer).at(0).get("after");
    EXPECT_EQ(after.get("environmentVariables").get("TOKEN").to_str(), "***");
    EXPECT_EQ(header(answer, "Link"), "");
}

TEST_F(AuditRoutesTest, pages_go_from_the_newest_to_the_oldest_and_do_not_shift) {
    for (int i = 1; i <= 25; ++i)
        note("alice", "x");
    std::vector<double> ids;
    int pages = 0;
    for (auto query = std::vector<std::pair<std::string, std::string>>{{"limit", "10"}};
         !query.empty(); ++pages) {
        const Answer answer = ask(query);
        for (const picojson::value& item : items_of(answer))
            ids.push_back(item.get("id").get<double>());
        note("bob", "meanwhile");
        query = next_of(answer);
    }
    EXPECT_EQ(pages, 3);
    ASSERT_EQ(ids.size(), 25U);
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_EQ(ids[i], static_cast<double>(25 - i));
}

TEST_F(AuditRoutesTest, filters_hold_on_every_page) {
    for (int i = 0; i < 9; ++i)
        note(i % 3 == 0 ? "alice" : "bob", i % 2 == 0 ? "x" : "y");
    std::size_t seen = 0;
    for (auto query =
             std::vector<std::pair<std::string, std::string>>{
                 {"limit", "1"}, {"actor", "bob"}, {"resource", "x"}};
         !query.empty();) {
        const Answer answer = ask(query);
        for (const picojson::value& item : items_of(answer)) {
            ++seen;
            EXPECT_EQ(item.get("actor").to_str(), "bob");
            EXPECT_EQ(item.get("resource").to_str(), "x");
        }
        query = next_of(answer);
    }
    EXPECT_EQ(seen, 3U);
    EXPECT_EQ(ask({{"actor", "carol"}}).body, "[]");
}

TEST_F(AuditRoutesTest, a_query_that_makes_no_sense_is_refused) {
    for (const auto& [name, value] :
         {std::pair("limit", "0"), std::pair("limit", "1001"), std::pair("cursor", "!"),
          std::pair("cursor", "YWJj"), std::pair("actor", ""), std::pair("user", "a"),
          std::pair("resource", "a\nb")})
        EXPECT_EQ(ask({{name, value}}).status, 400) << name << "=" << value;
}

}  // namespace
}  // namespace mcpgw::api
