// Completions record; settle() alone talks to the kernel.
#include "dataplane/transport/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mcpgw::transport {
namespace {

ConnectionSide side_of(Connection::Role role) {
    return role == Connection::Role::client ? ConnectionSide::client : ConnectionSide::backend;
}

}  // namespace

Connection::Connection(Context& context, io::OwnerOffset owner, Role role)
    : context_(context), owner_(owner), role_(role) {
    context_.metrics.connections_active[side_of(role)].add();
}

Connection::~Connection() {
    check(state_ == State::closed || socket_ < 0, "a connection dies after it was closed");
    context_.metrics.connections_active[side_of(role_)].sub();
    unlink();
    clear_queues();
}

void Connection::clear_queues() {
    input().clear();
    output().clear();
}

void Connection::adopt(int socket) {
    check(state_ == State::connecting && socket_ < 0, "a connection has one socket");
    socket_ = socket;
    state_ = State::open;
    touch();
}

void Connection::connect(int socket, const sockaddr* address, socklen_t size) {
    check(state_ == State::connecting && socket_ < 0, "a connection has one socket");
    socket_ = socket;
    context_.ring.connect(send_operation_, socket, address, size);
}

void Connection::pause(PauseReason reason) {
    if ((pause_reasons_ & static_cast<unsigned>(reason)) != 0) return;
    pause_reasons_ |= static_cast<std::uint8_t>(reason);
    touch();
}

void Connection::resume(PauseReason reason) {
    if ((pause_reasons_ & static_cast<unsigned>(reason)) == 0) return;
    pause_reasons_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
    touch();
}

void Connection::want_room() {
    wants_room_ = true;
    touch();
}

void Connection::drain() {
    if (state_ == State::connecting) state_ = State::closing;  // nothing has gone out yet
    if (state_ == State::open) state_ = State::draining;
    touch();
}

void Connection::half_close() {
    wants_half_close_ = true;
    touch();
}

void Connection::abort() {
    if (state_ == State::closed) return;
    state_ = State::closing;
    touch();
}

void Connection::touch() {
    if (is_unsettled_) return;
    unlink();  // from those that starve; settle() puts it back
    context_.unsettled.push_back(*this);
    is_unsettled_ = true;
}

void Connection::feed() {
    is_starved_ = false;
    touch();
}

void Connection::fail(int error_number) {
    if (error_number_ == 0) error_number_ = static_cast<std::uint16_t>(error_number);
    mark_owner();
}

// --- Completions --------------------------------------------------------------------------------

void Connection::on_output_done(const io::Completion& completion) {
    if (vector_ != nullptr) return on_sent(completion);
    if (state_ == State::connecting) return on_connected(completion);
    send_cancelled_ = false;  // a poll
    if (completion.result < 0 && completion.result != -ECANCELED) fail(-completion.result);
    touch();
}

void Connection::on_connected(const io::Completion& completion) {
    if (completion.result < 0)
        fail(-completion.result);
    else
        state_ = State::open;
    mark_owner();
    touch();
}

void Connection::on_readable(const io::Completion& completion) {
    receive_is_poll_ = false;
    if (completion.result < 0 && completion.result != -ECANCELED) fail(-completion.result);
}

