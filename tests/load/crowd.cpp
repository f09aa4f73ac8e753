// One epoll loop; who is due is found by looking at everybody ten times a second or more often.
#include "tests/load/crowd.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw::load {
namespace {

constexpr Nanos kStep = 5 * kMillisecond;
constexpr Nanos kPingPause = 40 * kSecond;  // well below what the gateway lets pass

std::string post(const std::string& body) {
    return "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string request_of(Kind kind) {
    switch (kind) {
        case Kind::idle:
            return "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
        case Kind::stream:
            return "GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n";
        case Kind::busy:
            return post(R"({"jsonrpc":"2.0","id":7,"method":"tools/call"})");
        case Kind::slow_reader:
            return post(R"({"jsonrpc":"2.0","id":"big","method":"tools/call"})");
        case Kind::slow_server:
            return post(R"({"jsonrpc":"2.0","id":"slow","method":"tools/call"})");
    }
    return {};
}

int connect_to(std::uint16_t port, bool small_buffer) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(socket >= 0, "there are descriptors enough");
    const int bytes = 4096;
    if (small_buffer) setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    check(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "the gateway takes the connection");
    return socket;
}

}  // namespace

Crowd::Crowd(std::uint16_t port) : port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Crowd::~Crowd() {
    for (const Client& client : clients_)
        if (client.socket >= 0) close(client.socket);
    close(epoll_);
}

void Crowd::add(Kind kind, std::size_t count, Nanos pause) {
    for (std::size_t i = 0; i < count; ++i) {
        Client client;
        client.kind = kind;
        client.socket = connect_to(port_, kind == Kind::slow_reader);
        client.pause = kind == Kind::idle ? kPingPause : pause;
        // Spread out, so that they do not all act in the same moment.
        client.next_at = monotonic_now() + client.pause * i / count;
        ++counts_of(client).open;
        // A slow reader is told nothing of what waits for it.
        epoll_event event{.events = kind == Kind::slow_reader ? 0U : std::uint32_t{EPOLLIN},
                          .data = {.u64 = clients_.size()}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
        clients_.push_back(std::move(client));
    }
}

void Crowd::close_all(Kind kind) {
    for (Client& client : clients_) {
        if (client.kind != kind || client.socket < 0) continue;
        close(std::exchange(client.socket, -1));
        --counts_of(client).open;
    }
}

std::vector<Nanos> Crowd::take_latencies() {
    std::ranges::sort(latencies_);
    return std::exchange(latencies_, {});
}

void Crowd::run_for(Nanos duration) {
    const Nanos end = monotonic_now() + duration;
    Nanos look_at = 0;
    for (Nanos now = monotonic_now(); now < end; now = monotonic_now()) {
        if (now >= look_at) {
            look_at = now + kStep;
            for (std::size_t i = 0; i < clients_.size(); ++i)
                act(i, now);
        }
        std::array<epoll_event, 512> events;
        const int count = epoll_wait(epoll_, events.data(), events.size(), 2);
        for (int i = 0; i < count; ++i)
            receive(events[static_cast<std::size_t>(i)].data.u64);
    }
}

void Crowd::act(std::size_t index, Nanos now) {
    Client& client = clients_[index];
    if (client.socket < 0 || now < client.next_at) return;
    if (!client.waiting) return ask(client, request_of(client.kind), now);
    if (client.kind != Kind::slow_reader) return;
    char byte = 0;
    client.next_at = now + kSecond;
    const ssize_t size = recv(client.socket, &byte, 1, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) receive(index);
}

void Crowd::ask(Client& client, const std::string& request, Nanos now) {
    client.waiting = true;
    client.asked_at = now;
    client.answer.clear();
    static_cast<void>(send(client.socket, request.data(), request.size(), MSG_NOSIGNAL));
}

void Crowd::receive(std::size_t index) {
    Client& client = clients_[index];
    if (client.socket < 0) return;
    std::array<char, 16384> buffer;
    const ssize_t size = recv(client.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        close(std::exchange(client.socket, -1));
        --counts_of(client).open;
        ++counts_of(client).lost;
        return;
    }
    if (!client.waiting) return;
    client.answer.append(buffer.data(), static_cast<std::size_t>(size));
    look_at_answer(client);
}

void Crowd::look_at_answer(Client& client) {
    if (client.streams) return client.answer.clear();
    const std::size_t head_end = client.answer.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    Counts& counts = counts_of(client);
    const bool good = client.answer.starts_with("HTTP/1.1 200");
    const std::size_t at = client.answer.find("Content-Length: ");
    if (at > head_end) {
        client.streams = true;
        ++(good ? counts.answers : counts.wrong);
        return;
    }
    const std::size_t length = std::stoul(client.answer.substr(at + 16));
    if (client.answer.size() < head_end + 4 + length) return;
    ++(good ? counts.answers : counts.wrong);
    const Nanos now = monotonic_now();
    if (client.kind == Kind::busy) latencies_.push_back(now - client.asked_at);
    client.waiting = false;
    client.next_at = now + client.pause;
}

}  // namespace mcpgw::load
