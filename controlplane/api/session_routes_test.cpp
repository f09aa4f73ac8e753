// Lists and ends of sessions, with data planes that this test plays.
#include "controlplane/api/session_routes.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {
namespace {

// Answers as a data plane does: in order, from `after` on, and looks at no more than `looks_max`
// sessions for one question.
struct FakeProcess {
    std::vector<contract::SessionItem> sessions;
    std::size_t looks_max = 1000;
    bool is_away = false;
    int questions = 0;
    Nanos takes = 0;

    Result<contract::SessionsPage> page(const contract::SessionsQuery& query) {
        ++questions;
        if (is_away) return failure(Code::unavailable, "no answer");
        contract::SessionsPage page;
        for (std::size_t i = query.after; i < sessions.size(); ++i) {
            page.next = i;
            if (i - query.after == looks_max || page.items.size() == query.limit) return page;
            const contract::SessionItem& one = sessions[i];
            const auto matches = [](const std::string& filter, const std::string& value) {
                return filter.empty() || filter == value;
            };
            if (matches(query.adapter, one.adapter) && matches(query.instance, one.instance) &&
                matches(query.user, one.user) && matches(query.tenant, one.tenant))
                page.items.push_back(one);
        }
        page.next = 0;
        return page;
    }
    Result<contract::SessionEnded> end(const contract::SessionEnd& wish) {
        if (is_away) return failure(Code::unavailable, "no answer");
        contract::SessionEnded ended;
        std::erase_if(sessions, [&](const contract::SessionItem& one) {
            if (one.id != wish.id || (!wish.user.empty() && wish.user != one.user)) return false;
            ended = {wish.request, true, one.adapter, one.instance, one.user};
            return true;
        });
        return ended;
    }
};

class SessionRoutesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_sessions_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        store_ = std::move(*store::SqliteStore::open(directory_ + "/store.db"));
        routes_ = std::make_unique<SessionRoutes>(
            SessionServices{
                .processes =
                    [this] {
                        std::vector<std::string> names;
                        for (const auto& [process, unused] : processes_)
                            names.push_back(process);
                        return names;
                    },
                .page =
                    [this](const std::string& process, const contract::SessionsQuery& query,
                           Nanos until) {
                        while_asked_();
                        FakeProcess& asked = processes_.at(process);
                        now_ += std::min(asked.takes, until - now_);
                        return asked.page(query);
                    },
                .end =
                    [this](const std::string& process, const contract::SessionEnd& wish) {
                        return processes_.at(process).end(wish);
                    },
                .now = [this] { return now_; }},
            identity::AccessRules{}, store_.get());
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    void add(const std::string& process, const std::string& id, const std::string& user = "alice",
             const std::string& adapter = "weather") {
        processes_[process].sessions.push_back({id, adapter, adapter + "-0", user, "acme",
                                                1'800'000'000'000, 1'800'000'001'500, 1, 7});
    }
    // `target` is a path with an optional query of plain values.
    Answer ask(const std::string& method, const std::string& target,
               const std::string& user = "root") {
        Call call;
        call.method = method;
        call.path = target.substr(0, target.find('?'));
        call.who.user_id = user;
        if (user == "root") call.who.roles = {"mcp.admin"};
        std::string query = target.substr(std::min(target.find('?'), target.size()));
        while (!query.empty()) {
            const std::size_t end = std::min(query.find('&', 1), query.size());
            const std::size_t equals = query.find('=');
            call.query.emplace_back(query.substr(1, equals - 1),
                                    query.substr(equals + 1, end - equals - 1));
            query.erase(0, end);
        }
        return routes_->answer(call);
    }
    static std::vector<std::string> ids_of(const Answer& answer) {
        EXPECT_EQ(answer.status, 200) << answer.body;
        const auto json = model::parse_json(answer.body);
        std::vector<std::string> ids;
        for (const picojson::value& item : json->get<picojson::array>())
            ids.push_back(item.get("id").get<std::string>());
        return ids;
    }
    using Ids = std::vector<std::string>;
    Ids ids(const std::string& target, const std::string& user = "root") {
        return ids_of(ask("GET", target, user));
    }
    static std::string next_of(const Answer& answer) {
        for (const auto& [name, value] : answer.headers)
            if (name == "Link") return value.substr(1, value.find('>') - 1);
        return {};
    }

    std::string directory_;
    std::unique_ptr<store::SqliteStore> store_;
    std::map<std::string, FakeProcess> processes_;
    Nanos now_ = kSecond;
    std::function<void()> while_asked_ = [] {};
    std::unique_ptr<SessionRoutes> routes_;
};

