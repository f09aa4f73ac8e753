// A worker on its own thread between real sockets, for tests: scripted servers behind it, raw
// clients before it. Every wait has a deadline of five seconds.
#pragma once

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/listen/sockets.h"
#include "dataplane/worker/worker.h"

namespace mcpgw::worker {

inline constexpr int kPatienceMs = 5000;
inline constexpr std::string_view kCall = R"({"jsonrpc":"2.0","id":7,"method":"tools/call"})";

inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// A blocking socket with deadlines.
class Line {
  public:
    explicit Line(int socket) : socket_(socket) {}
    Line(Line&& other) noexcept
        : socket_(std::exchange(other.socket_, -1)),
          ended_(other.ended_),
          held_(std::move(other.held_)) {}
    Line(const Line&) = delete;
    ~Line() { end(); }

    void send(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // Reads until the text contains `mark`, the peer ends, or the patience is over.
    std::string read_until(std::string_view mark) {
        while (held_.find(mark) == std::string::npos && more()) {
        }
        const std::size_t at = held_.find(mark);
        const std::size_t size = at == std::string::npos ? held_.size() : at + mark.size();
        std::string text = held_.substr(0, size);
        held_.erase(0, size);
        return text;
    }
    std::string read_to_end() {
        while (more()) {
        }
        return std::exchange(held_, {});
    }
    std::string read_bytes(std::size_t count) {
        while (held_.size() < count && more()) {
        }
        std::string text = held_.substr(0, count);
        held_.erase(0, text.size());
        return text;
    }
    // What has come by the next arrival; empty when the peer has ended or the patience is over.
    std::string read_some() {
        if (held_.empty()) more();
        return std::exchange(held_, {});
    }
    // True if the peer ends the connection (or has reset it) within the patience.
    bool peer_ends() {
        while (more()) {
        }
        return ended_;
    }
    // Reads on for so long; true if the peer has ended the connection by then.
    bool peer_ends_within(int milliseconds) {
        const Nanos deadline = monotonic_now() + static_cast<Nanos>(milliseconds) * kMillisecond;
        while (!ended_ && monotonic_now() < deadline)
            more(static_cast<int>((deadline - monotonic_now()) / kMillisecond + 1));
        return ended_;
    }
    void half_close() const { shutdown(socket_, SHUT_WR); }
    void reset() {
        const linger abrupt{1, 0};
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        end();
    }
    void end() {
        if (socket_ >= 0) close(socket_);
        socket_ = -1;
    }

  private:
    bool more(int patience_ms = kPatienceMs) {
        pollfd event{socket_, POLLIN, 0};
        if (ended_ || poll(&event, 1, patience_ms) <= 0) return false;
        char buffer[65536];
        const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
        if (n <= 0) {
            ended_ = true;
            return false;
        }
        held_.append(buffer, static_cast<std::size_t>(n));
        return true;
    }
    int socket_;
    bool ended_ = false;
    std::string held_;
};

// Reads one request (head, and a body of its Content-Length); empty at the end of the connection.
inline std::string read_request(Line& line) {
    std::string head = line.read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + line.read_bytes(std::stoul(head.substr(at + 16)));
}

// A whole answer; `lines` are further fields, each with its CR LF.
inline std::string answer(std::string_view body, std::string_view lines = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + std::string(lines) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A body in which every place looks different.
inline std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ",";
    return text.substr(0, size);
}

// Accepts connections on a port of its own and runs the script on each, one after the other.
class ScriptedServer {
  public:
    using Script = std::function<void(Line&)>;
    explicit ScriptedServer(Script script) : script_(std::move(script)) {
        auto sockets = listen::bind_sockets("127.0.0.1:0", 1);
        socket_ = sockets->front();
        sockaddr_in address{};
        socklen_t size = sizeof address;
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedServer() { stop(); }
    // Nobody listens on the port any more.
    void stop() {
        if (!thread_.joinable()) return;
        stopping_ = true;
        thread_.join();
        close(socket_);
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int connections() const { return connections_; }

  private:
    void serve() {
        while (!stopping_) {
            pollfd event{socket_, POLLIN, 0};
            if (poll(&event, 1, 10) <= 0) continue;
            Line line(accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
            ++connections_;
            script_(line);
        }
    }
    Script script_;
    int socket_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

class Harness {
  public:
    struct Special {
        exchange::ClientDeadlines deadlines;
        std::uint32_t connections_per_address_max = 0;  // 0: no limit; loopback counts
        std::size_t connections_max = 256;
        std::uint16_t receive_buffers = 0;  // 0: as many as usual
        std::size_t receive_buffer_bytes = 0;
        std::uint64_t body_bytes_max = 0;  // 0: the default
        contract::Transport transport = contract::Transport::streamable_http;
        std::string path = "/mcp";
        std::uint32_t session_idle_seconds = 1800;
        std::uint32_t sessions_per_user_max = 0;  // 0: no limit
        contract::Affinity affinity = contract::Affinity::session;
        bool keys_are_shared = false;
        std::uint32_t idle_ms = 0;  // 0: no limit
        exchange::AuthMode auth = exchange::AuthMode::dev;
        contract::Access access = {};
        std::vector<std::string> required_scopes = {};
        std::vector<std::string> required_roles = {};
        std::string public_url = {};
        std::vector<transport::Network> trusted_proxies = {};
        contract::LimitPair limits = {};
        std::vector<contract::Tenant> tenants = {};
        std::vector<contract::AccessRule> access_rules = {};
        RequestQueue* audit = nullptr;
        std::string assertion_key = {};  // in DER; empty: no assertions
    };
    // One adapter "a" with an instance per port.
    explicit Harness(std::vector<std::uint16_t> ports) : Harness(std::move(ports), Special()) {}
    Harness(std::vector<std::uint16_t> ports, const Special& special) : special_(special) {
        signal(SIGPIPE, SIG_IGN);  // as the program does
        settings_.deadlines = special.deadlines;
        settings_.auth = special.auth;
        settings_.public_url = special.public_url;
        settings_.trusted_proxies = special.trusted_proxies;
        settings_.sessions_per_user_max = special.sessions_per_user_max;
        if (special.body_bytes_max > 0) settings_.body_bytes_max = special.body_bytes_max;
        if (special.connections_per_address_max > 0)
            addresses_ = std::make_unique<client::AddressCounts>(client::AddressCounts::Options{
                .connections_max = special.connections_max,
                .per_address_max = special.connections_per_address_max,
                .seed = 1,
                .loopback = client::AddressCounts::Loopback::counted});
        publish(ports);
        auto sockets = listen::bind_sockets("127.0.0.1:0", 1);
        listener_ = sockets->front();
        thread_ = std::thread([this] { run(); });
        opened_.wait(0);
    }
    ~Harness() {
        mailbox.stop();
        thread_.join();
        close(listener_);
    }
    void publish(const std::vector<std::uint16_t>& ports, std::uint32_t first_byte_ms = 5000) {
        contract::Snapshot snapshot;
        snapshot.epoch = "e";
        snapshot.version = ++version_;
        snapshot.keys = {{"k1", std::string(32, 'k'), true, special_.keys_are_shared}};
        snapshot.access = special_.access;
        contract::Adapter adapter;
        adapter.required_scopes = special_.required_scopes;
        adapter.required_roles = special_.required_roles;
        adapter.name = "a";
        adapter.created_by = "dev";
        adapter.timeouts.first_byte_ms = first_byte_ms;
        adapter.transport = special_.transport;
        adapter.affinity = special_.affinity;
        adapter.timeouts.idle_ms = special_.idle_ms;
        adapter.access_rules = special_.access_rules;
        adapter.timeouts.session_idle_seconds = special_.session_idle_seconds;
        for (const std::uint16_t port : ports) {
            contract::Instance instance;
            instance.name = "a-" + std::to_string(port);
            instance.id = port;
            instance.host = "127.0.0.1";
            instance.port = port;
            instance.authority = "127.0.0.1:" + std::to_string(port);
            instance.path = special_.path;
            instance.state = contract::InstanceState::ready;
            adapter.instances.push_back(instance);
        }
        adapter.limits = special_.limits;
        snapshot.access.tenants = special_.tenants;
        adapter.identity_assertion = !special_.assertion_key.empty();
        if (adapter.identity_assertion)
            snapshot.access.assertion_keys = {{"a1", special_.assertion_key, true}};
        snapshot.adapters = {adapter};
        auto table = builder_.build(snapshot);
        ASSERT_TRUE(table) << table.error().detail;
        publication.publish(std::move(*table));
        mailbox.wake();
    }
    // Takes effect with the next publish().
    void set_access(const contract::Access& access) { special_.access = access; }
    // What the worker has told the link; for one thread.
    [[nodiscard]] EventQueue& events() { return events_; }
    // From the next publish() on.
    void limit(const contract::LimitPair& limits) { special_.limits = limits; }
    [[nodiscard]] Line connect() const {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
        const int on = 1;  // what a test sends in pieces goes out in these pieces
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return Line(socket);
    }
    // Opens a session through the gateway on the line; returns the sealed id.
    static std::string initialize(Line& line) {
        line.send(post(R"({"jsonrpc":"2.0","id":0,"method":"initialize"})"));
        const std::string head = line.read_until("\r\n\r\n");
        line.read_until("}}");
        const std::size_t at = head.find("Mcp-Session-Id: ");
        EXPECT_NE(at, std::string::npos) << head;
        return at == std::string::npos ? "" : head.substr(at + 16, head.find("\r\n", at) - at - 16);
    }
    static std::string post(std::string_view body, std::string_view lines = "") {
        return "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + std::string(lines) +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    }
    // From the next publish() on.
    void set_rules(std::vector<contract::AccessRule> rules) {
        special_.access_rules = std::move(rules);
    }
    // The thread that the worker runs on.
    [[nodiscard]] pthread_t worker_thread() { return thread_.native_handle(); }
    template <class Condition>
    static bool until(Condition condition) {
        const Nanos deadline = monotonic_now() + kPatienceMs * kMillisecond;
        while (!condition()) {
            if (monotonic_now() > deadline) return false;
            std::this_thread::yield();
        }
        return true;
    }

    Mailbox mailbox;
    std::atomic<bool> ended = false;  // the worker has returned
    WorkerMetrics metrics;
    SharedSessions sessions{{.sessions_max = 8 * limits::sessions_max_least}};
    limit::Limiter limiter{{.table = {.counters = 256, .reserved = 64}, .stream_counters = 256}};
    Publication publication{1};

  private:
    void run() {
        WorkerOptions options;
        options.listener = listener_;
        options.connections_max = special_.connections_max;
        options.receive_buffers = special_.receive_buffers;
        options.receive_buffer_bytes = special_.receive_buffer_bytes;
        options.addresses = addresses_.get();
        options.publication = &publication;
        options.settings = &settings_;
        options.sessions = &sessions;
        options.events = &events_;
        options.limiter = &limiter;
        options.audit = special_.audit;
        options.metrics = &metrics;
        options.mailbox = &mailbox;
        auto worker = Worker::open(options);
        EXPECT_TRUE(worker) << worker.error().detail;
        opened_ = 1;
        opened_.notify_all();
        if (worker) (*worker)->run();
        ended = true;
    }
    Special special_;
    std::unique_ptr<client::AddressCounts> addresses_;
    std::uint64_t version_ = 0;
    RouteBuilder builder_;
    exchange::Settings settings_;
    EventQueue events_;
    std::atomic<int> opened_ = 0;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace mcpgw::worker
