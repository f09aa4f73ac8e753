// A worker that is warm serves without asking the C library for memory or for a lock.
//
// Each test lets a worker serve once what it will serve later, then counts the calls of its thread
// over many more of the same. The clients and the server run on other threads and are not counted.
#include "dataplane/worker/harness_for_test.h"
#include "tests/http1/recording_backend.h"
#include "tests/steady_state/library_calls.h"

namespace mcpgw::steady_state {
namespace {

using http1::Message;
using http1::RecordingBackend;
using http1::Reply;
using worker::Harness;
using worker::Line;

constexpr int kConnections = 8;
constexpr int kWarmRounds = 20;
constexpr int kRounds = 125;  // 1,000 requests

// Serves until it was done once without a call. A table may still grow to what the machine's whims
// make the most at once; that ends, so three times are enough, and what every request costs is
// there each time.
template <class Serve>
void expect_no_calls(pthread_t thread, Serve serve) {
    LibraryCalls calls;
    for (int attempt = 0; attempt < 3; ++attempt) {
        watch(thread);
        serve();
        calls = stop();
        if (calls.allocations + calls.releases + calls.locks == 0) return;
    }
    ADD_FAILURE() << calls.allocations << " allocations, " << calls.releases << " releases, "
                  << calls.locks << " locks, the first at\n"
                  << places();
}

// One whole answer of the line, which must be 200.
std::string read_answer(Line& line) {
    std::string bytes;
    while (true) {
        const std::string more = line.read_some();
        bytes += more;
        const Message answer = http1::read_response(bytes, "POST", more.empty());
        if (!answer.whole() && !more.empty()) continue;
        EXPECT_EQ(answer.status(), 200) << answer.start << answer.body;
        return answer.body;
    }
}

// A server that issues a session id and gives every body back.
Reply echo(const Message& request, int) {
    return {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s1\r\n"
        "Content-Length: " +
        std::to_string(request.body.size()) + "\r\n\r\n" + request.body};
}

class SteadyState : public testing::Test {
  protected:
    void SetUp() override {
        for (int i = 0; i < kConnections; ++i)
            lines.push_back(gateway.connect());
        lines[0].send(Harness::post(R"({"jsonrpc":"2.0","id":0,"method":"initialize"})"));
        const std::string head = lines[0].read_until("\r\n\r\n");
        lines[0].read_until("}");
        const std::size_t at = head.find("Mcp-Session-Id: ") + 16;
        session = "Mcp-Session-Id: " + head.substr(at, head.find("\r\n", at) - at) + "\r\n";
    }
    // All connections ask, then all answers are read, so that exchanges overlap.
    void serve(const std::string& request, const std::string& body, int rounds) {
        for (int round = 0; round < rounds; ++round) {
            for (const Line& line : lines)
                line.send(request);
            for (Line& line : lines)
                ASSERT_EQ(read_answer(line) == body, true) << "round " << round;
        }
    }
    void serve_steadily(const std::string& request, const std::string& body, int rounds) {
        serve(request, body, std::min(kWarmRounds, rounds));
        backend.forget();
        expect_no_calls(gateway.worker_thread(), [&] { serve(request, body, rounds); });
    }

