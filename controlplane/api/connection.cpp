// Waiting, reading, escaping, writing.
#include "controlplane/api/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/limits.h"

namespace mcpgw::api {
namespace {

constexpr int kReadPatienceMs = limits::head_timeout_ms;
constexpr int kWritePatienceMs = limits::send_stall_timeout_ms;

// True if one of `events` (or an error, which the next call will report) happened in time.
bool wait_for(int socket, short events, int patience_ms) {
    pollfd entry{socket, events, 0};
    int result = 0;
    do {
        result = ::poll(&entry, 1, patience_ms);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

}  // namespace

Connection::Connection(int socket) : socket_(socket) {
    ::fcntl(socket_, F_SETFD, FD_CLOEXEC);
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
}

Connection::~Connection() {
    ::close(socket_);
}

bool Connection::peer_is_allowed() const {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

void Connection::cancel() const {
    ::shutdown(socket_, SHUT_RDWR);
}

bool Connection::is_readable() const {
    return handed_out_ < received_.size() || wait_for(socket_, POLLIN, 0);
}

bool Connection::is_writable() const {
    pollfd entry{socket_, POLLOUT, 0};
    return ::poll(&entry, 1, 0) == 0 || (entry.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

void Connection::take_in(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        const char c = bytes[i];
        if (part_ == Part::body) {
            received_.append(bytes + i, size - i);
            return;
        }
        if (part_ == Part::header_lines && c == '%')
            received_ += "%25";
        else
            received_.push_back(c);
        if (c != '\n') {
            line_has_only_cr_ = line_bytes_ == 0 && c == '\r';
            ++line_bytes_;
            continue;
        }
        // The library ends a head at a line of exactly CR LF.
        if (part_ == Part::request_line)
            part_ = Part::header_lines;
        else if (line_bytes_ == 1 && line_has_only_cr_)
            part_ = Part::body;
        line_bytes_ = 0;
    }
}

ssize_t Connection::read(char* to, std::size_t size) {
    if (handed_out_ == received_.size()) {
        received_.clear();
        handed_out_ = 0;
        std::array<char, 16 * 1024> buffer{};
        ssize_t count = -1;
        do {
            if (!wait_for(socket_, POLLIN, kReadPatienceMs)) return -1;
            count = ::recv(socket_, buffer.data(), buffer.size(), 0);
        } while (count < 0 && (errno == EINTR || errno == EAGAIN));
        if (count <= 0) return count;
        take_in(buffer.data(), static_cast<std::size_t>(count));
    }
    const std::size_t count = std::min(size, received_.size() - handed_out_);
    std::copy_n(received_.data() + handed_out_, count, to);
    handed_out_ += count;
    return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* from, std::size_t size) {
    while (true) {
        const ssize_t count = ::send(socket_, from, size, MSG_NOSIGNAL);
        if (count >= 0) return count;
        if (errno == EINTR) continue;
        if (errno != EAGAIN || !wait_for(socket_, POLLOUT, kWritePatienceMs)) return -1;
    }
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
    ip = "unix";
    port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
    ip = "unix";
    port = 0;
}

}  // namespace mcpgw::api
