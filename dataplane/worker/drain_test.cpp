// The end of a worker: what goes on is finished, what cannot be finished is told, and nothing new
// begins.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kListen = "GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view kOneEvent =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"n\":1}\n\n";

// Opens a stream and keeps it until the gateway ends the connection.
void stream(Line& line) {
    read_request(line);
    line.send(kOneEvent);
    line.peer_ends();
}

TEST(Drain, idle_clients_are_let_go_at_once_and_new_ones_are_not_taken) {
    ScriptedServer server(stream);
    Harness gateway({server.port()});
    Line idle = gateway.connect();
    Line busy = gateway.connect();
    busy.send(kListen);
    busy.read_until("\n\n");
    gateway.mailbox.drain();
    EXPECT_TRUE(idle.peer_ends());
    ASSERT_TRUE(Harness::until([&] { return !gateway.mailbox.accepting.load(); }));
    EXPECT_EQ(gateway.mailbox.connections.load(), 1U);
}

TEST(Drain, a_request_whose_head_is_still_coming_is_served) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer("{}"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send("POST /adapters/a/mcp HTTP/1.1\r\n");
    Line later = gateway.connect();  // answered after the first bytes of the one before are in
    later.send("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
    later.read_until("}");
    gateway.mailbox.drain();
    EXPECT_TRUE(later.peer_ends());
    client.send("Host: localhost\r\nContent-Length: 2\r\n\r\n{}");
    const std::string text = client.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
    EXPECT_TRUE(has(text, "Connection: close\r\n")) << text;
}

TEST(Drain, a_servers_connection_that_becomes_idle_is_closed) {
    std::atomic<Nanos> idle_for = 0;
    std::atomic<bool> go = false;
    ScriptedServer streaming(stream);
    ScriptedServer server([&](Line& line) {
        read_request(line);
        Harness::until([&] { return go.load(); });
        line.send(answer("{}"));
        const Nanos since = monotonic_now();
        if (line.peer_ends()) idle_for = monotonic_now() - since;
    });
    Harness gateway({streaming.port()});
    Line listener = gateway.connect();
    listener.send(kListen);
    listener.read_until("\n\n");
    gateway.publish({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    ASSERT_TRUE(Harness::until([&] { return gateway.metrics.backend_connects.value() == 2; }));
    gateway.mailbox.drain();
    ASSERT_TRUE(Harness::until([&] { return !gateway.mailbox.accepting.load(); }));
    go = true;
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 "));
    ASSERT_TRUE(Harness::until([&] { return idle_for.load() > 0; }));
    EXPECT_LT(idle_for.load(), limits::backend_idle_timeout_ms * kMillisecond / 2);
    EXPECT_EQ(gateway.metrics.streams_active.value(), 1) << "the stream outlives its neighbour";
}

TEST(Drain, streams_are_left_until_the_deadline_and_then_ended_properly) {
    ScriptedServer first(stream);
    ScriptedServer second(stream);
    Harness gateway({first.port()});
    Line listener = gateway.connect();
    listener.send(kListen);
    listener.read_until("\n\n");
    gateway.publish({second.port()});
    Line caller = gateway.connect();
    caller.send(gateway.post(kCall));
    caller.read_until("\n\n");
    gateway.mailbox.drain();
    ASSERT_TRUE(Harness::until([&] { return !gateway.mailbox.accepting.load(); }));
    EXPECT_EQ(gateway.metrics.streams_active.value(), 2);
    gateway.mailbox.stop();
    const std::string called = caller.read_to_end();
    EXPECT_TRUE(has(called, "\"id\":7,\"error\":{\"code\":-32603")) << called;
    EXPECT_TRUE(called.ends_with("0\r\n\r\n")) << called;
    const std::string listened = listener.read_to_end();
    EXPECT_FALSE(has(listened, "error")) << listened;
    EXPECT_TRUE(listened.ends_with("0\r\n\r\n")) << listened;
}

TEST(Drain, what_has_no_answer_at_the_deadline_is_told_so) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.peer_ends();
    });
    Harness gateway({server.port()});
    Line waiting = gateway.connect();
    waiting.send(gateway.post(kCall));
    Line sending = gateway.connect();
    sending.send("POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
    ASSERT_TRUE(Harness::until([&] { return gateway.mailbox.exchanges.load() == 2; }));
    gateway.mailbox.drain();
    gateway.mailbox.stop();
    const std::string waited = waiting.read_to_end();
    EXPECT_TRUE(waited.starts_with("HTTP/1.1 503 ")) << waited;
    EXPECT_TRUE(has(waited, "\"id\":7,\"error\":{\"code\":-32603")) << waited;
    EXPECT_TRUE(sending.read_to_end().starts_with("HTTP/1.1 503 "));
}

TEST(Drain, a_client_that_takes_nothing_does_not_hold_up_the_end) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(std::string(kOneEvent) + "data: " + std::string(16'000'000, 'x'));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    client.read_until("\n\n");
    ASSERT_TRUE(Harness::until([&] {  // what the kernels take is taken, and a queue is left over
        const auto& bytes = gateway.metrics.bytes;
        return bytes[Direction::backend_in].value() >
               bytes[Direction::client_out].value() + limits::out_queue_bytes_slow / 2;
    }));
    gateway.mailbox.drain();
    gateway.mailbox.stop();
    EXPECT_TRUE(Harness::until([&] { return gateway.mailbox.connections.load() == 0; }));
}

TEST(Drain, a_new_snapshot_disturbs_no_stream) {
    std::atomic<bool> go = false;
    ScriptedServer server([&go](Line& line) {
        read_request(line);
        line.send(kOneEvent);
        Harness::until([&go] { return go.load(); });
        line.send("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n");
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    client.read_until("\n\n");
    gateway.publish({server.port()});
    gateway.publish({});
    Line other = gateway.connect();
    other.send(gateway.post(kCall));  // 503: the worker serves from the new table
    EXPECT_TRUE(other.read_until("}}").starts_with("HTTP/1.1 503 "));
    go = true;
    const std::string text = client.read_until("0\r\n\r\n");
    EXPECT_TRUE(has(text, "\"result\":{}")) << text;
    EXPECT_FALSE(has(text, "error")) << text;
}

}  // namespace
}  // namespace mcpgw::worker
