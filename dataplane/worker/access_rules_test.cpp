// Access rules through a worker on real sockets: what reaches the server of a body that is decided
// before its end has come, and what the client is told.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

using contract::AccessRule;

Harness::Special rules() {
    Harness::Special special;
    special.access_rules = {{AccessRule::Effect::deny, {}, {}, {"rm*"}},
                            {AccessRule::Effect::deny, {}, {"prompts/*"}, {}}};
    return special;
}

// Keeps everything that comes in on its connections, and answers whole requests.
class KeepingServer {
  public:
    KeepingServer() : server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] std::string seen() {
        const std::scoped_lock lock(mutex_);
        return seen_;
    }
    [[nodiscard]] bool has_ended() const { return ended_; }

  private:
    void serve(Line& line) {
        std::string head = line.read_until("\r\n\r\n");
        if (head.empty()) return;
        keep(head);
        const std::size_t at = head.find("Content-Length: ");
        const std::size_t size = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        const std::string body = line.read_bytes(size);
        keep(body);
        ended_ = true;
        if (body.size() == size) line.send(answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    }
    void keep(std::string_view text) {
        const std::scoped_lock lock(mutex_);
        seen_ += text;
    }
    std::mutex mutex_;
    std::string seen_;
    std::atomic<bool> ended_ = false;
    ScriptedServer server_;
};

std::string call(const std::string& tool, const std::string& more) {
    return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool + "\"" +
           more + "}}";
}

// Its answer to one request with this body.
std::string post(Harness& gateway, const std::string& body) {
    Line client = gateway.connect();
    client.send(Harness::post(body));
    const std::string head = client.read_until("\r\n\r\n");
    return head + client.read_until("}}");
}

TEST(AccessRules, what_is_not_allowed_reaches_no_server) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    const std::string refused = post(gateway, call("rm", ""));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 403 ")) << refused;
    EXPECT_NE(refused.find(R"("id":1,"error":{"code":-32000)"), std::string::npos) << refused;
    EXPECT_EQ(refused.find("rm"), std::string::npos) << refused;
    EXPECT_EQ(server.seen(), "");
    EXPECT_TRUE(post(gateway, call("ls", "")).starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(gateway.metrics.rejected[RejectReason::forbidden].value(), 1U);
}

TEST(AccessRules, rules_that_change_hold_for_the_next_request) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    EXPECT_TRUE(post(gateway, call("rm", "")).starts_with("HTTP/1.1 403 "));
    gateway.set_rules({});
    gateway.publish({server.port()});
    EXPECT_TRUE(post(gateway, call("rm", "")).starts_with("HTTP/1.1 200 "));
}

// What is decided by its beginning is on its way when the end shows that it meant something else.
TEST(AccessRules, a_long_body_that_contradicts_its_beginning_never_becomes_complete) {
    const std::string filler = R"(,"arguments":{"x":")" + std::string(400'000, 'x') + "\"}";
    for (const char* end :
         {R"(},"method":"prompts/get"})", R"(},"m\u0065thod":"prompts/get"})",
          R"(},"Params":{"name":"rm"}})", R"(,"name":"rm"}})", R"(,"\u004eame":"rm"}})",
          R"(}}{"method":"prompts/get"})", R"(})", R"(}}x)"}) {
        KeepingServer server;
        Harness gateway({server.port()}, rules());
        std::string body = call("ls", filler);
        body.resize(body.size() - 2);
        body += end;
        const std::string refused = post(gateway, body);
        EXPECT_TRUE(refused.starts_with("HTTP/1.1 400 ")) << end << ": " << refused.substr(0, 300);
        EXPECT_TRUE(Harness::until([&server] { return server.has_ended(); }));
        const std::string seen = server.seen();
        EXPECT_NE(seen.find("xxxx"), std::string::npos);
        EXPECT_EQ(seen.find("prompts"), std::string::npos) << end;
        EXPECT_EQ(seen.find("rm"), std::string::npos) << end;
        EXPECT_FALSE(seen.ends_with(end)) << end;
    }
}

TEST(AccessRules, a_long_body_that_keeps_to_its_beginning_passes) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    const std::string body =
        call("ls", R"(,"arguments":{"name":"rm","method":")" + std::string(900'000, 'x') + "\"}");
    EXPECT_TRUE(post(gateway, body).starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(server.seen().ends_with(body));
}

TEST(AccessRules, a_body_is_held_longer_for_a_name_that_comes_late) {
    const std::string late = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)"
                             R"({"arguments":{"x":")" +
                             std::string(300'000, 'x') + "\"},\"name\":\"";
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    EXPECT_TRUE(post(gateway, late + "rm\"}}").starts_with("HTTP/1.1 403 "));
    EXPECT_EQ(server.seen(), "");
    EXPECT_TRUE(post(gateway, late + "ls\"}}").starts_with("HTTP/1.1 200 "));
    // But not for ever.
    const std::string too_late = R"({"id":1,"method":"tools/call","params":{"arguments":")" +
                                 std::string(3 * limits::rule_hold_bytes_max, 'x') +
                                 R"(","name":"ls"}})";
    EXPECT_TRUE(post(gateway, too_late).starts_with("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace mcpgw::worker
