// What a backend connection says about repeating a request when it breaks. The worker's tick is
// played by hand, so that the server can break the connection at a chosen moment: after the kernel
// knows of it and before the gateway has looked.
#include "dataplane/backend/http1_backend.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "dataplane/backend/pool.h"
#include "dataplane/io/received_for_test.h"

namespace mcpgw::backend {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// The server's side of connections, blocking with a deadline.
class Server {
  public:
    Server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
        EXPECT_EQ(::listen(listener_, 4), 0);
    }
    ~Server() { close(listener_); }
    [[nodiscard]] Destination destination() const {
        Destination to;
        to.key = 1;
        to.address_bytes = sizeof to.address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&to.address), &to.address_bytes);
        return to;
    }
    [[nodiscard]] int accept() const {
        return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    }
    [[nodiscard]] static std::string read_some(int socket) {
        pollfd event{socket, POLLIN, 0};
        char bytes[4096];
        const ssize_t n = poll(&event, 1, 5000) > 0 ? recv(socket, bytes, sizeof bytes, 0) : 0;
        return {bytes, n > 0 ? static_cast<std::size_t>(n) : 0};
    }
    static void send(int socket, std::string_view text) {
        EXPECT_EQ(::send(socket, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    static void reset(int socket) {
        const linger abrupt{1, 0};
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        close(socket);
    }

  private:
    int listener_;
};

class Http1BackendTest : public testing::Test, public flow::BackendEvents {
  protected:
    void SetUp() override {
        auto opened = io::Ring::open({.receive_buffers = 8, .receive_buffer_bytes = 4096});
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        context = std::make_unique<transport::Context>(*ring, *metrics);
        pool = std::make_unique<Pool>(*context);
    }
    void TearDown() override {
        pool->end_idle();
        while (pool->connections() > 0)
            tick();
        ring->wait(0);
    }
    void on_interim_answer(const http::ResponseHead&) override {}
    void on_response_head(const http::ResponseHead& head) override { status = head.status; }
    void on_response_body(flow::BodyPiece) override {
        if (pauses) end->pause_response();
    }
    void on_response_moved(std::uint64_t) override {}
    void on_response_end() override { release(); }
    void on_backend_failed(Code, Retry verdict) override {
        retry = verdict;
        flow::BackendEnd* again = verdict == Retry::never ? nullptr : end->repeat();
        release();
        end = again;
    }
    void on_backend_room() override { ++rooms; }

    void release() {
        end->release();
        end = nullptr;
    }
    void tick() {
        wait_for_completions();
        advance_dirty();
    }
    void wait_for_completions() {
        settle();
        context->timers.advance(context->now);
        ring->wait(ring->now() + kMillisecond);
        context->now = ring->now() + ahead;
    }
    void advance_dirty() {
        while (transport::Dirty* dirty = context->dirty.pop_front())
            static_cast<Http1Backend*>(dirty)->advance();
        settle();
        pool->bury();
    }
    void settle() {
        while (transport::Connection* connection = context->unsettled.pop_front())
            connection->settle();
    }
    template <class Condition>
    void tick_until(Condition condition) {
        for (int i = 0; i < 5000 && !condition(); ++i)
            tick();
        ASSERT_TRUE(condition());
    }
    void ask(http::Method method, std::string_view body) {
        begin_to_ask(method, body);
        end->finish_request();
    }
    void begin_to_ask(http::Method method, std::string_view body) {
        auto leased = pool->lease(server.destination(), *this);
        ASSERT_TRUE(leased) << leased.error().detail;
        end = *leased;
        status = 0;
        http::Fields fields;
        flow::RequestOut out;
        out.method = method;
        out.method_text = http::method_name(method);
        out.target = "/";
        out.authority = "x";
        out.framing = body.empty() ? http::Framing::none : http::Framing::chunked;
        out.fields = &fields;
        end->send_head(out);
    }
    // One exchange, so that the connection is idle and reused from now on.
    int serve_once() {
        ask(http::Method::post, "{}");
        tick();
        const int socket = server.accept();
        tick();
        EXPECT_FALSE(Server::read_some(socket).empty());
        Server::send(socket, kAnswer);
        tick_until([this] { return status == 200; });
        return socket;
    }

    Server server;
    std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
    std::unique_ptr<io::Ring> ring;
    std::unique_ptr<transport::Context> context;
    std::unique_ptr<Pool> pool;
    flow::BackendEnd* end = nullptr;
    std::optional<Retry> retry;
    int status = 0;
    int rooms = 0;        // how often there was said to be some
    bool pauses = false;  // when a part of an answer comes
    Nanos ahead = 0;      // of the ring's clock
};

TEST_F(Http1BackendTest, a_post_of_which_the_kernel_took_nothing_moves_to_a_new_connection) {
    const int stale = serve_once();
    Server::reset(stale);  // the kernel knows; the gateway has not looked yet
    ask(http::Method::post, "{}");
    EXPECT_TRUE(end->is_reused());
    tick_until([this] { return retry.has_value(); });
    EXPECT_EQ(*retry, Retry::always);
    ASSERT_NE(end, nullptr);
    EXPECT_FALSE(end->is_reused());
    tick();
    const int fresh = server.accept();
    tick();
    const std::string request = Server::read_some(fresh);
    EXPECT_TRUE(request.starts_with("POST / HTTP/1.1\r\nHost: x\r\n")) << request;
    EXPECT_TRUE(request.ends_with("\r\n\r\n0\r\n\r\n")) << request;
    Server::send(fresh, kAnswer);
    tick_until([this] { return status == 200; });
    close(fresh);
}

TEST_F(Http1BackendTest, a_post_that_went_out_is_not_repeated) {
    const int stale = serve_once();
    ask(http::Method::post, "{}");
    tick();
    EXPECT_FALSE(Server::read_some(stale).empty());
    Server::reset(stale);
    tick_until([this] { return retry.has_value(); });
    EXPECT_EQ(*retry, Retry::never);
}

TEST_F(Http1BackendTest, a_get_that_went_out_is_repeated_from_the_kept_head) {
    const int stale = serve_once();
    ask(http::Method::get, "");
    tick();
    const std::string first = Server::read_some(stale);
    Server::reset(stale);
    tick_until([this] { return retry.has_value(); });
    EXPECT_EQ(*retry, Retry::if_reused);
    tick();
    const int fresh = server.accept();
    tick();
    EXPECT_EQ(Server::read_some(fresh), first);
    Server::send(fresh, kAnswer);
    tick_until([this] { return status == 200; });
    EXPECT_EQ(context->blocks.in_use(), 0U);
    close(fresh);
}

// The whole answer has come, and waits behind its first part.
TEST_F(Http1BackendTest, a_connection_that_was_not_listened_to_for_long_is_not_used_again) {
    for (const bool long_enough : {false, true}) {
        const int socket = serve_once();
        ask(http::Method::get, "");
        pauses = true;
        Server::send(socket,
                     "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + std::string(6000, 'a'));
        tick_until([this] { return status == 200; });
        for (int i = 0; i < 20; ++i)
            tick();
        if (long_enough) ahead += (limits::backend_idle_timeout_ms + 20) * kMillisecond;
        for (int i = 0; i < 3; ++i)
            tick();
        pauses = false;
        end->resume_response();
        advance_dirty();
        ASSERT_EQ(end, nullptr);
        ask(http::Method::get, "");
        EXPECT_EQ(end->is_reused(), !long_enough);
        release();
        close(socket);
        tick();
    }
}

TEST_F(Http1BackendTest, room_is_announced_again_when_the_limit_fell_behind_the_first_time) {
    const int socket = serve_once();
    begin_to_ask(http::Method::post, "{}");
    tick();
    context->out_queue_bytes_high = 4000;
    end->send_body(io::received(ring->buffers(), std::string(4000, 'a')));
    ASSERT_TRUE(end->is_full());
    wait_for_completions();  // all is sent: there is room
    ASSERT_FALSE(context->dirty.empty());
    rooms = 0;
    context->out_queue_bytes_high = 2000;
    end->send_body(io::received(ring->buffers(), std::string(2000, 'b')));
    advance_dirty();
    EXPECT_EQ(rooms, 0);
    tick();
    EXPECT_EQ(rooms, 1);
    end->finish_request();
    Server::send(socket, kAnswer);
    tick_until([this] { return status == 200; });
}

}  // namespace
}  // namespace mcpgw::backend
