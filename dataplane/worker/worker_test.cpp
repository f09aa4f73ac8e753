// Whole exchanges through a worker on real sockets.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

// Answers every request of a connection with its number, until the client ends.
void count_requests(Line& line) {
    for (int n = 1; !read_request(line).empty(); ++n)
        line.send(answer("{\"n\":" + std::to_string(n) + "}"));
}

TEST(Worker, pipelined_requests_are_answered_in_order_over_one_server_connection) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    {
        Line client = gateway.connect();
        client.send(gateway.post(kCall) + gateway.post(kCall) + gateway.post(kCall));
        EXPECT_NE(client.read_until("{\"n\":1}").find("200 OK"), std::string::npos);
        EXPECT_NE(client.read_until("{\"n\":2}").find("200 OK"), std::string::npos);
        EXPECT_NE(client.read_until("{\"n\":3}").find("200 OK"), std::string::npos);
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(gateway.metrics.payload_copied_bytes.value(), 0U);
}

TEST(Worker, a_request_byte_by_byte_is_the_same_request) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    Line client = gateway.connect();
    for (const char c : gateway.post(kCall))
        client.send({&c, 1});
    EXPECT_NE(client.read_until("{\"n\":1}").find("200 OK"), std::string::npos);
}

TEST(Worker, a_stream_that_breaks_ends_with_an_error_event_for_the_pending_id) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\ndata: {\"cut");
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    const std::string text = client.read_until("0\r\n\r\n");
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32603"), std::string::npos) << text;
    EXPECT_LT(text.find("notifications/progress"), text.find("event: message")) << text;
}

TEST(Worker, a_stream_that_breaks_tells_of_each_of_a_batch_that_is_pending) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            "data: [{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":{}},"
            "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}]\n\n");
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(R"([{"jsonrpc":"2.0","id":7,"method":"a"},)"
                             R"({"jsonrpc":"2.0","method":"n"},)"
                             R"({"jsonrpc":"2.0","id":"b","method":"c"},)"
                             R"({"jsonrpc":"2.0","id":9,"method":"d"}])"));
    const std::string text = client.read_until("0\r\n\r\n");
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32603"), std::string::npos) << text;
    EXPECT_NE(text.find("\"id\":9,\"error\":{\"code\":-32603"), std::string::npos) << text;
    EXPECT_EQ(text.find("\"id\":\"b\",\"error\""), std::string::npos) << text;
    EXPECT_EQ(text.find("\"id\":null"), std::string::npos) << text;
}

TEST(Worker, a_batch_whose_results_have_all_come_gets_nothing_added) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n"
            "data: {\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{}}\n\n");
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(R"([{"id":7,"method":"a"},{"id":8,"method":"c"}])"));
    EXPECT_EQ(client.read_until("0\r\n\r\n").find("-32603"), std::string::npos);
}

TEST(Worker, a_stream_that_delivered_its_result_gets_nothing_added) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n");
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    const std::string text = client.read_until("0\r\n\r\n");
    EXPECT_NE(text.find("\"result\":{}"), std::string::npos) << text;
    EXPECT_EQ(text.find("error"), std::string::npos) << text;
}

constexpr std::string_view kPrimed =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "17\r\nid: 1\nretry: 5\ndata: \n\n\r\n";

// What a client gets whose server sends a priming event and then `end`.
std::string polled(std::string_view request_lines, std::string_view body, std::string_view end) {
    ScriptedServer server([end](Line& line) {
        read_request(line);
        line.send(kPrimed);
        line.send(end);
        line.end();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(body, request_lines));
    return client.read_until("0\r\n\r\n");
}

TEST(Worker, a_stream_that_ends_after_an_event_id_lets_its_client_poll) {
    const std::string text = polled("", kCall, "0\r\n\r\n");
    EXPECT_NE(text.find("id: 1\nretry: 5\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("error"), std::string::npos) << text;
}

TEST(Worker, a_stream_that_breaks_after_an_event_id_ends_with_an_error_event) {
    const std::string text = polled("", kCall, "");
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32603"), std::string::npos) << text;
}

TEST(Worker, a_modern_stream_that_ends_without_its_result_ends_with_an_error_event) {
    const std::string text =
        polled("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: t\r\n",
               R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":)"
               R"({"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})",
               "0\r\n\r\n");
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32603"), std::string::npos) << text;
}

TEST(Worker, a_plain_answer_that_breaks_off_breaks_the_clients_connection) {
    std::atomic<bool> head_arrived = false;
    ScriptedServer server([&head_arrived](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
        Harness::until([&head_arrived] { return head_arrived.load(); });
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("only this").ends_with("only this"));
    head_arrived = true;
    EXPECT_TRUE(client.peer_ends());
}

TEST(Worker, a_reset_before_the_answer_is_502_with_the_id) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    const std::string text = client.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 502 ")) << text;
    EXPECT_NE(text.find("\"id\":7,\"error\":{\"code\":-32603"), std::string::npos) << text;
}

TEST(Worker, a_probe_that_fails_lets_its_client_fall_back) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})"));
    const std::string text = client.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << text;
    EXPECT_NE(text.find("\"id\":1,\"error\":{\"code\":-32000"), std::string::npos) << text;
}

TEST(Worker, a_late_first_byte_is_504) {
    std::atomic<bool> done = false;
    ScriptedServer server([&done](Line& line) {
        read_request(line);
        Harness::until([&done] { return done.load(); });
    });
    Harness gateway({server.port()});
    gateway.publish({server.port()}, 50);
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 504 "));
    done = true;
}

