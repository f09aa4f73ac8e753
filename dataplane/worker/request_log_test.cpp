// What the audit log gets of requests through a worker: one record each, with what was asked and
// how it ended, and nothing of what is inside.
#include <sys/eventfd.h>

#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

class RequestLogged : public testing::Test {
  protected:
    ~RequestLogged() override { close(wake_); }

    // The next record, as its line.
    std::string next_line() {
        if (!Harness::until([this] { return queue_.front() != nullptr; })) return "";
        const std::string line = to_line(*queue_.front());
        queue_.drop_front();
        return line;
    }
    static std::string ask(Harness& gateway, const std::string& request) {
        Line client = gateway.connect();
        client.send(request);
        return client.read_until("}}");
    }
    [[nodiscard]] Harness::Special special() {
        Harness::Special special;
        special.audit = &queue_;
        special.access_rules = {{contract::AccessRule::Effect::deny, {}, {}, {"rm"}}};
        return special;
    }

    int wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    RequestQueue queue_{wake_};
};

TEST_F(RequestLogged, a_call_leaves_one_line_without_its_arguments) {
    const std::string body = R"({"id":1,"method":"tools/call","params":{"name":"ls",)"
                             R"("arguments":{"password":"hunter2"}}})";
    const std::string result = R"({"id":1,"result":{}})";
    std::string seen;
    ScriptedServer server([&](Line& line) {
        seen = read_request(line);
        line.send(answer(result));
    });
    Harness gateway({server.port()}, special());
    const std::string trace = "0af7651916cd43dd8448eb211c80319c";
    ask(gateway, Harness::post(body,
                               "X-Dev-UserId: dev\r\nX-Dev-Tenant: blue\r\n"
                               "traceparent: 00-" +
                                   trace + "-b7ad6b7169203331-01\r\n"));
    const std::string line = next_line();
    for (const std::string& part :
         {std::string(R"("user":"dev","tenant":"blue","adapter":"a","instance":"a-)"),
          std::string(R"("httpMethod":"POST","method":"tools/call","tool":"ls","status":200)"),
          R"("requestBytes":)" + std::to_string(body.size()) + ",",
          R"("responseBytes":)" + std::to_string(result.size()) + ",",
          R"("traceId":")" + trace + "\""})
        EXPECT_TRUE(has(line, part)) << part << " in " << line;
    EXPECT_FALSE(has(line, "hunter2"));
    EXPECT_FALSE(has(line, "refusal"));
    EXPECT_EQ(queue_.front(), nullptr);
}

TEST_F(RequestLogged, a_refusal_says_why) {
    Harness gateway({}, special());
    ask(gateway, Harness::post(R"({"id":1,"method":"tools/call","params":{"name":"rm"}})"));
    const std::string denied = next_line();
    EXPECT_TRUE(has(denied, R"("tool":"rm","status":403)")) << denied;
    EXPECT_TRUE(has(denied, R"("refusal":"The access rules)")) << denied;
    ask(gateway, Harness::post(R"({"id":1,"method":"tools/list"})", "X-Dev-UserId: a b\r\n"));
    const std::string nobody = next_line();
    EXPECT_TRUE(has(nobody, R"("adapter":"a")")) << nobody;
    EXPECT_TRUE(has(nobody, R"("status":400)")) << nobody;
    EXPECT_FALSE(has(nobody, R"("user")")) << nobody;
    ask(gateway, "PUT /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(has(next_line(), R"("httpMethod":"PUT","status":405)"));
}

TEST_F(RequestLogged, a_session_is_named_by_its_public_id) {
    ScriptedServer server([](Line& line) {
        while (!read_request(line).empty())
            line.send(answer(R"({"id":0,"result":{}})", "Mcp-Session-Id: s1\r\n"));
    });
    Harness gateway({server.port()}, special());
    Line client = gateway.connect();
    const std::string sealed = Harness::initialize(client);
    const std::string opened = next_line();
    client.send(Harness::post(R"({"id":1,"method":"ping"})", "Mcp-Session-Id: " + sealed + "\r\n"));
    client.read_until("}}");
    const std::string used = next_line();
    const std::size_t at = opened.find(R"("session":")");
    ASSERT_NE(at, std::string::npos) << opened;
    EXPECT_TRUE(has(used, opened.substr(at, 28))) << opened << used;
    EXPECT_FALSE(has(used, sealed));
    EXPECT_FALSE(has(used, "s1\""));
}

TEST_F(RequestLogged, bytes_that_move_inside_the_kernel_are_counted) {
    const std::string large = R"({"id":1,"result":{"x":")" + std::string(3'000'000, 'x') + "\"}}";
    ScriptedServer server([&large](Line& line) {
        read_request(line);
        line.send(answer(large));
    });
    Harness gateway({server.port()}, special());
    const std::string body =
        R"({"id":1,"method":"ping","x":")" + std::string(2'000'000, 'y') + "\"}";
    ask(gateway, Harness::post(body));
    const std::string line = next_line();
    EXPECT_TRUE(has(line, R"("requestBytes":)" + std::to_string(body.size()))) << line;
    EXPECT_TRUE(has(line, R"("responseBytes":)" + std::to_string(large.size()))) << line;
}

TEST_F(RequestLogged, pages_of_the_gateway_itself_leave_none) {
    Harness gateway({}, special());
    ask(gateway, "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(gateway,
        "OPTIONS /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(gateway, Harness::post(R"({"id":1,"method":"ping"})"));
    EXPECT_TRUE(has(next_line(), R"("method":"ping","status":503)"));
}

}  // namespace
}  // namespace mcpgw::worker