    RecordingBackend backend{echo};
    Harness gateway{{backend.port()}};
    std::vector<Line> lines;
    std::string session;
};

TEST_F(SteadyState, no_allocation_and_no_lock_while_calls_of_a_session_are_served) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}})";
    serve_steadily(Harness::post(body, session), body, kRounds);
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_calls_without_session_are_served) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
    serve_steadily(Harness::post(body), body, kRounds);
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_calls_are_counted_against_limits) {
    contract::Limits most;
    most.quota_requests = limits::quota_requests_max;
    most.quota_seconds = limits::quota_seconds_max;
    most.requests_per_second = limits::rate_per_second_max;
    most.burst = limits::rate_burst_max;
    most.streams_max = 1000;
    gateway.limit({most, most});
    gateway.publish({backend.port()});
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}})";
    serve_steadily(Harness::post(body, session), body, kRounds);
    EXPECT_EQ(gateway.limiter.table().size(), 2U) << "of the adapter, and of its user";
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_sessions_are_opened) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"initialize"})";
    serve_steadily(Harness::post(body), body, kRounds);
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_chunked_bodies_are_forwarded) {
    const std::string request =
        "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\n{\r\n9;x=y\r\n\"id\":1234\r\n1\r\n}\r\n0\r\n\r\n";
    serve_steadily(request, R"({"id":1234})", kRounds);
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_requests_arrive_in_pieces) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
    const std::string request = Harness::post(body, session);
    const auto dribble = [&](int rounds) {
        for (int round = 0; round < rounds; ++round) {
            for (std::size_t at = 0; at < request.size(); at += 50)
                lines[0].send(std::string_view(request).substr(at, 50));
            ASSERT_EQ(read_answer(lines[0]), body);
        }
    };
    dribble(kWarmRounds);
    expect_no_calls(gateway.worker_thread(), [&] { dribble(kRounds); });
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_pipelined_requests_are_served) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
    std::string requests;
    for (int i = 0; i < 16; ++i)
        requests += Harness::post(body, session);
    const auto pipeline = [&](int rounds) {
        for (int round = 0; round < rounds; ++round) {
            lines[0].send(requests);
            for (int i = 0; i < 16; ++i)
                EXPECT_NE(lines[0].read_until(body).find("200 OK"), std::string::npos);
        }
    };
    pipeline(kWarmRounds);
    expect_no_calls(gateway.worker_thread(), [&] { pipeline(kRounds); });
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_bulk_bodies_pass_both_ways) {
    const std::string body = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":")" +
                             std::string(std::size_t{1024} * 1024, 'x') + "\"}";
    const std::string request = Harness::post(body, session);
    const auto one_by_one = [&](int rounds) {
        for (int round = 0; round < rounds; ++round) {
            lines[0].send(request);
            ASSERT_EQ(read_answer(lines[0]) == body, true);
        }
    };
    one_by_one(10);
    backend.forget();
    expect_no_calls(gateway.worker_thread(), [&] { one_by_one(30); });
    EXPECT_EQ(gateway.metrics.payload_copied_bytes.value(), 0U);
}

TEST_F(SteadyState, no_allocation_and_no_lock_while_events_pass) {
    backend.script([](const Message&, int) {
        return Reply{
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"};
    });
    const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call"})";
    std::vector<std::string> heard;
    for (Line& line : lines) {
        line.send(Harness::post(call, session));
        heard.push_back(line.read_until("\r\n\r\n"));
    }
    const std::string event =
        R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}})"
        "\n\n";
    const std::string chunk = "47\r\n" + event + "\r\n";
    ASSERT_EQ(event.size(), 0x47U);
    std::string told;
    // An event that lies in two receive buffers comes in two chunks.
    const auto tell_all = [&](int rounds) {
        for (int round = 0; round < rounds; ++round) {
            backend.blurt(chunk);
            told += event;
            for (std::size_t i = 0; i < lines.size(); ++i) {
                std::string body;
                while (body.size() < told.size()) {
                    const std::string more = lines[i].read_some();
                    ASSERT_NE(more, "") << "in round " << round;
                    heard[i] += more;
                    body = http1::read_response(heard[i], "POST", false).body;
                }
                ASSERT_EQ(body == told, true) << "in round " << round;
            }
        }
    };
    tell_all(kWarmRounds);
    expect_no_calls(gateway.worker_thread(), [&] { tell_all(kRounds); });
}

TEST_F(SteadyState, the_counting_sees_memory_and_locks) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    watch(pthread_self());
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    const volatile auto* memory = new std::string(100, 'x');
    delete memory;
    const LibraryCalls calls = stop();
    EXPECT_EQ(calls.allocations, 2U);
    EXPECT_EQ(calls.releases, 2U);
    EXPECT_EQ(calls.locks, 1U);
    EXPECT_NE(places(), "");
}

// A table of slots grows by blocks of 64, so this many new clients cannot do without memory.
TEST_F(SteadyState, the_counting_sees_the_worker_take_memory_for_new_clients) {
    watch(gateway.worker_thread());
    for (int i = 0; i < 130; ++i)
        lines.push_back(gateway.connect());
    serve(Harness::post("{}"), "{}", 1);
    EXPECT_GT(stop().allocations, 0U);
    EXPECT_NE(places(), "");
}

}  // namespace
}  // namespace mcpgw::steady_state
