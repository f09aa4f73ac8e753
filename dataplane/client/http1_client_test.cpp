// A client's connection over a real socket pair, and on a clock that the test moves: how long a
// slow client is waited for, and what ends it.
//
// The socket takes few bytes, so that a hundred small answers are more than it holds.
#include "dataplane/client/http1_client.h"

#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/backend/pool.h"
#include "dataplane/client/table.h"

namespace mcpgw::client {
namespace {

constexpr std::string_view kPing = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr int kPings = 100;
constexpr std::uint32_t kLate = 20;  // by which a timer may fire later, and more

class Http1ClientTest : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = io::Ring::open({.receive_buffers = 16, .receive_buffer_bytes = 16384});
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        context = std::make_unique<transport::Context>(*ring, *metrics);
        now = context->now;
        pool = std::make_unique<backend::Pool>(*context);
        services.reset(new exchange::Services{.context = *context,
                                              .pool = *pool,
                                              .settings = settings,
                                              .sessions = *sessions,
                                              .sealer = Sealer(&system_random),
                                              .awaiting_news = {},
                                              .random = exchange::Random(1)});
        table = std::make_unique<Table>(*services, 4, nullptr);
        int pair[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        const int least = 1;  // the kernel makes it as much as it must
        ASSERT_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
        peer = pair[1];
        ASSERT_EQ(table->adopt(pair[0], "192.0.2.1", false), Table::Adoption::adopted);
    }
    void TearDown() override {
        table->lose_all();
        until([this] { return is_gone(); });
        if (peer >= 0) close(peer);
    }
    // The worker's tick, as far as clients need it.
    void tick() {
        settle();
        const bool hurry = std::exchange(context->hurry, false) || !context->dirty.empty();
        ring->wait(ring->now() + (hurry ? 0 : kMillisecond));
        context->now = now;
        context->timers.advance(context->now);
        for (int round = 0; round < 2; ++round) {
            advance();
            settle();
        }
        table->bury();
    }
    void settle() {
        while (transport::Connection* connection = context->unsettled.pop_front())
            connection->settle();
    }
    void advance() {
        while (transport::Dirty* dirty = context->dirty.pop_front()) {
            if (dirty->kind() == transport::Dirty::Kind::client)
                static_cast<Http1Client*>(dirty)->advance();
            else
                static_cast<exchange::Exchange*>(dirty)->advance();
        }
    }
    // Ticks until nothing more happens by itself.
    void come_to_rest() {
        for (int i = 0; i < 20; ++i)
            tick();
    }
    void pass(std::uint32_t milliseconds) {
        now += milliseconds * kMillisecond;
        come_to_rest();
    }
    template <class Condition>
    void until(Condition condition) {
        const Nanos deadline = ring->now() + 5 * kSecond;
        while (!condition()) {
            ASSERT_LT(ring->now(), deadline);
            tick();
        }
    }
    void send(std::string_view text) const {
        const ssize_t sent = ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
        ASSERT_EQ(sent, static_cast<ssize_t>(text.size()));
    }
    void send_pings() const {
        std::string text;
        for (int i = 0; i < kPings; ++i)
            text += kPing;
        send(text);
    }
    // Takes what the socket holds; counts the answers that are complete by now.
    int take_some() {
        char bytes[65536];
        ssize_t count = 0;
        while ((count = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
            taken.append(bytes, static_cast<std::size_t>(count));
        has_fin = count == 0;
        int answers = 0;
        for (std::size_t at = 0; (at = taken.find("alive", at)) != std::string::npos; ++at)
            ++answers;
        return answers;
    }
    // Takes everything that comes until no more does.
    int take_answers() {
        std::size_t before = 0;
        do {
            before = taken.size();
            take_some();
            come_to_rest();
        } while (taken.size() > before);
        return take_some();
    }
    [[nodiscard]] bool is_gone() const { return table->connections() == 0; }
    [[nodiscard]] std::uint64_t given_up() {
        return metrics->rejected[RejectReason::client_too_slow].value();
    }

    exchange::Settings settings;
    std::unique_ptr<SharedSessions> sessions = std::make_unique<SharedSessions>(
        SessionTable::Options{.sessions_max = limits::sessions_max_least});
    std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
    std::unique_ptr<io::Ring> ring;
    std::unique_ptr<transport::Context> context;
    std::unique_ptr<backend::Pool> pool;
    std::unique_ptr<exchange::Services> services;
    std::unique_ptr<Table> table;
    Nanos now = 0;  // only the test lets it pass
    int peer = -1;
    std::string taken;
    bool has_fin = false;
};

TEST_F(Http1ClientTest, a_body_that_stops_does_not_cost_the_answers_before_it) {
    settings.deadlines.body_idle_ms = 10'000;
    send_pings();
    send("POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
    come_to_rest();
    for (int i = 0; i < 4; ++i)
        pass(settings.deadlines.body_idle_ms / 2 + 1);
    EXPECT_EQ(given_up(), 1U);
    EXPECT_EQ(take_answers(), kPings);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, a_head_that_comes_too_late_does_not_cost_the_answers_before_it) {
    send_pings();
    send("GET /pi");
    come_to_rest();
    pass(settings.deadlines.head_ms + kLate);
    EXPECT_EQ(take_answers(), kPings);
    EXPECT_EQ(metrics->rejected[RejectReason::head_too_slow].value(), 1U);
    EXPECT_TRUE(has_fin);
}

TEST_F(Http1ClientTest, an_end_inside_a_body_does_not_cost_the_answers_before_it) {
    send_pings();
    send("POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
    shutdown(peer, SHUT_WR);
    come_to_rest();
    EXPECT_EQ(take_answers(), kPings);
    EXPECT_TRUE(has_fin);
}

TEST_F(Http1ClientTest, a_slow_reader_has_its_idle_time_also_when_buffers_are_scarce) {
    send_pings();
    come_to_rest();
    send_pings();
    come_to_rest();
    EXPECT_EQ(take_answers(), 2 * kPings);
    context->pressure = transport::Pressure::exhausted;
    table->relieve();
    pass(limits::slow_reader_check_ms + kLate);
    EXPECT_FALSE(is_gone());
    pass(settings.deadlines.idle_ms + kLate);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, a_relief_does_not_lengthen_the_idle_time) {
    send(kPing);
    until([this] { return metrics->bytes[Direction::client_in].value() > 0; });
    context->pressure = transport::Pressure::exhausted;
    table->relieve();
    pass(settings.deadlines.idle_ms + kLate);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, idle_time_begins_when_a_slow_reader_has_taken_its_answer) {
    send_pings();
    come_to_rest();
    for (int i = 0; i < 3; ++i) {
        pass(settings.deadlines.stall_ms - 1000);
        ASSERT_LT(take_some(), kPings);
        come_to_rest();
    }
    EXPECT_EQ(take_answers(), kPings);
    pass(limits::slow_reader_check_ms + kLate);
    pass(settings.deadlines.idle_ms - 1000);
    EXPECT_FALSE(is_gone());
    pass(1000 + kLate);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, draining_reads_on_from_a_client_that_was_just_answered) {
    send(kPing);
    come_to_rest();
    EXPECT_EQ(take_answers(), 1);
    table->drain();
    come_to_rest();
    EXPECT_EQ(take_some(), 1);
    EXPECT_TRUE(has_fin);
    EXPECT_FALSE(is_gone());
    send(kPing);  // it crosses the end: thrown away, and no reset
    come_to_rest();
    EXPECT_FALSE(is_gone());
    pass(settings.deadlines.linger_ms + kLate);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, a_relief_does_not_shorten_the_time_to_linger) {
    send_pings();
    come_to_rest();
    table->drain();
    pass(settings.deadlines.linger_ms / 2);
    EXPECT_EQ(take_answers(), kPings);
    context->pressure = transport::Pressure::exhausted;
    table->relieve();
    pass(settings.deadlines.linger_ms / 2 + kLate);
    EXPECT_FALSE(is_gone());
    pass(settings.deadlines.linger_ms + kLate);
    EXPECT_TRUE(is_gone());
}

TEST_F(Http1ClientTest, draining_ends_a_client_that_was_answered_long_ago) {
    send(kPing);
    EXPECT_EQ(take_answers(), 1);
    pass(settings.deadlines.linger_ms + kLate);
    table->drain();
    come_to_rest();
    EXPECT_TRUE(is_gone());
}

}  // namespace
}  // namespace mcpgw::client
