// An instance that fails again and again gets no new work, on real sockets: clients do not notice
// it, and it is not asked in vain for every other request.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

TEST(Ejection, of_an_instance_that_refuses_goes_unnoticed) {
    ScriptedServer good([](Line& line) {
        while (!read_request(line).empty())
            line.send(answer(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
    });
    std::uint16_t gone = 0;
    {
        ScriptedServer server([](Line&) {});
        gone = server.port();
    }
    Harness gateway({good.port(), gone});
    Line client = gateway.connect();
    for (int i = 0; i < 100; ++i) {
        client.send(gateway.post(kCall));
        ASSERT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 ")) << i;
    }
    EXPECT_EQ(gateway.metrics.ejections.value(), 1U);
    EXPECT_EQ(gateway.metrics.backend_retries[RetryReason::connect_failed].value(),
              limits::ejection_failures);
}

TEST(Ejection, does_not_concern_sessions_that_are_bound) {
    std::atomic<int> resets = 0;
    ScriptedServer server([&](Line& line) {
        const std::string request = read_request(line);
        if (request.find("initialize") != std::string::npos) {
            line.send(answer(R"({"jsonrpc":"2.0","id":0,"result":{}})",
                             "Connection: close\r\nMcp-Session-Id: s\r\n"));
        } else if (request.find("break") != std::string::npos) {
            ++resets;
            line.reset();
        } else {
            line.send(answer(R"({"jsonrpc":"2.0","id":7,"result":{}})", "Connection: close\r\n"));
        }
    });
    ScriptedServer other([](Line& line) {
        read_request(line);
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string session = "Mcp-Session-Id: " + Harness::initialize(client) + "\r\n";
    gateway.publish({server.port(), other.port()});
    for (std::uint32_t i = 0; i < limits::ejection_failures; ++i) {
        client.send(gateway.post(R"({"jsonrpc":"2.0","id":7,"method":"break"})", session));
        EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
    }
    EXPECT_EQ(gateway.metrics.ejections.value(), 1U);
    client.send(gateway.post(kCall, session));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace mcpgw::worker
