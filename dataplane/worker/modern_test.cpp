// Requests of 2026-07-28 through a worker on real sockets: stateless, but for tasks, which stay
// with the instance that has begun them; and the probes by which clients find out who speaks it.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kCallOfTool =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}})";
constexpr std::string_view kVersion = "MCP-Protocol-Version: 2026-07-28\r\n";

// Says which server it is: begins a task for every call, and names itself for anything else.
class TaskServer {
  public:
    TaskServer(std::string name, bool streams)
        : name_(std::move(name)), streams_(streams), server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  private:
    void serve(Line& line) {
        for (;;) {
            const std::string request = read_request(line);
            if (request.empty()) return;
            const bool call = request.find("tools/call") != std::string::npos;
            const std::string result =
                call ? R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"task","taskId":"task-)" +
                           name_ + R"("}})"
                     : R"({"jsonrpc":"2.0","id":8,"result":{"server":")" + name_ + R"("}})";
            if (call && streams_)
                line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " +
                          std::to_string(result.size() + 8) + "\r\n\r\ndata: " + result + "\n\n");
            else
                line.send(answer(result, "Mcp-Session-Id: never-seen\r\n"));
        }
    }
    std::string name_;
    bool streams_;
    ScriptedServer server_;
};

std::string about(std::string_view task) {
    return R"({"jsonrpc":"2.0","id":8,"method":"tasks/get","params":{"taskId":")" +
           std::string(task) + "\"}}";
}

class ModernTasks : public testing::TestWithParam<bool> {};

TEST_P(ModernTasks, stay_with_the_instance_that_has_begun_them) {
    TaskServer one("one", GetParam());
    TaskServer two("two", GetParam());
    Harness gateway({one.port(), two.port()});
    Line client = gateway.connect();
    int of_one = 0;
    int of_two = 0;
    for (int i = 0; i < 20; ++i) {
        client.send(gateway.post(kCallOfTool, kVersion));
        std::string begun = client.read_until("}}");
        if (GetParam()) begun += client.read_until("\n\n");
        const std::string name = begun.find("task-one") != std::string::npos ? "one" : "two";
        ++(name == "one" ? of_one : of_two);
        client.send(gateway.post(about("task-" + name), kVersion));
        const std::string told = client.read_until("}}");
        EXPECT_NE(told.find("\"server\":\"" + name + '"'), std::string::npos) << told;
    }
    EXPECT_GT(of_one, 0) << "calls go to either";
    EXPECT_GT(of_two, 0);
}
INSTANTIATE_TEST_SUITE_P(, ModernTasks, testing::Bool(), [](const auto& streams) {
    return streams.param ? "in_streams" : "in_plain_answers";
});

TEST(Modern, answers_never_carry_a_session_id) {
    TaskServer server("one", false);
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCallOfTool, kVersion));
    const std::string text = client.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
    EXPECT_EQ(text.find("Mcp-Session-Id"), std::string::npos) << text;
}

TEST(Modern, a_client_that_leaves_cancels_at_the_server) {
    for (const bool streams : {false, true}) {
        std::atomic<bool> cancelled = false;
        ScriptedServer server([&](Line& line) {
            read_request(line);
            if (streams)
                line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
            cancelled = line.peer_ends();
        });
        Harness gateway({server.port()});
        {
            Line client = gateway.connect();
            client.send(gateway.post(kCallOfTool, kVersion));
            if (streams)
                client.read_until(": hi");
            else
                EXPECT_TRUE(Harness::until([&] { return server.connections() == 1; }));
        }
        EXPECT_TRUE(Harness::until([&] { return cancelled.load(); })) << streams;
    }
}

TEST(Modern, a_contradiction_is_told_with_the_id_of_the_request) {
    ScriptedServer server([](Line&) {});
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCallOfTool, std::string(kVersion) + "Mcp-Name: other\r\n"));
    const std::string text = client.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << text;
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32020"), std::string::npos) << text;
    EXPECT_EQ(server.connections(), 0);
}

TEST(Modern, a_probe_gets_400_for_whatever_would_keep_its_client_from_falling_back) {
    for (const char* status : {"405 Method Not Allowed", "406 Not Acceptable", "307 Moved",
                               "202 Accepted", "204 No Content", "500 Oh"}) {
        ScriptedServer server([&](Line& line) {
            read_request(line);
            line.send("HTTP/1.1 " + std::string(status) +
                      "\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        Harness gateway({server.port()});
        Line client = gateway.connect();
        client.send(
            gateway.post(R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})", kVersion));
        const std::string text = client.read_until("}}");
        EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << status << text;
        EXPECT_NE(text.find("\"id\":1,\"error\":{\"code\":-32000"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace mcpgw::worker
