// `mcp-gateway audit` against a small stand-in for the management routes.
#include "tools/gateway/audit.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>

namespace mcpgw::cli {
namespace {

constexpr const char* kChange =
    R"j({"id":3,"at":"2027-01-15T08:00:00.000Z","actor":"alice","action":"adapter.replace",
        "resource":"weather","detail":"command, 3 replicas",
        "before":{"replicaCount":1,"tenant":"acme","command":["a"],"version":1,
                  "environmentVariables":{"T":"***"}},
        "after":{"replicaCount":3,"command":["b"],"version":2,
                 "environmentVariables":{"T":"*** (changed)"}}})j";
constexpr const char* kEnd =
    R"({"id":2,"at":"2027-01-15T07:00:00.000Z","actor":"b\u001b[31m","action":"session.end",
        "resource":"p1-s1","detail":"adapter weather","before":null,"after":null})";

class AuditTest : public testing::Test {
  protected:
    AuditTest() {
        server_.Get("/audit", [this](const auto& query, auto& answer) {
            targets_.push_back(query.target);
            answer.set_header("Link", R"(</audit?limit=2&cursor=x>; rel="next")");
            answer.set_content("[" + std::string(kChange) + "," + kEnd + "]", "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running())
            std::this_thread::yield();  // else stop() is lost
    }
    ~AuditTest() override {
        server_.stop();
        thread_.join();
    }

    std::string audit(std::vector<std::string> words, int expected_status = 0) const {
        words.insert(words.begin(), "audit");
        words.insert(words.end(), {"--server", "http://127.0.0.1:" + std::to_string(port_)});
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        testing::internal::CaptureStdout();
        EXPECT_EQ(run_audit(static_cast<int>(words.size()), argv.data()), expected_status);
        return testing::internal::GetCapturedStdout();
    }

    httplib::Server server_;
    std::thread thread_;
    int port_ = 0;
    std::vector<std::string> targets_;
};

TEST_F(AuditTest, people_see_what_a_change_has_changed) {
    const std::string text = audit({"--limit", "2"});
    EXPECT_NE(text.find("replicaCount 1 -> 3, command, environmentVariables, tenant acme -> "
                        "nothing"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("version"), std::string::npos) << text;
    EXPECT_NE(text.find("adapter weather"), std::string::npos) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << "nobody's name steers the terminal";
}

TEST_F(AuditTest, so_many_records_are_asked_for_and_shown_as_were_wanted) {
    const std::string text = audit({"--limit", "3", "--json"});
    EXPECT_EQ(targets_.size(), 2U);
    EXPECT_EQ(targets_.front(), "/audit?limit=3");
    std::size_t records = 0;
    for (std::size_t at = text.find("\"resource\""); at != std::string::npos;
         at = text.find("\"resource\"", at + 1))
        ++records;
    EXPECT_EQ(records, 3U) << text;
    EXPECT_NE(text.find("*** (changed)"), std::string::npos);
}

TEST_F(AuditTest, filters_are_asked_for) {
    audit({"--limit", "1", "--resource", "a b", "--actor", "x@y"});
    EXPECT_EQ(targets_.at(0), "/audit?limit=1&resource=a%20b&actor=x%40y");
    EXPECT_EQ(audit({"--limit", "0"}, 2), "");
}

}  // namespace
}  // namespace mcpgw::cli
