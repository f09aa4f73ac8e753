// The life of one accepted connection: wait for a request, let httplib process it, again; at the
// end say FIN, read away what the client still sends, close.
#include "tools/server/http_server.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/time.h"
#include "tools/server/growing_pool.h"

namespace mcpgw::server {
namespace {

constexpr int kBacklog = 1024;
constexpr int kTurnMs = 1000;  // how often a blocked write looks whether the server is to stop

thread_local bool close_after_answer = false;
thread_local Nanos read_deadline = kNever;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void address_of(const sockaddr_storage& from, std::string& ip, int& port) {
    char text[INET6_ADDRSTRLEN] = {};
    if (from.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        port = ntohs(v4.sin_port);
    } else if (from.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        port = ntohs(v6.sin6_port);
    }
    ip = text;
}

// httplib's view of a connection.
class Connection final : public httplib::Stream {
  public:
    Connection(int socket, int stop_event, const std::atomic<bool>& stopping)
        : socket_(socket), stop_event_(stop_event), stopping_(stopping) {}

    // Waits for input. False after the time, at the end of the server, or when the client left.
    [[nodiscard]] bool wait_readable(std::uint32_t time_ms) const {
        if (begin_ < end_) return true;
        const Nanos now = monotonic_now();
        if (now >= read_deadline) return false;
        const Nanos time = std::min(time_ms * kMillisecond, read_deadline - now);
        pollfd fds[2] = {{socket_, POLLIN, 0}, {stop_event_, POLLIN, 0}};
        const int ready = poll(fds, 2, static_cast<int>((time + kMillisecond - 1) / kMillisecond));
        return ready > 0 && fds[0].revents != 0 && fds[1].revents == 0;
    }

    bool is_readable() const override { return wait_readable(limits::head_timeout_ms); }

    bool is_writable() const override {
        pollfd fd = {socket_, POLLRDHUP, 0};
        const int ready = poll(&fd, 1, 0);
        if (ready == 0) return true;
        // When the server stops, last words may still be written to a client that has only
        // half-closed its side.
        const bool broken = ready < 0 || (fd.revents & (POLLERR | POLLHUP)) != 0;
        return stopping_ && !broken;
    }

    ssize_t read(char* to, std::size_t size) override {
        // httplib reads heads byte by byte, so input is buffered here.
        if (begin_ == end_) {
            for (;;) {
                if (!wait_readable(limits::body_idle_timeout_ms)) return -1;
                const ssize_t got = recv(socket_, buffer_, sizeof buffer_, MSG_DONTWAIT);
                if (got < 0 && would_block()) continue;
                if (got <= 0) return got;
                begin_ = 0;
                end_ = static_cast<std::size_t>(got);
                break;
            }
        }
        const std::size_t taken = std::min(size, end_ - begin_);
        std::copy_n(buffer_ + begin_, taken, to);
        begin_ += taken;
        return static_cast<ssize_t>(taken);
    }

    ssize_t write(const char* from, std::size_t size) override {
        const Nanos deadline = monotonic_now() + limits::send_stall_timeout_ms * kMillisecond;
        for (;;) {
            const ssize_t sent = send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent >= 0) return sent;
            if (!would_block() || stopping_ || monotonic_now() >= deadline) return -1;
            pollfd fd = {socket_, POLLOUT, 0};
            poll(&fd, 1, kTurnMs);
        }
    }

    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        sockaddr_storage from = {};
        socklen_t size = sizeof from;
        if (getpeername(socket_, reinterpret_cast<sockaddr*>(&from), &size) == 0)
            address_of(from, ip, port);
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
        sockaddr_storage from = {};
        socklen_t size = sizeof from;
        if (getsockname(socket_, reinterpret_cast<sockaddr*>(&from), &size) == 0)
            address_of(from, ip, port);
    }
    socket_t socket() const override { return socket_; }

