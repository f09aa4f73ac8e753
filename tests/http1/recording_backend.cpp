// A poll loop over blocking sockets: the answers of a test fit into a socket's buffer.
#include "tests/http1/recording_backend.h"

#include <array>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/listen/sockets.h"

namespace mcpgw::http1 {

RecordingBackend::RecordingBackend(Script script) : script_(std::move(script)) {
    auto sockets = listen::bind_sockets("127.0.0.1:0", 1);
    listener_ = sockets->front();
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

RecordingBackend::~RecordingBackend() {
    stopping_ = true;
    thread_.join();
    for (const Peer& peer : peers_)
        if (peer.socket >= 0) close(peer.socket);
    close(listener_);
}

Reply RecordingBackend::answer_with_number(const Message&, int number) {
    const std::string body = "{\"n\":" + std::to_string(number) + "}";
    return {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body};
}

std::vector<RecordingBackend::Connection> RecordingBackend::record() const {
    const std::scoped_lock lock(mutex_);
    std::vector<Connection> record;
    for (const Peer& peer : peers_)
        record.push_back(peer.seen);
    return record;
}

std::vector<Message> RecordingBackend::requests() const {
    std::vector<Message> requests;
    for (const Connection& connection : record())
        requests.insert(requests.end(), connection.requests.begin(), connection.requests.end());
    return requests;
}

void RecordingBackend::forget() {
    const std::scoped_lock lock(mutex_);
    std::erase_if(peers_, [](const Peer& peer) { return peer.socket < 0; });
    for (Peer& peer : peers_)
        peer.seen = {};
    number_ = 0;
}

void RecordingBackend::script(Script script) {
    const std::scoped_lock lock(mutex_);
    script_ = std::move(script);
}

void RecordingBackend::blurt(const std::string& bytes) {
    const std::scoped_lock lock(mutex_);
    for (Peer& peer : peers_)
        if (peer.socket >= 0) send(peer, {bytes});
}

void RecordingBackend::serve() {
    while (!stopping_) {
        std::vector<pollfd> events{{listener_, POLLIN, 0}};
        {
            const std::scoped_lock lock(mutex_);
            for (const Peer& peer : peers_)
                events.push_back({peer.socket, POLLIN, 0});
        }
        if (poll(events.data(), events.size(), 10) <= 0) continue;
        const std::scoped_lock lock(mutex_);
        for (Peer& peer : peers_)
            for (const pollfd& event : events)
                if (event.fd == peer.socket && peer.socket >= 0 && event.revents != 0)
                    receive(peer);
        if (events.front().revents != 0) {
            peers_.emplace_back();
            peers_.back().socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        }
    }
}

void RecordingBackend::receive(Peer& peer) {
    std::array<char, 65536> buffer;
    const ssize_t size = recv(peer.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        peer.seen.ended = true;
        close(std::exchange(peer.socket, -1));
        return;
    }
    peer.seen.bytes.append(buffer.data(), static_cast<std::size_t>(size));
    peer.unread.append(buffer.data(), static_cast<std::size_t>(size));
    while (peer.socket >= 0 && peer.seen.wrong.empty()) {
        Message request = read_request(peer.unread);
        if (request.state == Message::State::wrong) peer.seen.wrong = request.wrong;
        if (!request.whole()) return;
        peer.unread.erase(0, request.bytes);
        peer.seen.consumed += request.bytes;
        peer.seen.requests.push_back(request);
        send(peer, script_(request, ++number_));
    }
}

void RecordingBackend::send(Peer& peer, const Reply& reply) {
    std::string_view text = reply.bytes;
    while (!text.empty()) {
        const ssize_t size = ::send(peer.socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (size <= 0) break;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    if (reply.reset) {
        const linger abrupt{1, 0};
        setsockopt(peer.socket, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    }
    if (reply.close || reply.reset) close(std::exchange(peer.socket, -1));
}

}  // namespace mcpgw::http1
