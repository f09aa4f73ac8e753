// Waits for a request's first bytes, answers without reading them as HTTP, and reads the rest away.
#include "tools/server/refuser.h"

#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mcpgw::server {
namespace {

constexpr int kPatienceMs = 200;  // for each connection; the next one waits meanwhile

constexpr std::string_view kBody =
    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"too many connections"}})";
constexpr std::string_view kHead =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    "Connection: close\r\nContent-Length: 84\r\n\r\n";
static_assert(kBody.size() == 84);

// Reads away what is there. False when the peer has finished or nothing came in time.
bool read_away(int socket) {
    pollfd fd = {socket, POLLIN, 0};
    if (poll(&fd, 1, kPatienceMs) <= 0) return false;
    char waste[16 * 1024];
    return recv(socket, waste, sizeof waste, MSG_DONTWAIT) > 0;
}

void answer(int socket) {
    if (!read_away(socket)) return;
    send(socket, kHead.data(), kHead.size(), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
    send(socket, kBody.data(), kBody.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(socket, SHUT_WR);
    constexpr int turns_max = 512;  // 8 MiB: more than any body we would take
    for (int turn = 0; turn < turns_max && read_away(socket); ++turn) {
    }
}

}  // namespace

Refuser::Refuser() : thread_([this] { run(); }) {}

Refuser::~Refuser() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
    for (const int socket : sockets_)
        close(socket);
}

void Refuser::refuse(int socket) {
    const std::lock_guard lock(mutex_);
    if (sockets_.size() == queue_max) {
        close(socket);
        return;
    }
    sockets_.push_back(socket);
    changed_.notify_all();
}

void Refuser::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !sockets_.empty(); });
        if (stopping_) return;
        const int socket = sockets_.front();
        sockets_.pop_front();
        lock.unlock();
        answer(socket);
        close(socket);
        lock.lock();
    }
}

}  // namespace mcpgw::server