void Connection::on_received(const io::Completion& completion) {
    if (!completion.more) {
        receive_cancelled_ = false;
        touch();
        if (splice_ != 0) mark_owner();  // it may wait for the end of receiving
    }
    if (receive_is_poll_) return on_readable(completion);
    if (completion.result > 0) {
        const auto size = static_cast<std::uint32_t>(completion.result);
        io::Slice slice =
            context_.ring.buffers().take(completion.buffer, size, completion.buffer_more);
        has_received_ = true;
        context_.metrics.bytes[role_ == Role::client ? Direction::client_in : Direction::backend_in]
            .add(size);
        if (state_ == State::closing || state_ == State::closed) return;
        if (!input().push(std::move(slice))) {
            context_.metrics.exhausted[Resource::segments].add();
            return fail(ENOBUFS);
        }
        if (input_is_high()) pause(PauseReason::input_full);
        mark_owner();
        return;
    }
    if (completion.has_buffer)
        context_.ring.buffers().give_back(completion.buffer, completion.buffer_more);
    switch (completion.result) {
        case 0:
            input_ended_ = true;
            mark_owner();
            return;
        case -ENOBUFS:
            if (context_.ring.buffers().none_free())
                context_.metrics.exhausted[Resource::receive_buffers].add();
            is_starved_ = true;
            touch();
            return;
        case -ECANCELED:
            return;
        default:
            fail(-completion.result);
            return;
    }
}

void Connection::on_sent(const io::Completion& completion) {
    const std::size_t in_flight_bytes = vector_->bytes;
    context_.vectors.release(std::exchange(vector_, nullptr));
    touch();
    const bool taken_back = send_cancelled_;
    send_cancelled_ = false;
    if (completion.result < 0 && completion.result != -EAGAIN) {
        if (completion.result != -ECANCELED) fail(-completion.result);
        if (taken_back) spill(output(), 0);
        return;
    }
    const auto size = static_cast<std::size_t>(std::max(completion.result, 0));
    const bool was_slow = peer_is_slow_;
    peer_is_slow_ = size < in_flight_bytes;
    if (peer_is_slow_ && !was_slow) mark_owner();
    output().drop_front(size);
    has_sent_ = has_sent_ || size > 0;
    context_.metrics.bytes[role_ == Role::client ? Direction::client_out : Direction::backend_out]
        .add(size);
    if (taken_back) spill(output(), 0);
    if (wants_room_ && output_is_low()) {
        wants_room_ = false;
        mark_owner();
    }
}

// --- Splices ------------------------------------------------------------------------------------

Splice* Connection::splice_from_here() const {
    if (splice_ == 0) return nullptr;
    Splice& splice = context_.splices.at(splice_);
    return splice.from_ == this ? &splice : nullptr;
}

void Connection::end_splice() {
    if (splice_ != 0) context_.splices.at(splice_).end();
}

std::size_t Connection::owed_bytes() const {
    if (splice_ == 0) return output_.bytes();
    const Splice& splice = context_.splices.at(splice_);
    return output_.bytes() + (splice.to_ == this ? splice.in_pipe_ : 0);
}

// What was queued before goes out first.
bool Connection::takes_splice() const {
    return state_ == State::open && error_number_ == 0 && output_.empty() &&
           !send_operation_.armed();
}

void Connection::poll_readable() {
    if (receive_operation_.armed()) return;
    receive_is_poll_ = true;
    context_.ring.poll_readable(receive_operation_, socket_);
}

void Connection::poll_writable() {
    context_.ring.poll_writable(send_operation_, socket_);
}

void Connection::count_spliced_in(std::size_t bytes) {
    has_received_ = true;
    context_.metrics.bytes[role_ == Role::client ? Direction::client_in : Direction::backend_in]
        .add(bytes);
}

void Connection::count_spliced_out(std::size_t bytes) {
    has_sent_ = true;
    context_.metrics.spliced_bytes.add(bytes);
    context_.metrics.bytes[role_ == Role::client ? Direction::client_out : Direction::backend_out]
        .add(bytes);
}

// --- Relief -------------------------------------------------------------------------------------

void Connection::spill(SegmentQueue queue, std::size_t skip) {
    const std::size_t copied = context_.spill.take_over(queue, skip, limits::spill_slice_bytes_max);
    if (copied > 0) context_.metrics.payload_copied_bytes.add(copied);
}

