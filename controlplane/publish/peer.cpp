// Non-blocking socket calls and the few transitions.
#include "controlplane/publish/peer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"

namespace mcpgw::publish {

void Peer::close(std::string_view why) {
    if (state_ == State::closed) return;
    log_info("data plane left", {{"pid", pid}, {"why", why}});
    state_ = State::closed;
    socket_.reset();
    deadline_ = kNever;
}

void Peer::receive() {
    if (state_ == State::closed) return;
    std::array<char, 65536> block;
    const ssize_t got = recv(socket_.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got > 0) {
        decoder_.feed({block.data(), static_cast<std::size_t>(got)});
    } else if (got == 0) {
        close("it closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
        close(error_from_errno(errno, "read").detail);
    }
}

std::optional<std::string> Peer::next_frame() {
    if (state_ == State::closed) return std::nullopt;
    Result<std::optional<std::string>> frame = decoder_.next();
    if (frame) return std::move(*frame);
    close(frame.error().detail);
    return std::nullopt;
}

void Peer::flush(Nanos now, Nanos patience) {
    while (state_ != State::closed && wants_to_write()) {
        const ssize_t sent = send(socket_.get(), out_.data() + written_, out_.size() - written_,
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) {
            close(error_from_errno(errno, "write").detail);
            return;
        }
        // Who reads questions, and does not answer the update, is not waited for any longer.
        if (written_ < update_end_ || state_ == State::idle) deadline_ = now + patience;
        written_ += static_cast<std::size_t>(sent);
    }
    if (out_.empty()) return;
    out_.clear();
    out_.shrink_to_fit();  // a snapshot can be large, and is rarely sent
    written_ = update_end_ = 0;
    if (state_ == State::idle) deadline_ = kNever;
}

void Peer::greeted(std::uint64_t version) {
    check(state_ == State::greeting, "one hello");
    state_ = State::idle;
    version_ = version;
    deadline_ = kNever;
}

void Peer::send_update(std::string frame, std::uint64_t version, Nanos deadline) {
    check(state_ == State::idle && update_end_ <= written_, "one update at a time");
    if (out_.empty())
        out_ = std::move(frame);
    else
        out_ += frame;
    update_end_ = out_.size();
    sent_ = version;
    state_ = State::waiting;
    deadline_ = deadline;
}

bool Peer::send_beside(std::string_view frame, Nanos deadline) {
    check(is_known(), "it has said hello");
    const std::size_t waiting = out_.size() - std::max(written_, update_end_);
    if (waiting + frame.size() > limits::question_bytes_max) return false;
    if (!wants_to_write()) deadline_ = std::min(deadline_, deadline);
    out_ += frame;
    return true;
}

bool Peer::answered(std::uint64_t version, bool taken) {
    if (state_ != State::waiting || version != sent_ || written_ < update_end_) return false;
    if (taken) version_ = version;
    refused_ = taken ? 0 : version;
    state_ = State::idle;
    if (!wants_to_write()) deadline_ = kNever;
    return true;
}

}  // namespace mcpgw::publish