TEST_F(SessionRoutesTest, an_item_has_all_that_is_known_of_a_session) {
    add("p1", "0123456789abcdef");
    const Answer answer = ask("GET", "/sessions");
    EXPECT_EQ(answer.body,
              R"([{"id":"p1-0123456789abcdef","adapter":"weather","instance":"weather-0",)"
              R"("user":"alice","tenant":"acme","createdAt":"2027-01-15T08:00:00.000Z",)"
              R"("lastUsedAt":"2027-01-15T08:00:01.500Z","streams":1,"requests":7}])");
    EXPECT_EQ(answer.content_type, "application/json");
    EXPECT_EQ(next_of(answer), "");
}

TEST_F(SessionRoutesTest, without_data_planes_there_are_no_sessions) {
    EXPECT_EQ(ask("GET", "/sessions").body, "[]");
    EXPECT_EQ(ask("HEAD", "/sessions/").status, 200);
}

TEST_F(SessionRoutesTest, pages_go_through_all_data_planes_and_miss_nothing) {
    Ids all;
    for (const char* process : {"p1", "p2", "p3", "p4"}) {
        if (std::string(process) == "p3") {
            processes_["p3"];  // knows no session
            continue;
        }
        for (int i = 0; i < 7; ++i) {
            add(process, "s" + std::to_string(i));
            all.push_back(std::string(process) + "-s" + std::to_string(i));
        }
        processes_[process].looks_max = 3;
    }
    EXPECT_EQ(ids("/sessions"), all);
    for (std::size_t limit = 1; limit <= all.size() + 1; ++limit) {
        Ids seen;
        std::string target = "/sessions?limit=" + std::to_string(limit);
        for (std::size_t pages = 0; !target.empty() && pages <= 2 * all.size() + 2; ++pages) {
            const Answer answer = ask("GET", target);
            const Ids page = ids_of(answer);
            EXPECT_LE(page.size(), limit);
            seen.insert(seen.end(), page.begin(), page.end());
            target = next_of(answer);
        }
        EXPECT_EQ(seen, all) << limit;
        EXPECT_EQ(target, "") << limit;
    }
}

TEST_F(SessionRoutesTest, filters_are_passed_on_and_stay_in_the_link) {
    add("p1", "s1", "alice", "weather");
    add("p1", "s2", "bob b&c", "weather");
    add("p2", "s3", "bob b&c", "search");
    add("p2", "s4", "bob b&c", "weather");
    EXPECT_EQ(ids("/sessions?adapter=weather"), (Ids{"p1-s1", "p1-s2", "p2-s4"}));
    EXPECT_EQ(ids("/sessions?instance=search-0"), Ids{"p2-s3"});
    EXPECT_EQ(ids("/sessions?user=alice"), Ids{"p1-s1"});
    EXPECT_EQ(ids("/sessions?tenant=nobody"), Ids{});
    Call call;
    call.method = "GET";
    call.path = "/sessions";
    call.who = {"root", {"MCP.Admin"}};
    call.query = {{"user", "bob b&c"}, {"adapter", "weather"}, {"limit", "1"}};
    const Answer answer = routes_->answer(call);
    EXPECT_EQ(ids_of(answer), Ids{"p1-s2"});
    EXPECT_TRUE(next_of(answer).ends_with("&adapter=weather&user=bob%20b%26c")) << next_of(answer);
}

TEST_F(SessionRoutesTest, others_than_administrators_see_and_end_their_own_only) {
    add("p1", "s1", "alice");
    add("p1", "s2", "bob");
    add("p2", "s3", "alice");
    EXPECT_EQ(ids("/sessions", "alice"), (Ids{"p1-s1", "p2-s3"}));
    EXPECT_EQ(ids("/sessions?user=alice", "alice"), (Ids{"p1-s1", "p2-s3"}));
    EXPECT_EQ(ids("/sessions?user=bob", "alice"), Ids{});
    EXPECT_EQ(ids("/sessions", "carol"), Ids{});
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s2", "alice").status, 404);
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s1", "alice").status, 204);
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s2", "root").status, 204);
    EXPECT_EQ(ids("/sessions"), Ids{"p2-s3"});
}

TEST_F(SessionRoutesTest, an_end_is_an_audit_record_and_a_second_one_is_404) {
    add("p1", "s1");
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s1").status, 204);
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s1").status, 404);
    const auto audit = store_->audit(std::nullopt, 10);
    ASSERT_EQ(audit->size(), 1U);
    EXPECT_EQ(audit->front().action, "session.end");
    EXPECT_EQ(audit->front().actor, "root");
    EXPECT_EQ(audit->front().resource, "p1-s1");
    EXPECT_EQ(audit->front().detail, "adapter weather, instance weather-0, user alice");
}

