// Long bodies of known length, which go from socket to socket inside the kernel: they arrive whole,
// what comes before and behind them too, and whoever breaks off or stops is found out as ever.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::size_t kLong = 5'000'000;
const Harness::Special kRoomy{.deadlines = {}, .body_bytes_max = kLong * 4};

std::string call(std::string_view padding) {
    return R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":")" + std::string(padding) +
           "\"}";
}

std::string body_of(const std::string& message) {
    return message.substr(message.find("\r\n\r\n") + 4);
}

TEST(Splice, long_bodies_go_both_ways_and_the_connections_serve_again) {
    ScriptedServer server([](Line& line) {
        for (std::string text = read_request(line); !text.empty(); text = read_request(line))
            line.send(answer(body_of(text)));
    });
    Harness gateway({server.port()}, kRoomy);
    Line client = gateway.connect();
    for (const std::size_t size : {kLong, std::size_t{10}, kLong / 3}) {
        const std::string body = call(pattern(size));
        std::thread sender([&] { client.send(gateway.post(body)); });
        const std::string head = client.read_until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
        EXPECT_TRUE(client.read_bytes(body.size()) == body);
        sender.join();
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(gateway.metrics.payload_copied_bytes.value(), 0U);
    EXPECT_GT(gateway.metrics.spliced_bytes.value(), 2 * kLong);
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.exchanges.load() == 0; }));
    EXPECT_TRUE(Harness::until([&] { return gateway.metrics.buffers_in_use.value() == 0; }));
}

TEST(Splice, pipelined_answers_stay_in_order_behind_a_long_one) {
    ScriptedServer server([](Line& line) {
        for (int n = 0; n < 3; ++n) {
            if (read_request(line).empty()) return;
            line.send(answer(n == 1 ? pattern(kLong) : "short" + std::to_string(n)));
        }
    });
    Harness gateway({server.port()}, kRoomy);
    Line client = gateway.connect();
    client.send(gateway.post(call("a")) + gateway.post(call("b")) + gateway.post(call("c")));
    EXPECT_TRUE(client.read_until("short0").starts_with("HTTP/1.1 200 "));
    client.read_until("\r\n\r\n");
    EXPECT_TRUE(client.read_bytes(kLong) == pattern(kLong));
    EXPECT_TRUE(client.read_until("short2").starts_with("HTTP/1.1 200 "));
    EXPECT_GT(gateway.metrics.spliced_bytes.value(), kLong / 2);
}

TEST(Splice, a_server_that_ends_with_its_answer_loses_none_of_it) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                  std::to_string(kLong) + "\r\n\r\n" + pattern(kLong));
    });
    Harness gateway({server.port()}, kRoomy);
    Line client = gateway.connect();
    client.send(gateway.post(call("")));
    client.read_until("\r\n\r\n");
    EXPECT_TRUE(client.read_bytes(kLong) == pattern(kLong));
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 "));
}

TEST(Splice, a_server_that_breaks_off_breaks_the_clients_connection) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer(pattern(kLong)).substr(0, kLong / 2));
    });
    Harness gateway({server.port()}, kRoomy);
    Line client = gateway.connect();
    client.send(gateway.post(call("")));
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
    const std::string got = client.read_to_end();
    EXPECT_LT(got.size(), kLong);
    EXPECT_TRUE(pattern(kLong).starts_with(got));
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.exchanges.load() == 0; }));
}

TEST(Splice, a_client_that_leaves_midway_leaves_nothing_behind) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer(pattern(kLong * 2)));
    });
    Harness gateway({server.port()}, kRoomy);
    {
        Line client = gateway.connect();
        client.send(gateway.post(call("")));
        EXPECT_EQ(client.read_bytes(1'000'000).size(), 1'000'000U);
    }
    EXPECT_TRUE(Harness::until([&] {
        return gateway.mailbox.connections.load() == 0 &&
               gateway.mailbox.backend_connections.load() == 0;
    }));
}

TEST(Splice, an_early_answer_reaches_a_client_in_the_middle_of_its_upload) {
    ScriptedServer server([](Line& line) {
        line.read_until("\r\n\r\n");
        EXPECT_EQ(line.read_bytes(1'000'000).size(), 1'000'000U);
        line.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n");
        line.peer_ends();
    });
    Harness gateway({server.port()}, kRoomy);
    Line client = gateway.connect();
    const std::string request = gateway.post(call(pattern(kLong)));
    client.send(request.substr(0, 2'000'000));
    const std::string text = client.read_until("no\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 413 ")) << text;
    EXPECT_TRUE(client.peer_ends());
}

TEST(Splice, a_client_that_takes_nothing_of_it_is_given_up) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer(std::string(kLong * 4, 'x')));
    });
    Harness gateway({server.port()}, {.deadlines = {.stall_ms = 200}, .body_bytes_max = kLong * 4});
    Line client = gateway.connect();
    client.send(gateway.post(call("")));
    client.read_until("\r\n\r\n");
    EXPECT_TRUE(Harness::until(
        [&] { return gateway.metrics.rejected[RejectReason::client_too_slow].value() == 1; }));
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.connections.load() == 0; }));
}

TEST(Splice, a_client_that_stops_in_the_middle_of_its_upload_is_given_up) {
    ScriptedServer server([](Line& line) { read_request(line); });
    Harness gateway({server.port()},
                    {.deadlines = {.body_idle_ms = 200}, .body_bytes_max = kLong * 4});
    Line client = gateway.connect();
    client.send(gateway.post(call(pattern(kLong))).substr(0, kLong / 2));
    EXPECT_TRUE(Harness::until(
        [&] { return gateway.metrics.rejected[RejectReason::client_too_slow].value() == 1; }));
    EXPECT_GT(gateway.metrics.spliced_bytes.value(), kLong / 4);
    EXPECT_TRUE(client.peer_ends());
}

TEST(Splice, a_server_that_takes_an_upload_slowly_is_not_the_clients_fault) {
    std::atomic<bool> go = false;
    ScriptedServer server([&go](Line& line) {
        line.read_until("\r\n\r\n");
        Harness::until([&go] { return go.load(); });
        line.read_until("\"}");
        line.send(answer("taken"));
    });
    Harness gateway({server.port()}, {.deadlines = {.body_idle_ms = 100, .stall_ms = 100},
                                      .body_bytes_max = kLong * 4});
    Line client = gateway.connect();
    std::thread sender([&] { client.send(gateway.post(call(pattern(kLong * 3)))); });
    EXPECT_TRUE(Harness::until([&] { return gateway.metrics.spliced_bytes.value() > kLong / 10; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // five times the limits
    EXPECT_EQ(gateway.metrics.rejected[RejectReason::client_too_slow].value(), 0U);
    go = true;
    EXPECT_TRUE(client.read_until("taken").starts_with("HTTP/1.1 200 "));
    sender.join();
}

}  // namespace
}  // namespace mcpgw::worker
