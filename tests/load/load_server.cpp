// One epoll loop. Big answers are sent as far as the kernel takes them, slow ones by the clock.
#include "tests/load/load_server.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <unordered_map>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/time.h"
#include "dataplane/listen/sockets.h"

namespace mcpgw::load {
namespace {

constexpr std::size_t kSlowBytes = 100'000;
const std::string kFill(65536, 'x');

std::string head(const std::string& type, std::size_t bytes) {
    return "HTTP/1.1 200 OK\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

class Server {
  public:
    explicit Server(int listener) : epoll_(epoll_create1(EPOLL_CLOEXEC)), listener_(listener) {
        watch(listener, EPOLLIN);
    }
    [[noreturn]] void run() {
        Nanos tick = monotonic_now() + kSecond;
        while (true) {
            std::array<epoll_event, 256> events;
            const int count = epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int i = 0; i < count; ++i)
                serve(events[static_cast<std::size_t>(i)].data.fd);
            if (monotonic_now() < tick) continue;
            tick += kSecond;
            for (auto& [socket, peer] : peers_)
                if (peer.slow) send(socket, MSG_NOSIGNAL, "x");
        }
    }

  private:
    struct Peer {
        std::string request;
        std::size_t owed = 0;  // bytes of a big answer that have not been sent
        bool slow = false;
    };
    void watch(int socket, std::uint32_t wanted) const {
        epoll_event event{wanted, {.fd = socket}};
        if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0)
            epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    }
    static void send(int socket, int flags, std::string_view text) {
        static_cast<void>(::send(socket, text.data(), text.size(), flags | MSG_DONTWAIT));
    }
    void serve(int socket) {
        if (socket == listener_) {
            const int accepted = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (accepted < 0) return;
            peers_.emplace(accepted, Peer());
            return watch(accepted, EPOLLIN);
        }
        Peer& peer = peers_[socket];
        if (peer.owed > 0) fill(socket, peer);
        std::array<char, 65536> buffer;
        const ssize_t size = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) {
            peers_.erase(socket);
            close(socket);
            return;
        }
        peer.request.append(buffer.data(), static_cast<std::size_t>(size));
        answer(socket, peer);
    }
    // Requests of these tests are small, and one comes after the other.
    void answer(int socket, Peer& peer) {
        const bool is_get = peer.request.starts_with("GET");
        if (!peer.request.ends_with(is_get ? "\r\n\r\n" : "}")) return;
        if (is_get) {
            send(socket, MSG_NOSIGNAL,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n");
        } else if (peer.request.contains("\"big\"")) {
            send(socket, MSG_NOSIGNAL, head("text/plain", kBigBytes));
            peer.owed = kBigBytes;
            watch(socket, EPOLLIN | EPOLLOUT);
        } else if (peer.request.contains("\"slow\"")) {
            send(socket, MSG_NOSIGNAL, head("text/plain", kSlowBytes));
            peer.slow = true;
        } else {
            send(socket, MSG_NOSIGNAL, head("application/json", 2) + "{}");
        }
        peer.request.clear();
    }
    void fill(int socket, Peer& peer) const {
        const std::size_t wanted = std::min(peer.owed, kFill.size());
        const ssize_t sent = ::send(socket, kFill.data(), wanted, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) peer.owed -= static_cast<std::size_t>(sent);
        if (peer.owed == 0) watch(socket, EPOLLIN);
    }

    int epoll_;
    int listener_;
    std::unordered_map<int, Peer> peers_;
};

}  // namespace

LoadServer::LoadServer() {
    auto sockets = listen::bind_sockets("127.0.0.1:0", 1);
    const int listener = sockets->front();
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    child_ = fork();
    if (child_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        Server(listener).run();
    }
    close(listener);
}

LoadServer::~LoadServer() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace mcpgw::load
