// Many who are slow, and one who is not: with few receive buffers the slow ones must not keep the
// other from being served, and must get their own bytes right in the end.
#include <array>
#include <cstdlib>

#include "common/protocol/http1_body.h"
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

// Answers every request with the size of its body.
void measure(Line& line) {
    for (std::string text = read_request(line); !text.empty(); text = read_request(line))
        line.send(answer(std::to_string(text.size() - text.find("\r\n\r\n") - 4) + " bytes"));
}

// One buffer's worth of traffic, answered.
void expect_served(Harness& gateway, Line& quick) {
    quick.send(Harness::post(std::string(4000, 'q')));
    const std::string text = quick.read_until(" bytes");
    ASSERT_TRUE(text.ends_with("4000 bytes")) << text << gateway.metrics.reliefs.value();
}

constexpr int kSlow = 60;

TEST(Pressure, bodies_that_wait_hold_no_receive_buffers_for_long) {
    ScriptedServer server(measure);
    Harness gateway({server.port()},
                    {.deadlines = {}, .receive_buffers = 16, .receive_buffer_bytes = 4096});
    Line quick = gateway.connect();
    expect_served(gateway, quick);
    std::vector<Line> slow;
    for (int i = 0; i < kSlow; ++i) {
        const std::uint64_t before = gateway.metrics.bytes[Direction::client_in].value();
        const std::string part =
            "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\nContent-Length: 20\r\n\r\n0123456789";
        slow.push_back(gateway.connect());
        slow.back().send(part);
        ASSERT_TRUE(Harness::until([&] {
            return gateway.metrics.bytes[Direction::client_in].value() == before + part.size();
        }));
        expect_served(gateway, quick);
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(gateway.metrics.reliefs.value(), 0U);
    EXPECT_GT(gateway.metrics.payload_copied_bytes.value(), 0U);
    quick.end();
    for (Line& line : slow) {
        line.send("0123456789");
        const std::string text = line.read_to_end();
        EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
        EXPECT_TRUE(text.ends_with("20 bytes")) << text;
    }
}

TEST(Pressure, pipelined_bytes_behind_a_stream_hold_no_receive_buffers_for_long) {
    ScriptedServer stream([](Line& line) {
        read_request(line);
        line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
        line.peer_ends();
    });
    ScriptedServer server(measure);
    Harness gateway({stream.port()},
                    {.deadlines = {}, .receive_buffers = 16, .receive_buffer_bytes = 4096});
    Line listener = gateway.connect();
    listener.send("GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
    listener.read_until(": hi");
    gateway.publish({server.port()});
    Line quick = gateway.connect();
    for (int i = 0; i < kSlow; ++i) {
        const std::uint64_t before = gateway.metrics.bytes[Direction::client_in].value();
        listener.send("G");
        ASSERT_TRUE(Harness::until(
            [&] { return gateway.metrics.bytes[Direction::client_in].value() == before + 1; }));
        expect_served(gateway, quick);
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(gateway.metrics.reliefs.value(), 0U);
    EXPECT_EQ(gateway.metrics.streams_active.value(), 1);
}

// In chunks, because what has a length and is long is spliced, and holds no buffers at all.
std::string chunked_answer(std::string_view body) {
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(body.size(), 60'000))) {
        const std::string_view part = body.substr(0, 60'000);
        std::array<char, http::chunk_head_bytes_max> head{};
        text.append(head.data(), http::write_chunk_head(part.size(), head.data()));
        text += std::string(part) + "\r\n";
    }
    return text + "0\r\n\r\n";
}

// The payload of what is left of a chunked answer behind its head.
std::string read_chunks(Line& line) {
    const std::string text = line.read_until("\r\n0\r\n\r\n");
    std::string payload;
    std::size_t at = 0;
    for (std::size_t size = 1; size > 0 && at < text.size(); at += size + 2) {
        size = std::strtoul(text.c_str() + at, nullptr, 16);
        at = text.find("\r\n", at) + 2;
        payload += text.substr(at, size);
    }
    return payload;
}

// Eight clients whose answers wait, and one who is served meanwhile.
void expect_bulk_to_wait(const Harness::Special& special) {
    const std::string bulk = pattern(6'000'000);
    ScriptedServer server(measure);
    std::vector<std::unique_ptr<ScriptedServer>> bulk_servers;
    Harness gateway({}, special);
    std::vector<Line> slow;
    for (int i = 0; i < 8; ++i) {
        bulk_servers.push_back(std::make_unique<ScriptedServer>([&bulk](Line& line) {
            read_request(line);
            line.send(chunked_answer(bulk));
        }));
        gateway.publish({bulk_servers.back()->port()});
        slow.push_back(gateway.connect());
        slow.back().send(Harness::post("{}", "Connection: close\r\n"));
        slow.back().read_until("\r\n\r\n");
    }
    ASSERT_TRUE(Harness::until([&] { return gateway.metrics.reliefs.value() >= 1; }));
    gateway.publish({server.port()});
    Line quick = gateway.connect();
    for (int i = 0; i < 50; ++i) {
        expect_served(gateway, quick);
        if (testing::Test::HasFatalFailure()) return;
    }
    for (Line& line : slow)
        EXPECT_TRUE(read_chunks(line) == bulk) << "each byte once, in order";
}

TEST(Pressure, clients_that_take_nothing_leave_buffers_to_the_others) {
    expect_bulk_to_wait({.deadlines = {}, .receive_buffers = 32, .receive_buffer_bytes = 16384});
}

TEST(Pressure, a_send_that_was_taken_back_goes_out_again_whole) {
    expect_bulk_to_wait({.deadlines = {}, .receive_buffers = 64, .receive_buffer_bytes = 4096});
}

}  // namespace
}  // namespace mcpgw::worker