TEST_F(SessionRoutesTest, a_data_plane_that_does_not_answer_is_left_out) {
    add("p1", "s1");
    add("p2", "s2");
    processes_["p1"].is_away = true;
    EXPECT_EQ(ids("/sessions"), Ids{"p2-s2"});
    EXPECT_EQ(processes_["p1"].questions, 1);
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s1").status, 503);
    // One that has left in the middle of a list: it goes on with the next.
    processes_["p1"].is_away = false;
    const std::string next = next_of(ask("GET", "/sessions?limit=1"));
    processes_.erase("p1");
    EXPECT_EQ(ids(next), Ids{"p2-s2"});
}

TEST_F(SessionRoutesTest, a_list_that_takes_too_long_ends_early_and_goes_on_at_its_link) {
    Ids all;
    for (int i = 0; i < 12; ++i) {
        add("p1", "s" + std::to_string(i));
        all.push_back("p1-s" + std::to_string(i));
    }
    processes_["p1"].looks_max = 1;
    processes_["p1"].takes = kSecond;
    for (const char* silent : {"p2", "p3", "p4", "p5"}) {
        processes_[silent].is_away = true;
        processes_[silent].takes = limits::session_question_ms * kMillisecond;
    }
    add("p6", "last");
    all.emplace_back("p6-last");
    Ids seen;
    std::size_t pages = 0;
    for (std::string target = "/sessions"; !target.empty(); ++pages) {
        ASSERT_LT(pages, 20U);
        const Nanos begin = now_;
        const Answer answer = ask("GET", target);
        EXPECT_LE(now_ - begin, limits::session_list_ms * kMillisecond);
        const Ids page = ids_of(answer);
        seen.insert(seen.end(), page.begin(), page.end());
        target = next_of(answer);
    }
    EXPECT_EQ(seen, all);
    EXPECT_GT(pages, 3U);
}

TEST_F(SessionRoutesTest, so_many_calls_ask_at_the_same_time) {
    add("p1", "s1");
    std::size_t depth = 0;
    Answer refused;
    while_asked_ = [&] {
        if (++depth > limits::session_calls_max) return;
        const Answer answer = ask("GET", "/sessions");
        if (answer.status != 200) refused = answer;
    };
    EXPECT_EQ(ids("/sessions"), Ids{"p1-s1"});
    EXPECT_EQ(depth, limits::session_calls_max);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.content_type, "application/problem+json");
    EXPECT_EQ(refused.headers.at(0), std::pair(std::string("Retry-After"), std::string("1")));
    while_asked_ = [] {};
    EXPECT_EQ(ids("/sessions"), Ids{"p1-s1"}) << "all of them have ended";
}

TEST_F(SessionRoutesTest, a_data_plane_that_leads_in_circles_ends_the_list_all_the_same) {
    add("p2", "s2");
    FakeProcess& circle = processes_["p1"];
    circle.looks_max = 0;  // `next` stays where it was
    add("p1", "s1");
    EXPECT_EQ(ids("/sessions"), Ids{"p2-s2"});
}

TEST_F(SessionRoutesTest, wrong_parameters_are_named) {
    add("p1", "s1");
    for (const char* target :
         {"/sessions?limit=0", "/sessions?limit=1001", "/sessions?limit=x", "/sessions?cursor=%",
          "/sessions?cursor=", "/sessions?usr=bob", "/sessions?user=a&user=b",
          "/sessions?cursor=YQ", "/sessions?adapter=No", "/sessions?user="})
        EXPECT_EQ(ask("GET", target).status, 400) << target;
    const std::string long_text(limits::principal_bytes_max + 1, 'x');
    EXPECT_TRUE(ask("GET", "/sessions?tenant=" + long_text).body.contains("\"tenant\""));
    EXPECT_EQ(processes_["p1"].questions, 0);
}

TEST_F(SessionRoutesTest, ids_that_are_none_are_404_and_nobody_is_asked) {
    add("p1", "s1");
    for (const char* id : {"x", "p1", "p1-", "-s1", "p9-s1", "p1-s1-s1", "p1-%", "P1-s1"})
        EXPECT_EQ(ask("DELETE", std::string("/sessions/") + id).status, 404) << id;
    EXPECT_EQ(processes_["p1"].sessions.size(), 1U);
}

TEST_F(SessionRoutesTest, other_methods_and_paths_are_refused) {
    EXPECT_EQ(ask("POST", "/sessions").status, 405);
    EXPECT_EQ(ask("DELETE", "/sessions").status, 405);
    EXPECT_EQ(ask("GET", "/sessions/p1-s1").status, 405);
    EXPECT_EQ(ask("DELETE", "/sessions/p1-s1/more").status, 404);
    EXPECT_TRUE(is_sessions_path("/sessions"));
    EXPECT_TRUE(is_sessions_path("/sessions/x"));
    EXPECT_FALSE(is_sessions_path("/sessionsx"));
    EXPECT_FALSE(is_sessions_path("/adapters"));
}

}  // namespace
}  // namespace mcpgw::api
