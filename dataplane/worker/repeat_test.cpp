// Second tries, and above all those that must not be: servers here count every byte of a request
// that reached them.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kGet = "GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view kDelete = "DELETE /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::uint64_t stale(const Harness& gateway) {
    return gateway.metrics.backend_retries[RetryReason::stale_connection].value();
}
std::uint64_t elsewhere(const Harness& gateway) {
    return gateway.metrics.backend_retries[RetryReason::connect_failed].value();
}

// Answers the first request of every connection and takes the second one without a word: what a
// server does that closes an idle connection while a request is on its way.
struct SecondRequestIsLost {
    std::atomic<int> requests = 0;
    ScriptedServer server{[this](Line& line) {
        if (read_request(line).empty()) return;
        ++requests;
        line.send(answer("{}"));
        if (read_request(line).empty()) return;
        ++requests;
        line.reset();
    }};
};

TEST(Repeat, an_idempotent_request_survives_a_stale_connection) {
    for (const std::string_view again : {kGet, kDelete}) {
        SecondRequestIsLost lost;
        Harness gateway({lost.server.port()});
        Line client = gateway.connect();
        client.send(gateway.post(kCall));
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
        client.send(again);
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 ")) << again;
        EXPECT_EQ(stale(gateway), 1U);
        EXPECT_EQ(lost.requests, 3);
    }
}

TEST(Repeat, a_post_is_never_delivered_twice) {
    SecondRequestIsLost lost;
    Harness gateway({lost.server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(stale(gateway), 0U);
    EXPECT_EQ(lost.requests, 2);
}

TEST(Repeat, a_request_on_a_new_connection_is_not_repeated) {
    std::atomic<int> requests = 0;
    ScriptedServer server([&requests](Line& line) {
        read_request(line);
        ++requests;
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(kGet);
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(requests, 1);
}

TEST(Repeat, an_answer_that_has_begun_is_not_asked_for_again) {
    for (const std::string_view begun : {"HTTP/1.1 2", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
        std::atomic<int> requests = 0;
        ScriptedServer server([&](Line& line) {
            read_request(line);
            ++requests;
            line.send(answer("{}"));
            if (read_request(line).empty()) return;
            ++requests;
            line.send(begun);
        });
        Harness gateway({server.port()});
        Line client = gateway.connect();
        client.send(kGet);
        EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
        client.send(kGet);
        const std::string text = client.read_until("}}");
        EXPECT_NE(text.find("HTTP/1.1 502 "), std::string::npos) << text;
        EXPECT_EQ(requests, 2);
    }
}

TEST(Repeat, a_request_is_repeated_once_only) {
    std::atomic<int> connections = 0;
    ScriptedServer server([&connections](Line& line) {
        const bool first = ++connections == 1;
        if (read_request(line).empty()) return;
        if (first) line.send(answer("{}"));
        if (first) read_request(line);
        line.reset();
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(kGet);
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    client.send(kGet);
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(connections, 2);
    EXPECT_EQ(stale(gateway), 1U);
}

TEST(Repeat, a_connection_that_was_closed_while_idle_is_not_used_for_a_post) {
    std::atomic<bool> closed = false;
    ScriptedServer server([&closed](Line& line) {
        read_request(line);
        line.send(answer("{}"));
        if (closed) line.peer_ends();
        closed = true;
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    ASSERT_TRUE(Harness::until(
        [&] { return gateway.metrics.connections_active[ConnectionSide::backend].value() == 0; }));
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(stale(gateway), 0U);
}

// --- Nothing was sent: the connection never came about

std::uint16_t port_of_nobody() {
    ScriptedServer server([](Line&) {});
    return server.port();
}

TEST(Repeat, another_instance_serves_what_the_first_could_not_be_given) {
    std::string bodies;
    ScriptedServer server([&bodies](Line& line) {
        for (std::string text = read_request(line); !text.empty(); text = read_request(line)) {
            bodies += text.substr(text.find("\r\n\r\n") + 4);
            line.send(answer("{}"));
        }
    });
    const std::uint16_t nobody = port_of_nobody();
    int asked = 0;
    {
        Harness gateway({nobody, server.port()});
        while (elsewhere(gateway) == 0 && asked < 100) {
            Line client = gateway.connect();
            client.send(gateway.post(kCall));
            const std::string text = client.read_until("{}");
            ++asked;
            ASSERT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
        }
        EXPECT_EQ(elsewhere(gateway), 1U);
        EXPECT_EQ(gateway.metrics.payload_copied_bytes.value(), 0U);
    }
    server.stop();
    std::string expected;
    for (int i = 0; i < asked; ++i)
        expected += kCall;
    EXPECT_EQ(bodies, expected);
}

TEST(Repeat, a_chunked_body_that_still_comes_goes_on_at_the_other_instance) {
    std::string got;
    ScriptedServer server([&got](Line& line) {
        while (true) {
            const std::string text = line.read_until("0\r\n\r\n");
            if (text.empty()) return;
            got = text;
            line.send(answer("{}"));
        }
    });
    const std::uint16_t nobody = port_of_nobody();
    const std::string part(70'000, 'x');
    {
        Harness gateway({nobody, server.port()});
        for (int i = 0; elsewhere(gateway) == 0 && i < 100; ++i) {
            Line client = gateway.connect();
            client.send(
                "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n"
                "Transfer-Encoding: chunked\r\n\r\n11170\r\n" +
                part + "\r\n");
            ASSERT_TRUE(Harness::until([&] { return gateway.mailbox.exchanges.load() > 0; }));
            client.send("3\r\nend\r\n0\r\n\r\n");
            ASSERT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
        }
        EXPECT_EQ(elsewhere(gateway), 1U);
    }
    server.stop();
    EXPECT_EQ(std::ranges::count(got, 'x'), 70'000);
    EXPECT_NE(got.find("end\r\n0\r\n\r\n"), std::string::npos);
}

TEST(Repeat, a_session_is_not_given_to_another_instance) {
    ScriptedServer first([](Line& line) {
        read_request(line);
        line.send(answer(R"({"id":0,"result":{}})", "Mcp-Session-Id: s1\r\n"));
    });
    ScriptedServer second([](Line& line) {
        read_request(line);
        line.send(answer("{}"));
    });
    Harness gateway({first.port()});
    Line client = gateway.connect();
    const std::string lines = "Mcp-Session-Id: " + gateway.initialize(client) + "\r\n";
    gateway.publish({first.port(), second.port()});
    first.stop();
    client.send(gateway.post(kCall, lines));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(second.connections(), 0);
    EXPECT_EQ(elsewhere(gateway), 0U);
}

TEST(Repeat, without_another_instance_the_refusal_is_told) {
    Harness gateway({port_of_nobody()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 502 "));
}

// --- Keep-Alive of servers

TEST(Repeat, a_server_that_grants_one_second_is_let_go_before) {
    std::atomic<Nanos> idle_for = 0;
    ScriptedServer server([&idle_for](Line& line) {
        read_request(line);
        line.send(answer("{}", "Keep-Alive: timeout=1\r\n"));
        const Nanos since = monotonic_now();
        if (line.peer_ends()) idle_for = monotonic_now() - since;
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(gateway.post(kCall));
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    ASSERT_TRUE(Harness::until([&] { return idle_for.load() > 0; }));
    EXPECT_LT(idle_for.load(), kSecond);
}

}  // namespace
}  // namespace mcpgw::worker
