// What the control plane is told about sessions: names, filters, pages; and ending by public id.
#include "dataplane/worker/session_list.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

class SessionListTest : public testing::Test {
  protected:
    void open(std::string_view lines = "") {
        Line client = gateway.connect();
        client.send(Harness::post(R"({"jsonrpc":"2.0","id":0,"method":"initialize"})", lines));
        EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    }
    contract::SessionsPage ask(const contract::SessionsQuery& query) {
        contract::SessionsPage page;
        list.list(query, page);
        return page;
    }

    std::atomic<int> opened = 0;
    ScriptedServer server{[this](Line& line) {
        read_request(line);
        line.send(
            answer(R"({"jsonrpc":"2.0","id":0,"result":{}})",
                   "Connection: close\r\nMcp-Session-Id: s-" + std::to_string(++opened) + "\r\n"));
    }};
    Harness gateway{{server.port()}};
    Janitor janitor{gateway.sessions, gateway.publication, {}};
    SessionList list{gateway.sessions, gateway.publication, janitor};
};

constexpr std::string_view kAnn = "X-Dev-UserId: ann\r\nX-Dev-Roles: mcp.admin\r\n";

TEST_F(SessionListTest, tells_whose_sessions_there_are_and_where) {
    open();
    open(kAnn);
    const auto page = ask({.limit = 10});
    ASSERT_EQ(page.items.size(), 2U);
    EXPECT_EQ(page.next, 0U);
    EXPECT_EQ(page.items[0].adapter, "a");
    EXPECT_EQ(page.items[0].instance, "a-" + std::to_string(server.port()));
    EXPECT_EQ(page.items[0].user, "dev");
    EXPECT_TRUE(contract::is_session_id(page.items[0].id));
    const std::uint64_t now = unix_millis_now();
    EXPECT_LE(page.items[0].created_unix_ms, now);
    EXPECT_GT(page.items[0].created_unix_ms + 60'000, now);
}

TEST_F(SessionListTest, filters_by_every_field) {
    open();
    open(kAnn);
    EXPECT_EQ(ask({.limit = 10, .user = "ann"}).items.size(), 1U);
    EXPECT_EQ(ask({.limit = 10, .user = "bob"}).items.size(), 0U);
    EXPECT_EQ(ask({.limit = 10, .adapter = "a"}).items.size(), 2U);
    EXPECT_EQ(ask({.limit = 10, .adapter = "b"}).items.size(), 0U);
    EXPECT_EQ(ask({.limit = 10, .instance = "a-1"}).items.size(), 0U);
    EXPECT_EQ(ask({.limit = 10, .tenant = "t"}).items.size(), 0U);
}

TEST_F(SessionListTest, pages_hold_each_session_once) {
    for (int i = 0; i < 5; ++i)
        open();
    std::vector<std::string> ids;
    contract::SessionsPage page;
    std::uint64_t after = 0;
    do {
        page = ask({.after = after, .limit = 2});
        EXPECT_LE(page.items.size(), 2U);
        for (const auto& item : page.items)
            ids.push_back(item.id);
        EXPECT_TRUE(page.next == 0 || page.next > after);
        after = page.next;
    } while (after != 0);
    std::ranges::sort(ids);
    EXPECT_EQ(ids.size(), 5U);
    EXPECT_EQ(std::ranges::unique(ids).begin(), ids.end());
}

TEST_F(SessionListTest, ends_a_session_once_and_only_its_owners) {
    open(kAnn);
    const std::string id = ask({.limit = 1}).items.at(0).id;
    contract::SessionEnded ended;
    EXPECT_FALSE(list.end({0, id, "bob"}, ended));
    EXPECT_FALSE(list.end({0, "0000000000000000", ""}, ended));
    EXPECT_FALSE(list.end({0, "nonsense", ""}, ended));
    EXPECT_EQ(ended, contract::SessionEnded{}) << "nothing is told of sessions of others";
    EXPECT_TRUE(list.end({0, id, "ann"}, ended));
    EXPECT_EQ(ended.user, "ann");
    EXPECT_FALSE(ended.adapter.empty());
    EXPECT_TRUE(ended.instance.starts_with(ended.adapter)) << ended.instance;
    EXPECT_FALSE(list.end({0, id, ""}, ended));
    EXPECT_EQ(ask({.limit = 1}).items.size(), 0U);
}

}  // namespace
}  // namespace mcpgw::worker