void Connection::relieve() {
    if (state_ == State::closing || state_ == State::closed) return;
    const bool receives = receive_operation_.armed() && !receive_is_poll_;
    if (receives && !receive_is_bounded_ && !receive_cancelled_) {
        receive_cancelled_ = true;  // settle() arms one that takes less
        context_.ring.cancel(receive_operation_);
    }
    spill(input(), 0);
    if (!sending()) return spill(output(), 0);
    spill(output(), vector_->message.msg_iovlen);
    if (send_cancelled_) return;
    send_cancelled_ = true;
    context_.ring.cancel(send_operation_);
}

// --- Wishes towards the kernel ------------------------------------------------------------------

void Connection::settle() {
    is_unsettled_ = false;
    if (state_ == State::draining && (error_number_ != 0 || output_.empty()))
        state_ = State::closing;
    if (state_ == State::closing) return settle_close();
    if (state_ == State::closed) return;
    if (splice_ != 0) context_.splices.at(splice_).settle();
    settle_receive();
    settle_send();
    if (sending() && something_waits_for_the_send()) context_.hurry = true;
    if (is_starved_) context_.starved.push_back(*this);
}

bool Connection::something_waits_for_the_send() const {
    return wants_room_ || wants_half_close_ || state_ == State::draining || splice_ != 0 ||
           output_.bytes() > vector_->bytes;
}

void Connection::settle_receive() {
    const bool wanted = state_ == State::open && pause_reasons_ == 0 && !input_ended_ &&
                        error_number_ == 0 && !is_starved_;
    if (wanted && !receive_operation_.armed()) {
        receive_is_bounded_ = context_.pressure != Pressure::none;
        context_.ring.receive(receive_operation_, socket_,
                              receive_is_bounded_ ? limits::receive_bytes_scarce : 0);
    } else if (receive_operation_.armed() && !receive_cancelled_ &&
               (receive_is_poll_ ? splice_ == 0 : !wanted)) {
        receive_cancelled_ = true;
        context_.ring.cancel(receive_operation_);
    }
}

void Connection::settle_send() {
    const bool polls = send_operation_.armed() && !sending() && state_ != State::connecting;
    if (polls && splice_ == 0 && !send_cancelled_) {
        send_cancelled_ = true;
        context_.ring.cancel(send_operation_);
    }
    if (state_ == State::connecting || error_number_ != 0 || send_operation_.armed()) return;
    if (output_.empty()) {
        if (wants_half_close_) {
            wants_half_close_ = false;
            context_.ring.shutdown_write(socket_);
        }
        return;
    }
    vector_ = context_.vectors.acquire();
    if (vector_ == nullptr) return fail(ENOBUFS);
    std::size_t pieces = 0;
    std::size_t bytes = 0;
    for (const Segment* segment = output_.first();
         segment != nullptr && pieces < limits::gather_pieces_max &&
         bytes < limits::gather_bytes_max;
         segment = segment->next) {
        vector_->pieces[pieces].iov_base = const_cast<char*>(segment->data);
        vector_->pieces[pieces].iov_len = segment->size;
        bytes += segment->size;
        ++pieces;
    }
    vector_->message.msg_iov = vector_->pieces.data();
    vector_->message.msg_iovlen = pieces;
    vector_->bytes = bytes;
    if (peer_is_slow_)
        context_.ring.send_patiently(send_operation_, socket_, vector_->message);
    else
        context_.ring.send(send_operation_, socket_, vector_->message);
}

bool Connection::anything_armed() const {
    return receive_operation_.armed() || send_operation_.armed();
}

void Connection::settle_close() {
    end_splice();
    if (anything_armed()) {
        if (receive_operation_.armed() && !receive_cancelled_) {
            receive_cancelled_ = true;
            context_.ring.cancel(receive_operation_);
        }
        if (send_operation_.armed()) context_.ring.cancel(send_operation_);
        return;
    }
    clear_queues();
    if (socket_ >= 0) context_.ring.close(socket_);
    socket_ = -1;
    state_ = State::closed;
    mark_owner();
}

}  // namespace mcpgw::transport