  private:
    const int socket_;
    const int stop_event_;
    const std::atomic<bool>& stopping_;
    char buffer_[16 * 1024];
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// Without this, close() with unread input answers RST, which may overtake our last answer.
void linger(int socket, int stop_event) {
    shutdown(socket, SHUT_WR);
    const Nanos deadline = monotonic_now() + limits::linger_timeout_ms * kMillisecond;
    char waste[16 * 1024];
    for (;;) {
        const Nanos now = monotonic_now();
        if (now >= deadline) return;
        pollfd fds[2] = {{socket, POLLIN, 0}, {stop_event, POLLIN, 0}};
        const int ready = poll(fds, 2, static_cast<int>((deadline - now) / kMillisecond) + 1);
        if (ready <= 0 || fds[1].revents != 0) return;
        if (recv(socket, waste, sizeof waste, MSG_DONTWAIT) <= 0 && !would_block()) return;
        if (fds[0].revents & (POLLERR | POLLHUP)) return;
    }
}

}  // namespace

HttpServer::HttpServer(std::size_t threads_max) : stop_event_(eventfd(0, EFD_CLOEXEC)) {
    check(stop_event_ >= 0, "eventfd");
    new_task_queue = [threads_max] { return new GrowingPool(threads_max); };
    set_tcp_nodelay(true);
    // httplib's default shares a taken port (SO_REUSEPORT) instead of saying that it is taken. The
    // sizes are inherited by accepted sockets.
    set_socket_options([](socket_t socket) {
        const int on = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const int bytes = limits::server_socket_buffer_bytes;
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    });
    set_keep_alive_max_count(1'000'000);
    set_keep_alive_timeout(limits::server_keep_alive_ms / 1000);
}

HttpServer::~HttpServer() {
    if (state_ == State::bound) close(svr_sock_);
    close(stop_event_);
}

Result<std::uint16_t> HttpServer::bind(const std::string& host, std::uint16_t port) {
    const std::string where = host + ":" + std::to_string(port);
    errno = 0;
    int bound = port;
    const bool done = port == 0 ? (bound = bind_to_any_port(host)) > 0 : bind_to_port(host, port);
    if (!done) return std::unexpected(error_from_errno(errno, "cannot listen on " + where));
    // httplib listens with a backlog of five; the kernel lets it be changed afterwards.
    if (::listen(svr_sock_, kBacklog) != 0)
        return std::unexpected(error_from_errno(errno, "cannot listen on " + where));
    state_ = State::bound;
    return static_cast<std::uint16_t>(bound);
}

void HttpServer::run() {
    check(state_ == State::bound, "bind comes before run");
    state_ = State::running;
    listen_after_bind();
    state_ = State::done;
}

void HttpServer::stop_serving() {
    if (stopping_.exchange(true)) return;
    const std::uint64_t one = 1;
    check(write(stop_event_, &one, sizeof one) == sizeof one, "eventfd takes a count");
    // Not httplib's stop(): it does nothing before the first accept, and cuts streams short. A
    // shut-down listener ends the accepting loop, which then closes it.
    if (state_ != State::done) shutdown(svr_sock_, SHUT_RDWR);
}

void HttpServer::close_this_connection() {
    close_after_answer = true;
}

void HttpServer::read_no_later_than(Nanos deadline) {
    read_deadline = deadline;
}

bool HttpServer::process_and_close_socket(socket_t socket) {
    if (GrowingPool::refusing()) {
        refuser_.refuse(socket);
        return true;
    }
    serve(socket);
    close(socket);
    return true;
}

void HttpServer::serve(int socket) {
    Connection connection(socket, stop_event_, stopping_);
    bool closed = false;
    while (!stopping_ && connection.wait_readable(limits::server_keep_alive_ms)) {
        close_after_answer = false;
        read_deadline = monotonic_now() + limits::head_timeout_ms * kMillisecond;
        const bool served = process_request(connection, false, closed, nullptr);
        read_deadline = kNever;
        if (!served || closed || close_after_answer) break;
    }
    linger(socket, stop_event_);
}

}  // namespace mcpgw::server
