// What a probe says, byte by byte, and what it makes of answers. The test is the server and the
// clock.
#include "controlplane/deploy/probe.h"

#include <array>

#include <poll.h>
#include <sys/epoll.h>

#include "controlplane/deploy/testing.h"

namespace mcpgw::deploy {
namespace {

constexpr Nanos kStart = 5 * kSecond;

class ProbeTest : public ::testing::Test {
  protected:
    ProbeTest() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(listen(listener_.get(), 8), 0);
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    ProbeQuestion question(const std::string& path) const {
        return {.host = "127.0.0.1",
                .port = port_,
                .path = path,
                .authority = "server.test:81",
                .timeout_ms = 2'000};
    }
    // Begins a health check and takes its connection.
    void ask() {
        outcome_ = probe_.start(question("/healthz"), kStart);
        server_ = Descriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        ASSERT_TRUE(server_);
        while (!outcome_ && request_.find("\r\n\r\n") == std::string::npos) {
            outcome_ = probe_.finish(kStart);
            std::array<char, 4096> block{};
            const ssize_t got = recv(server_.get(), block.data(), block.size(), MSG_DONTWAIT);
            if (got > 0) request_.append(block.data(), static_cast<std::size_t>(got));
        }
    }
    void say(std::string_view text) {
        ASSERT_EQ(send(server_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // Waits for what was said to arrive, as the reconciler would.
    ProbeOutcome verdict() {
        while (!outcome_) {
            pollfd wait{probe_.fd(), POLLIN, 0};
            EXPECT_EQ(poll(&wait, 1, 10'000), 1);
            outcome_ = probe_.finish(kStart);
        }
        return *outcome_;
    }
    std::string trouble_of(std::string_view answer) {
        ask();
        say(answer);
        server_.reset();
        return verdict().trouble;
    }

    Descriptor listener_;
    Descriptor server_;
    std::uint16_t port_ = 0;
    Probe probe_;
    std::optional<ProbeOutcome> outcome_;
    std::string request_;
};

TEST_F(ProbeTest, without_a_path_not_one_byte_is_sent) {
    outcome_ = probe_.start(question(""), kStart);
    const Descriptor taken(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    while (!outcome_)
        outcome_ = probe_.finish(kStart);
    EXPECT_TRUE(outcome_->is_good);
    EXPECT_FALSE(probe_.under_way());
    char byte = 0;
    EXPECT_EQ(recv(taken.get(), &byte, 1, 0), 0);
}

TEST_F(ProbeTest, a_health_check_is_a_get_that_says_who_asks) {
    ask();
    EXPECT_EQ(request_,
              "GET /healthz HTTP/1.1\r\nHost: server.test:81\r\nUser-Agent: mcp-gateway-probe\r\n"
              "Accept: */*\r\nConnection: close\r\n\r\n");
}

TEST_F(ProbeTest, success_and_redirection_are_good) {
    for (const char* status : {"200 OK", "204 No Content", "302 Found", "399 x"}) {
        request_.clear();
        EXPECT_EQ(trouble_of(std::string("HTTP/1.1 ") + status + "\r\n\r\n"), "") << status;
        EXPECT_TRUE(outcome_->is_good) << status;
    }
}

TEST_F(ProbeTest, any_other_status_is_told) {
    for (const char* status : {"400", "404", "503", "599"}) {
        request_.clear();
        EXPECT_EQ(trouble_of(std::string("HTTP/1.1 ") + status + " Sorry\r\nA: b\r\n\r\n"),
                  std::string("health check GET /healthz: answered ") + status);
        EXPECT_FALSE(outcome_->is_good);
        EXPECT_TRUE(outcome_->connected);
    }
}

TEST_F(ProbeTest, an_interim_answer_is_not_the_answer) {
    EXPECT_EQ(trouble_of("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 No\r\n\r\n"),
              "health check GET /healthz: answered 500");
}

TEST_F(ProbeTest, the_head_may_come_byte_by_byte_and_the_body_never) {
    ask();
    const std::string_view head = "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n";
    for (const char& byte : head) {
        ASSERT_FALSE(outcome_);
        say({&byte, 1});
        pollfd wait{probe_.fd(), POLLIN, 0};
        ASSERT_EQ(poll(&wait, 1, 10'000), 1);
        outcome_ = probe_.finish(kStart);
    }
    ASSERT_TRUE(outcome_);
    EXPECT_TRUE(outcome_->is_good);
}

TEST_F(ProbeTest, what_is_no_http_is_not_healthy) {
    for (const char* answer :
         {"hello\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\n"}) {
        request_.clear();
        EXPECT_EQ(trouble_of(answer), "health check GET /healthz: the answer is not valid HTTP/1.1")
            << answer;
    }
}

TEST_F(ProbeTest, an_endless_answer_ends_at_the_limit) {
    EXPECT_EQ(trouble_of("HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a')),
              "health check GET /healthz: the answer is not valid HTTP/1.1");
    request_.clear();
    std::string hints;
    while (hints.size() < 20'000)
        hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_EQ(trouble_of(hints), "health check GET /healthz: the head of the answer is too long");
}

TEST_F(ProbeTest, a_connection_without_an_answer_is_told) {
    EXPECT_EQ(trouble_of(""),
              "health check GET /healthz: the connection was closed without an answer");
}

TEST_F(ProbeTest, silence_ends_with_the_deadline) {
    ask();
    EXPECT_EQ(probe_.deadline(), kStart + 2 * kSecond);
    EXPECT_FALSE(probe_.finish(kStart + 2 * kSecond - 1));
    outcome_ = probe_.finish(kStart + 2 * kSecond);
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->trouble, "health check GET /healthz: no answer within 2 s");
    EXPECT_FALSE(probe_.under_way());
}

TEST_F(ProbeTest, nobody_listening_is_not_reachable) {
    listener_.reset();
    for (const char* path : {"", "/healthz"}) {
        outcome_ = probe_.start(question(path), kStart);
        while (!outcome_)
            outcome_ = probe_.finish(kStart);
        EXPECT_EQ(outcome_->trouble, "not reachable: Connection refused");
        EXPECT_FALSE(outcome_->connected);
    }
}

// One registration, for edges: first the connection, then the answer, must still wake the watcher.
TEST_F(ProbeTest, one_registration_is_enough_for_both_steps) {
    const Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    outcome_ = probe_.start(question("/healthz"), kStart);
    ASSERT_FALSE(outcome_);
    epoll_event event{};
    event.events = Probe::kEvents;
    ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, probe_.fd(), &event), 0);
    server_ = Descriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_EQ(epoll_wait(epoll.get(), &event, 1, 10'000), 1);
    outcome_ = probe_.finish(kStart);
    ASSERT_FALSE(outcome_);
    say("HTTP/1.1 200 OK\r\n\r\n");
    while (!outcome_) {
        ASSERT_EQ(epoll_wait(epoll.get(), &event, 1, 10'000), 1);
        outcome_ = probe_.finish(kStart);
    }
    EXPECT_TRUE(outcome_->is_good);
}

}  // namespace
}  // namespace mcpgw::deploy
