// One round is a fill and a drain of the pipe; sockets that have nothing, or take nothing, are
// waited for with a poll.
#include "dataplane/transport/splice.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/check.h"
#include "common/limits.h"
#include "dataplane/transport/connection.h"

namespace mcpgw::transport {

Splice::~Splice() {
    ring_.close_pipe(pipe_);
}

bool Splice::is_ready() const {
    return !is_open_ && from_->input_.empty() && !from_->receive_operation_.armed();
}

void Splice::open(std::uint64_t bytes) {
    check(is_ready() && bytes > 0, "a splice begins behind what was received");
    is_open_ = true;
    left_ = bytes;
    from_->touch();
}

void Splice::end() {
    if (in_pipe_ > 0) ring_.close_pipe(pipe_);
    Connection* from = std::exchange(from_, nullptr);
    Connection* to = std::exchange(to_, nullptr);
    left_ = moved_ = 0;
    in_pipe_ = 0;
    is_open_ = from_is_dry_ = false;
    from->splice_ = to->splice_ = 0;
    from->resume(PauseReason::spliced);
    from->touch();
    to->touch();
}

void Splice::settle() {
    if (!is_open_ || !to_->takes_splice() || from_->error_number_ != 0) return;
    unsigned rounds = 0;
    const std::uint64_t moved_before = moved_;
    while (rounds < limits::splice_rounds_max && fill() && drain())
        ++rounds;
    if (rounds == limits::splice_rounds_max && left_ > 0) from_->poll_readable();
    if (moved_ != moved_before) from_->mark_owner();
}

// True when there is something in the pipe.
bool Splice::fill() {
    if (in_pipe_ > 0) return true;
    if (left_ == 0 || from_->input_ended_ || from_->receive_operation_.armed()) return false;
    if (std::exchange(from_is_dry_, false)) {
        from_->poll_readable();
        return false;
    }
    const std::size_t wanted = std::min<std::uint64_t>(left_, limits::splice_bytes_max);
    const std::int64_t got = ring_.splice_in(from_->socket_, pipe_, wanted);
    if (got > 0) {
        in_pipe_ = static_cast<std::size_t>(got);
        left_ -= in_pipe_;
        from_is_dry_ = in_pipe_ < wanted;
        from_->count_spliced_in(in_pipe_);
    } else if (got == 0) {
        from_->input_ended_ = true;
        from_->mark_owner();
    } else if (got == -EAGAIN) {
        from_->poll_readable();
    } else {
        from_->fail(static_cast<int>(-got));
    }
    return got > 0;
}

// True when all of it has gone on.
bool Splice::drain() {
    const std::int64_t taken = ring_.splice_out(pipe_, to_->socket_, in_pipe_);
    if (taken < 0 && taken != -EAGAIN) {
        to_->fail(static_cast<int>(-taken));
        return false;
    }
    if (taken > 0) {
        in_pipe_ -= static_cast<std::size_t>(taken);
        moved_ += static_cast<std::uint64_t>(taken);
        to_->count_spliced_out(static_cast<std::size_t>(taken));
    }
    if (in_pipe_ > 0) to_->poll_writable();
    return in_pipe_ == 0;
}

Splice* SpliceTable::find_free() {
    for (const auto& splice : splices_)
        if (splice->from_ == nullptr) return splice.get();
    if (splices_.size() == splices_max_) return nullptr;
    const auto number = static_cast<std::uint16_t>(splices_.size() + 1);
    return splices_.emplace_back(std::make_unique<Splice>(ring_, number)).get();
}

Splice* SpliceTable::arrange(Connection& from, Connection& to) {
    if (from.splice_ != 0 || to.splice_ != 0) return nullptr;
    Splice* splice = find_free();
    if (splice == nullptr) return nullptr;
    if (!splice->pipe_.is_open()) {
        auto pipe = ring_.open_pipe();
        if (!pipe) return nullptr;
        splice->pipe_ = *pipe;
    }
    splice->from_ = &from;
    splice->to_ = &to;
    from.splice_ = to.splice_ = splice->number_;
    from.pause(PauseReason::spliced);
    return splice;
}

}  // namespace mcpgw::transport
