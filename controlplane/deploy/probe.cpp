// A non-blocking connect, perhaps a request, and the verdict.
#include "controlplane/deploy/probe.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw::deploy {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

std::optional<Address> parse(const std::string& host, std::uint16_t port) {
    Address address;
    auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        address.size = sizeof *four;
        return address;
    }
    if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        address.size = sizeof *six;
        return address;
    }
    return std::nullopt;
}

// While nobody listens on a local port of the ephemeral range, a connect to it can be given that
// very port as its own and meet itself (simultaneous open, RFC 9293 section 3.5). Nobody is there.
bool met_itself(int fd) {
    sockaddr_storage own{};
    sockaddr_storage other{};
    socklen_t own_size = sizeof own;
    socklen_t other_size = sizeof other;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
        getpeername(fd, reinterpret_cast<sockaddr*>(&other), &other_size) != 0)
        return false;
    return own_size == other_size && std::memcmp(&own, &other, own_size) == 0;
}

// "2 s", "0.25 s"
std::string seconds_text(std::uint32_t milliseconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g s", static_cast<double>(milliseconds) / 1000);
    return text.data();
}

}  // namespace

// Edges: the descriptor is first waited for to connect, then to answer, and is added only once.
const std::uint32_t Probe::kEvents = EPOLLIN | EPOLLOUT | EPOLLET;

std::optional<ProbeOutcome> Probe::start(ProbeQuestion question, Nanos now) {
    check(!under_way(), "one probe at a time");
    question_ = std::move(question);
    deadline_ = now + question_.timeout_ms * kMillisecond;
    head_.clear();
    received_ = 0;
    scanner_.reset();
    const std::optional<Address> address = parse(question_.host, question_.port);
    if (!address) return not_reachable(EINVAL);
    socket_ = Descriptor(
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return not_reachable(errno);
    state_ = State::connecting;
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address->storage),
                address->size) == 0)
        return connected(now);
    if (errno == EINPROGRESS) return std::nullopt;
    return not_reachable(errno);
}

std::optional<ProbeOutcome> Probe::finish(Nanos now) {
    check(under_way(), "a probe was started");
    return state_ == State::connecting ? take_connection(now) : read_answer(now);
}

void Probe::cancel() {
    state_ = State::idle;
    socket_.reset();
}

std::optional<ProbeOutcome> Probe::take_connection(Nanos now) {
    pollfd wait{socket_.get(), POLLOUT, 0};
    if (poll(&wait, 1, 0) == 0) {
        if (now < deadline_) return std::nullopt;
        return not_reachable(ETIMEDOUT);
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return not_reachable(error);
    return connected(now);
}

std::optional<ProbeOutcome> Probe::connected(Nanos now) {
    if (met_itself(socket_.get())) return not_reachable(ECONNREFUSED);
    if (question_.path.empty()) return good();
    const std::string request = "GET " + question_.path +
                                " HTTP/1.1\r\nHost: " + question_.authority +
                                "\r\nUser-Agent: mcp-gateway-probe\r\nAccept: */*\r\n"
                                "Connection: close\r\n\r\n";
    state_ = State::answering;
    // A connection that is new takes far more than the longest path at once.
    if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return trouble(std::string("the connection broke: ") + std::strerror(errno));
    return read_answer(now);
}

std::optional<ProbeOutcome> Probe::read_answer(Nanos now) {
    std::array<char, 4096> block{};
    for (;;) {
        const ssize_t got = recv(socket_.get(), block.data(), block.size(), 0);
        if (got > 0) {
            auto outcome = take_answer({block.data(), static_cast<std::size_t>(got)});
            if (outcome) return outcome;
        } else if (got == 0) {
            return trouble("the connection was closed without an answer");
        } else if (errno == EAGAIN) {
            if (now < deadline_) return std::nullopt;
            return trouble("no answer within " + seconds_text(question_.timeout_ms));
        } else if (errno != EINTR) {
            return trouble(std::string("the connection broke: ") + std::strerror(errno));
        }
    }
}

std::optional<ProbeOutcome> Probe::take_answer(std::string_view bytes) {
    received_ += bytes.size();
    while (!bytes.empty()) {
        const std::size_t taken = scanner_.feed(as_bytes(bytes));
        head_.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (scanner_.state() == http::HeadScanner::State::scanning) break;
        http::ResponseHead head;
        http::HeadError error = scanner_.error();
        if (error == http::HeadError::none)
            error = scanner_.leading_bytes() > 0
                        ? http::HeadError::bad_status_line
                        : http::parse_response_head(head_, http::Method::get, head);
        if (error != http::HeadError::none) return trouble("the answer is not valid HTTP/1.1");
        if (head.status >= 400) return trouble("answered " + std::to_string(head.status));
        if (head.status >= 200) return good();
        // A final answer follows 1xx.
        head_.clear();
        scanner_.reset();
    }
    if (received_ <= limits::probe_head_bytes_max) return std::nullopt;
    return trouble("the head of the answer is too long");
}

ProbeOutcome Probe::not_reachable(int error) {
    cancel();
    return {false, false, std::string("not reachable: ") + std::strerror(error)};
}

ProbeOutcome Probe::trouble(std::string what) {
    cancel();
    return {false, true, "health check GET " + question_.path + ": " + std::move(what)};
}

ProbeOutcome Probe::good() {
    cancel();
    return {true, true, ""};
}

std::string address_text(const std::string& host, std::uint16_t port) {
    const bool six = host.find(':') != std::string::npos;
    return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace mcpgw::deploy