TEST(Worker, a_refused_session_is_404_once_its_instance_is_known_to_be_gone) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer(R"({"id":0,"result":{}})", "Mcp-Session-Id: s1\r\n"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string lines = "Mcp-Session-Id: " + gateway.initialize(client) + "\r\n";
    server.stop();
    client.send(gateway.post(kCall, lines));
    ASSERT_TRUE(Harness::until([&] { return gateway.metrics.backend_connects.value() == 2; }));
    gateway.publish({});
    const std::string text = client.read_until("}}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 404 ")) << text;
    EXPECT_NE(text.find("-32001"), std::string::npos) << text;
    client.send(gateway.post(kCall, lines));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
}

TEST(Worker, a_refused_session_whose_instance_stays_is_502) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer(R"({"id":0,"result":{}})", "Mcp-Session-Id: s1\r\n"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string lines = "Mcp-Session-Id: " + gateway.initialize(client) + "\r\n";
    server.stop();
    client.send(gateway.post(kCall, lines));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
}

TEST(Worker, large_bodies_arrive_whole_both_ways_through_slow_readers) {
    std::string body = R"({"jsonrpc":"2.0","method":"x","params":")";
    for (int i = 0; body.size() < 3'000'000; ++i)
        body += std::to_string(i);
    body += R"(","id":7})";
    ScriptedServer server([](Line& line) {
        const std::string request = read_request(line);
        line.send(answer(request.substr(request.find("\r\n\r\n") + 4)));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    std::thread sender([&] { client.send(gateway.post(body)); });
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_EQ(client.read_bytes(body.size()) == body, true) << head;
    sender.join();
    EXPECT_EQ(gateway.metrics.payload_copied_bytes.value(), 0U);
}

TEST(Worker, a_client_that_leaves_a_stream_ends_the_servers_connection) {
    std::atomic<bool> server_saw_end = false;
    ScriptedServer server([&](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
        server_saw_end = line.peer_ends();
    });
    Harness gateway({server.port()});
    {
        Line client = gateway.connect();
        client.send("GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.read_until(": hi");
        EXPECT_EQ(gateway.metrics.streams_active.value(), 1);
    }
    EXPECT_TRUE(Harness::until([&] { return server_saw_end.load(); }));
    EXPECT_TRUE(Harness::until([&] { return gateway.metrics.streams_active.value() == 0; }));
}

TEST(Worker, a_half_closed_client_still_gets_its_answer) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    client.half_close();
    EXPECT_NE(client.read_to_end().find("{\"n\":1}"), std::string::npos);
}

TEST(Worker, an_http10_client_gets_a_body_that_ends_with_the_connection) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send("POST /adapters/a/mcp HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    const std::string text = client.read_to_end();
    EXPECT_TRUE(text.ends_with("\r\n\r\nabc")) << text;
    EXPECT_EQ(text.find("Transfer-Encoding"), std::string::npos) << text;
}

TEST(Worker, expect_continue_is_answered_before_the_body) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(
        "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        "Content-Length: 2\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{}");
    EXPECT_TRUE(client.read_until("{\"n\":1}").starts_with("HTTP/1.1 200 "));
}

TEST(Worker, a_body_over_the_limit_is_413_and_the_connection_ends) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    Line declared = gateway.connect();
    declared.send(
        "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000"
        "\r\n\r\n");
    EXPECT_TRUE(declared.read_to_end().starts_with("HTTP/1.1 413 "));
    Line chunked = gateway.connect();
    std::thread sender([&] {
        chunked.send(
            "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n"
            "Transfer-Encoding: chunked\r\n\r\n500000\r\n" +
            std::string(5'242'880, 'x'));
    });
    EXPECT_NE(chunked.read_to_end().find("413 "), std::string::npos);
    sender.join();
}

TEST(Worker, a_body_of_no_bytes_is_a_whole_body) {
    ScriptedServer server(count_requests);
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(""));
    EXPECT_TRUE(client.read_until("{\"n\":1}").starts_with("HTTP/1.1 200 "));
}

TEST(Worker, a_session_that_was_deleted_is_404_whatever_the_server_says) {
    ScriptedServer server([](Line& line) {
        while (!read_request(line).empty())
            line.send(answer(R"({"id":0,"result":{}})", "Mcp-Session-Id: s1\r\n"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string lines = "Mcp-Session-Id: " + gateway.initialize(client) + "\r\n";
    client.send(gateway.post(kCall, lines));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    client.send("DELETE /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n");
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    client.send(gateway.post(kCall, lines));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
}

TEST(Worker, nothing_is_put_into_a_compressed_stream) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
            "\r\nopaque");
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    const std::string text = client.read_until("0\r\n\r\n");
    EXPECT_NE(text.find("opaque"), std::string::npos) << text;
    EXPECT_EQ(text.find("-32603"), std::string::npos) << text;
}

TEST(Worker, draining_finishes_what_is_going_on_and_then_ends) {
    std::atomic<bool> go = false;
    ScriptedServer server([&go](Line& line) {
        read_request(line);
        Harness::until([&go] { return go.load(); });
        line.send(answer("{}"));
    });
    Harness gateway({server.port()});
    Line idle = gateway.connect();
    Line busy = gateway.connect();
    busy.send(gateway.post(kCall));
    ASSERT_TRUE(Harness::until([&] { return gateway.metrics.backend_connects.value() == 1; }));
    gateway.mailbox.drain();
    EXPECT_TRUE(idle.peer_ends());
    go = true;
    const std::string text = busy.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
    EXPECT_NE(text.find("Connection: close"), std::string::npos) << text;
    EXPECT_TRUE(Harness::until([&] { return gateway.ended.load(); }))
        << "a drained worker waits to be stopped";
}

}  // namespace
}  // namespace mcpgw::worker
