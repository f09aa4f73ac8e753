// The verbs of `mcp-gateway sessions` against a small stand-in for the management routes.
#include "tools/gateway/sessions.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>

namespace mcpgw::cli {
namespace {

constexpr const char* kFirst =
    R"({"id":"p1-s1","adapter":"weather","instance":"weather-0","user":"alice","tenant":"acme",
        "createdAt":"2027-01-15T08:00:00.000Z","lastUsedAt":"2027-01-15T08:00:01.500Z",
        "streams":1,"requests":7})";

class SessionsTest : public testing::Test {
  protected:
    struct Outcome {
        int status;
        std::string out;
        std::string err;
    };

    SessionsTest() {
        server_.Get("/sessions", [this](const auto& query, auto& answer) {
            targets_.push_back(query.target);
            const bool is_second = query.has_param("cursor");
            if (!is_second && two_pages_)
                answer.set_header("Link", R"(</sessions?limit=1000&cursor=x>; rel="next")");
            answer.set_content(
                is_second ? R"([{"id":"p2-s2","user":"a\u001b[31m"}])" : "[" + first_page_ + "]",
                "application/json");
        });
        server_.Delete(R"(/sessions/([^/]+))", [](const auto& query, auto& answer) {
            answer.status = query.matches[1] == "p1-s1" ? 204 : 404;
            if (answer.status == 404)
                answer.set_content(R"({"status":404,"detail":"there is no such session"})",
                                   "application/problem+json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running())
            std::this_thread::yield();  // else stop() is lost
    }
    ~SessionsTest() override {
        server_.stop();
        thread_.join();
    }

    Outcome sessions(std::vector<std::string> words) const {
        words.insert(words.begin(), "sessions");
        words.insert(words.end(), {"--server", "http://127.0.0.1:" + std::to_string(port_)});
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = run_sessions(static_cast<int>(words.size()), argv.data());
        std::fflush(stdout);
        return {status, testing::internal::GetCapturedStdout(),
                testing::internal::GetCapturedStderr()};
    }

    std::string first_page_ = kFirst;
    bool two_pages_ = false;
    std::vector<std::string> targets_;

  private:
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
};

TEST_F(SessionsTest, list_shows_columns) {
    EXPECT_EQ(sessions({"list"}).out,
              "ID     ADAPTER  INSTANCE   USER   TENANT  CREATED                   "
              "LAST USED                 STREAMS  REQUESTS\n"
              "p1-s1  weather  weather-0  alice  acme    2027-01-15T08:00:00.000Z  "
              "2027-01-15T08:00:01.500Z  1        7\n");
    first_page_ = "";
    EXPECT_EQ(sessions({"list"}).out, "no sessions\n");
}

TEST_F(SessionsTest, list_follows_pages) {
    two_pages_ = true;
    const Outcome table = sessions({"list"});
    EXPECT_TRUE(table.out.contains("p1-s1")) << table.out;
    EXPECT_TRUE(table.out.contains("p2-s2")) << table.out;
    EXPECT_TRUE(table.out.contains("a?[31m")) << table.out;
    const auto json = parse_json_tree(sessions({"list", "--json"}).out);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->items.size(), 2U);
}

TEST_F(SessionsTest, filters_become_parameters) {
    EXPECT_EQ(sessions({"list", "--adapter", "weather", "--instance", "weather-0", "--user",
                        "a b&c", "--tenant", "t"})
                  .status,
              0);
    EXPECT_EQ(targets_,
              (std::vector<std::string>{"/sessions?limit=1000&adapter=weather&instance=weather-0"
                                        "&user=a%20b%26c&tenant=t"}));
}

TEST_F(SessionsTest, end_says_what_became_of_it) {
    EXPECT_EQ(sessions({"end", "p1-s1"}).out, "ended p1-s1\n");
    EXPECT_TRUE(sessions({"end", "p1-s1", "--json"}).out.contains("\"ended\""));
    const Outcome unknown = sessions({"end", "p9-x"});
    EXPECT_EQ(unknown.status, 1);
    EXPECT_TRUE(unknown.err.contains("there is no such session")) << unknown.err;
}

TEST_F(SessionsTest, wrong_usage_is_status_2) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{}, {"end"}, {"show"}, {"list", "--colour", "red"}})
        EXPECT_EQ(sessions(words).status, 2);
    const Outcome help = sessions({"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(help.out.contains("list") && help.out.contains("end")) << help.out;
}

}  // namespace
}  // namespace mcpgw::cli
