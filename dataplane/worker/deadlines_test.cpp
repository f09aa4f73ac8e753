// Clients that are slow, silent or too many: each is given up within its time, and costs nobody
// else anything. The deadlines are short, so that the tests are.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

using Special = Harness::Special;

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::uint64_t rejected(const Harness& gateway, RejectReason reason) {
    return gateway.metrics.rejected[reason].value();
}

// How long the gateway keeps the connection while `act` is repeated every few milliseconds.
Nanos kept_for(Line& line, const std::function<void()>& act) {
    const Nanos since = monotonic_now();
    while (!line.peer_ends_within(5)) {
        if (monotonic_now() > since + kPatienceMs * kMillisecond) break;
        act();
    }
    return monotonic_now() - since;
}

TEST(Deadlines, a_head_must_be_complete_in_its_time_however_it_dribbles) {
    Harness gateway({}, {.deadlines = {.head_ms = 200}});
    Line slow = gateway.connect();
    const std::string head = "GET /ping HTTP/1.1\r\nX-Long: " + std::string(100'000, 'a');
    std::size_t at = 0;
    const Nanos kept = kept_for(slow, [&] { slow.send(head.substr(at++, 1)); });
    EXPECT_GE(kept, 150 * kMillisecond);
    EXPECT_LT(kept, 2 * kSecond);
    EXPECT_EQ(rejected(gateway, RejectReason::head_too_slow), 1U);
}

TEST(Deadlines, empty_lines_are_no_way_around_the_time_for_a_head) {
    Harness gateway({}, {.deadlines = {.head_ms = 200}});
    Line slow = gateway.connect();
    EXPECT_LT(kept_for(slow, [&] { slow.send("\r\n"); }), 2 * kSecond);
    EXPECT_EQ(rejected(gateway, RejectReason::head_too_slow), 1U);
}

TEST(Deadlines, an_idle_connection_is_let_go_without_a_count) {
    Harness gateway({}, {.deadlines = {.idle_ms = 100}});
    Line fresh = gateway.connect();
    Line used = gateway.connect();
    used.send(kPing);
    used.read_until("}");
    EXPECT_TRUE(fresh.peer_ends());
    EXPECT_TRUE(used.peer_ends());
    EXPECT_EQ(rejected(gateway, RejectReason::head_too_slow), 0U);
    EXPECT_EQ(rejected(gateway, RejectReason::client_too_slow), 0U);
}

TEST(Deadlines, a_body_that_stops_ends_the_connection) {
    Harness gateway({}, {.deadlines = {.body_idle_ms = 100}});
    Line slow = gateway.connect();
    slow.send("POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
    const Nanos kept = kept_for(slow, [] {});
    EXPECT_GE(kept, 95 * kMillisecond);
    EXPECT_LT(kept, 2 * kSecond);
    EXPECT_EQ(rejected(gateway, RejectReason::client_too_slow), 1U);
}

TEST(Deadlines, a_body_that_goes_on_is_waited_for) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    Harness gateway({server.port()}, {.deadlines = {.body_idle_ms = 100, .stall_ms = 100}});
    Line slow = gateway.connect();
    slow.send("POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n");
    for (int i = 0; i < 40; ++i) {  // four times the limit in all
        slow.send(" ");
        EXPECT_FALSE(slow.peer_ends_within(10));
    }
    EXPECT_TRUE(slow.read_until("{}").starts_with("HTTP/1.1 200 "));
}

TEST(Deadlines, a_slow_server_is_not_the_clients_fault) {
    std::atomic<bool> go = false;
    ScriptedServer server([&go](Line& line) {
        read_request(line);
        Harness::until([&go] { return go.load(); });
        line.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    Harness gateway({server.port()}, {.deadlines = {.body_idle_ms = 40, .stall_ms = 40}});
    Line client = gateway.connect();
    client.send(gateway.post("{}"));
    EXPECT_FALSE(client.peer_ends_within(300));
    go = true;
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
}

TEST(Deadlines, a_client_that_takes_nothing_is_given_up) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" +
                  std::string(50'000'000, 'x'));
    });
    Harness gateway({server.port()}, {.deadlines = {.stall_ms = 100}});
    Line client = gateway.connect();
    client.send(gateway.post("{}"));
    EXPECT_TRUE(
        Harness::until([&] { return rejected(gateway, RejectReason::client_too_slow) == 1; }));
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.backend_connections.load() == 0; }));
}

TEST(Deadlines, what_follows_an_early_answer_is_read_for_a_while_only) {
    Harness gateway({}, {.deadlines = {.linger_ms = 100}});
    Line client = gateway.connect();
    client.send(
        "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 413 "));
    EXPECT_TRUE(Harness::until([&] {
        client.send("x");
        return gateway.mailbox.connections.load() == 0;
    }));
}

// --- Too many

TEST(Deadlines, accepting_pauses_at_the_limit_and_goes_on_when_there_is_room) {
    Harness gateway({}, {.deadlines = {}, .connections_max = 2});
    auto first = std::make_unique<Line>(gateway.connect());
    Line second = gateway.connect();
    for (Line* line : {first.get(), &second}) {
        line->send(kPing);
        line->read_until("}");
    }
    Line third = gateway.connect();
    third.send(kPing);
    EXPECT_FALSE(third.peer_ends_within(50));  // waits in the backlog
    EXPECT_GE(rejected(gateway, RejectReason::connections_full), 1U);
    first.reset();
    EXPECT_TRUE(third.read_until("}").starts_with("HTTP/1.1 200 "));
}

TEST(Deadlines, an_address_has_only_so_many_connections) {
    Harness gateway({}, {.deadlines = {}, .connections_per_address_max = 2});
    auto first = std::make_unique<Line>(gateway.connect());
    Line second = gateway.connect();
    for (Line* line : {first.get(), &second}) {
        line->send(kPing);
        line->read_until("}");
    }
    Line third = gateway.connect();
    EXPECT_TRUE(third.peer_ends());
    EXPECT_EQ(rejected(gateway, RejectReason::address_connections_full), 1U);
    first.reset();
    ASSERT_TRUE(Harness::until([&] { return gateway.mailbox.connections.load() == 1; }));
    Line fourth = gateway.connect();
    fourth.send(kPing);
    EXPECT_TRUE(fourth.read_until("}").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace mcpgw::worker
