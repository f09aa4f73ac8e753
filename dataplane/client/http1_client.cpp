// Reading requests, one after the other, and the ends of a connection.
#include "dataplane/client/http1_client.h"

#include <algorithm>

#include "common/protocol/http1_writer.h"
#include "dataplane/client/table.h"

namespace mcpgw::client {
namespace {

using transport::PauseReason;
using Connection = transport::Connection;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Http1Client::Http1Client(exchange::Services& services, Table& table, bool loopback_listener)
    : Dirty(Dirty::Kind::client),
      loopback_listener_(loopback_listener),
      services_(services),
      table_(table),
      connection_(services.context, *this, Connection::Role::client) {}

void Http1Client::adopt(int socket, std::string_view peer_address) {
    address_ = transport::PeerAddress(peer_address);
    services_.context.metrics.connections_accepted.add();
    connection_.adopt(socket);
    set_deadline(deadlines().idle_ms);
}

// --- Deadlines ----------------------------------------------------------------------------------

void Http1Client::set_deadline(std::uint32_t milliseconds) {
    deadline_passed_ = false;
    services_.context.timers.set(timer_, services_.context.now + milliseconds * kMillisecond);
}

void Http1Client::on_deadline() {
    deadline_passed_ = true;
    services_.context.mark(*this);
}

void Http1Client::look_at_deadline() {
    if (!deadline_passed_) return;
    switch (state_) {
        case State::idle:
            return awaits_reader_ ? look_at_slow_reader() : end_after_output();
        case State::reading_head:
            services_.context.metrics.rejected[RejectReason::head_too_slow].add();
            return end_after_output();  // answers to earlier requests may still be on their way
        case State::exchanging:
            return look_at_exchange_progress();
        case State::lingering:
            return look_at_last_bytes(deadlines().linger_ms);
        case State::ended:
            return look_at_last_bytes(deadlines().stall_ms);
    }
}

// The answer is complete but not yet all taken: as long as the client takes some of it, it may go
// on. When nothing is left, whatever the client still sends has had its time.
void Http1Client::look_at_last_bytes(std::uint32_t again_ms) {
    if (connection_.has_sent()) note_progress();
    const std::uint32_t patience_ms =
        connection_.output().empty() ? again_ms : deadlines().stall_ms;
    if (services_.context.now >= progress_at_ + patience_ms * kMillisecond) return lose();
    set_deadline(again_ms);
}

// A client that takes nothing of what is queued for it, or stops in the middle of its body, is
// given up. Instead of a timer for each byte there is a check now and then: silence begins with the
// first check that finds something owed and nothing done about it since the check before.
void Http1Client::look_at_exchange_progress() {
    const bool stalled = takes_nothing_for(deadlines().stall_ms);
    const transport::Splice* splice = connection_.splice_from_here();
    const bool waits_for_server = request_paused_ || (splice != nullptr && splice->is_stuck());
    const bool owes_body =
        body_state() == http::BodyDecoder::State::reading && !waits_for_server && !answer_begun_;
    const bool owed_body = incoming_ != nullptr && std::exchange(incoming_->owes_body, owes_body);
    if (!owed_body || connection_.has_received()) note_receipt();
    const bool silent =
        owes_body &&
        services_.context.now >= incoming_->heard_at + deadlines().body_idle_ms * kMillisecond;
    if (!stalled && !silent) return set_check_deadline();
    services_.context.metrics.rejected[RejectReason::client_too_slow].add();
    if (stalled) return lose();
    give_up_request();
}

// Answers to earlier requests may still be on their way.
void Http1Client::give_up_request() {
    if (!exchange_->finished()) exchange_->on_client_gone();
    end_after_output();
}

bool Http1Client::takes_nothing_for(std::uint32_t patience_ms) {
    const bool owed_bytes = std::exchange(owes_bytes_, connection_.owed_bytes() > 0);
    if (!owed_bytes || connection_.has_sent()) note_progress();
    return owes_bytes_ && services_.context.now >= progress_at_ + patience_ms * kMillisecond;
}

void Http1Client::relieve() {
    if (state_ == State::ended) return;
    const bool exhausted = services_.context.pressure == transport::Pressure::exhausted;
    if (exhausted && !connection_.output().empty() &&
        takes_nothing_for(std::min(deadlines().stall_ms, limits::send_stall_scarce_ms))) {
        services_.context.metrics.rejected[RejectReason::client_too_slow].add();
        return lose();
    }
    connection_.relieve();
    if (exchange_ != nullptr) exchange_->relieve();
}

// Twice in each period, so that a peer that does nothing is found out before the second one ends.
void Http1Client::set_check_deadline() {
    set_deadline(std::max(1U, std::min(deadlines().stall_ms, deadlines().body_idle_ms) / 2));
}

void Http1Client::note_progress() {
    connection_.forget_sent();
    progress_at_ = services_.context.now;
}

void Http1Client::note_receipt() {
    connection_.forget_received();
    if (incoming_ != nullptr) incoming_->heard_at = services_.context.now;
}

// --- The tick -----------------------------------------------------------------------------------

void Http1Client::advance() {
    if (connection_.state() == Connection::State::closed) {
        if (exchange_ != nullptr) {
            if (!exchange_->finished()) exchange_->on_client_gone();
            table_.close_exchange(*std::exchange(exchange_, nullptr));
        }
        services_.context.timers.clear(timer_);
        release_incoming();
        state_ = State::ended;
        return table_.bury_later(*this);
    }
    if (state_ != State::ended && connection_.error_number() != 0) return lose();
    // That its client reads slowly may show only after the whole answer was queued.
    const bool is_behind = connection_.peer_is_slow() && !connection_.output().empty();
    if (state_ == State::idle && is_behind && !awaits_reader_) become_idle();
    look_at_deadline();
    while (step()) {
    }
    if (!connection_.input_is_high()) connection_.resume(PauseReason::input_full);
    // Asked again, because the limit may have fallen since the room was announced.
    if (exchange_ != nullptr && !exchange_->finished() && !is_full()) exchange_->on_client_room();
}

bool Http1Client::step() {
    switch (state_) {
        case State::idle:
        case State::reading_head:
            return read_head();
        case State::exchanging:
            read_body();
            follow_splice();
            return complete_exchange();
        case State::lingering:
            connection_.input().clear();
            if (connection_.input_ended()) end_after_output();
            return false;
        case State::ended:
            return false;
    }
    return false;
}

bool Http1Client::read_head() {
    using Outcome = flow::HeadReader::Outcome;
    if (connection_.input().empty()) {
        if (connection_.input_ended()) end_after_output();
        return false;
    }
    if (incoming_ == nullptr)
        incoming_ = table_.incoming().acquire(services_.settings.head_bytes_max);
    check(incoming_ != nullptr, "there are as many incoming requests as connections");
    switch (incoming_->head.read(connection_.input(), services_.context.blocks)) {
        case Outcome::needs_more:
            if (connection_.input_ended()) {
                end_after_output();
            } else if (state_ == State::idle) {
                state_ = State::reading_head;
                set_deadline(deadlines().head_ms);
            }
            return false;
        case Outcome::complete:
            return start_exchange();
        case Outcome::no_memory:
            services_.context.metrics.exhausted[Resource::blocks].add();
            lose();
            return false;
        case Outcome::failed:
            refuse_head(incoming_->head.error());
            return false;
    }
    return false;
}

void Http1Client::release_incoming() {
    if (incoming_ != nullptr) table_.incoming().release(incoming_);
    incoming_ = nullptr;
}

bool Http1Client::start_exchange() {
    exchange::PendingHead* pending = services_.heads.acquire(services_.context.segments);
    if (pending == nullptr) {
        lose();
        return false;
    }
    const std::string_view text = incoming_->head.text();
    incoming_->head.take_memory(pending->slice, pending->block);
    const http::HeadError error = http::parse_request_head(text, pending->head);
    if (error != http::HeadError::none) {
        services_.heads.release(pending);
        refuse_head(error);
        return false;
    }
    const http::RequestHead& head = pending->head;
    const std::uint64_t body_max = services_.settings.body_bytes_max;
    const bool too_large =
        head.framing == http::Framing::content_length && head.content_length > body_max;
    const bool has_body = head.framing == http::Framing::chunked || head.content_length > 0;
    const bool asks_to_continue = head.expect_continue && has_body;
    method_ = head.method;
    minor_version_ = head.minor_version;
    keep_alive_ = client_goes_on_ = head.keep_alive;
    if (has_body)
        incoming_->body = http::BodyDecoder(head.framing, head.content_length, body_max);
    else
        release_incoming();
    answer_begun_ = answer_done_ = answer_is_chunked_ = request_paused_ = false;
    continue_sent_ = false;
    exchange_ = table_.open_exchange(*this, *pending, {address_, loopback_listener_});
    if (exchange_ == nullptr) {
        services_.heads.release(pending);
        lose();
        return false;
    }
    state_ = State::exchanging;
    note_progress();
    note_receipt();
    owes_bytes_ = false;
    if (incoming_ != nullptr) incoming_->owes_body = true;
    set_check_deadline();
    if (too_large)
        exchange_->on_request_too_large();
    else if (asks_to_continue && connection_.input().empty())
        ask_for_body();
    return true;
}

// The client waits for leave to send its body (RFC 9110 section 10.1.1): what the head settles is
// answered without it. Otherwise the gateway has to see the body before it can choose a server, so
// it gives the leave itself, and no server is asked.
void Http1Client::ask_for_body() {
    if (exchange_->answer_by_head()) return;
    continue_sent_ = true;
    push_text(kContinue);
}

void Http1Client::read_body() {
    while (state_ == State::exchanging && !request_paused_ && !connection_.input().empty() &&
           body_state() == http::BodyDecoder::State::reading && !exchange_->finished()) {
        const transport::Segment& front = *connection_.input().first();
        const http::BodyDecoder::Step part = incoming_->body.feed(front.slice.bytes());
        if (part.data_bytes > 0) {
            io::Slice payload = front.slice.share(part.data_offset, part.data_bytes);
            connection_.input().drop_front(part.consumed);
            exchange_->on_request_body(std::move(payload));
        } else {
            connection_.input().drop_front(part.consumed);
        }
        if (body_state() == http::BodyDecoder::State::complete) end_body();
        if (body_state() == http::BodyDecoder::State::failed) {
            keep_alive_ = false;
            if (incoming_->body.error() == http::BodyError::too_large)
                exchange_->on_request_too_large();
            else
                exchange_->on_request_broken();
        }
    }
}

void Http1Client::follow_splice() {
    transport::Splice* splice = connection_.splice_from_here();
    if (splice == nullptr || exchange_->finished()) return;
    if (splice->is_ready()) splice->open(incoming_->body.remaining());
    const std::uint64_t moved = splice->take_moved();
    if (moved == 0) return;
    incoming_->body.pass(moved);
    exchange_->on_request_moved(moved);
    if (body_state() == http::BodyDecoder::State::complete) end_body();
}

void Http1Client::end_body() {
    if (transport::Splice* splice = connection_.splice_from_here()) splice->end();
    release_incoming();
    exchange_->on_request_end();
}

// True when the connection goes on to the next request.
bool Http1Client::complete_exchange() {
    if (state_ != State::exchanging) return false;
    const bool body_missing = body_state() == http::BodyDecoder::State::reading;
    if (!exchange_->finished()) {
        const bool cut_short = body_missing && !request_paused_;
        if (!connection_.input_ended() || !connection_.input().empty()) return false;
        if (exchange_->ends_with_client())
            lose();
        else if (cut_short)
            give_up_request();
        return false;
    }
    if (!answer_done_) {  // finished without an answer: the client end has been broken off
        lose();
        return false;
    }
    table_.close_exchange(*std::exchange(exchange_, nullptr));
    if (request_paused_) resume_request();
    if (body_state() != http::BodyDecoder::State::complete) {
        linger();
        return false;
    }
    if (!client_goes_on_) {
        end_after_output();
        return false;
    }
    if (!keep_alive_ || services_.draining) {
        linger();  // the client does not know yet, and may have sent its next request
        return false;
    }
    become_idle();
    return true;
}

// A slow reader is not idle before it has taken its answer.
void Http1Client::become_idle() {
    state_ = State::idle;
    owes_bytes_ = !connection_.output().empty();
    awaits_reader_ = owes_bytes_ && connection_.peer_is_slow();
    note_progress();
    set_deadline(awaits_reader_ ? limits::slow_reader_check_ms : deadlines().idle_ms);
}

void Http1Client::look_at_slow_reader() {
    if (takes_nothing_for(deadlines().stall_ms)) {
        services_.context.metrics.rejected[RejectReason::client_too_slow].add();
        return lose();
    }
    awaits_reader_ = owes_bytes_;
    set_deadline(awaits_reader_ ? limits::slow_reader_check_ms : deadlines().idle_ms);
}

// --- Ends ---------------------------------------------------------------------------------------

// The answer is out, and the connection is to end although the client may be sending: the rest of
// this request, or the next one. Closing at once would make the kernel send RST, which can destroy
// the answer on its way (RFC 9112 section 9.6).
void Http1Client::linger() {
    state_ = State::lingering;
    connection_.half_close();
    connection_.resume(PauseReason::peer_full);
    note_progress();
    set_deadline(deadlines().linger_ms);
    services_.context.mark(*this);
}

void Http1Client::end_after_output() {
    if (state_ == State::ended) return;
    state_ = State::ended;
    connection_.drain();
    note_progress();
    set_deadline(deadlines().stall_ms);
}

void Http1Client::lose() {
    state_ = State::ended;
    if (exchange_ != nullptr && !exchange_->finished()) exchange_->on_client_gone();
    connection_.abort();
}

// Who has just been answered may be sending the next request, and a reset would destroy the answer.
void Http1Client::drain() {
    if (state_ != State::idle) return;
    const Nanos recent = deadlines().linger_ms * kMillisecond;
    const bool just_answered = progress_at_ > 0 && services_.context.now < progress_at_ + recent;
    just_answered || awaits_reader_ ? linger() : end_after_output();
}

void Http1Client::wind_up() {
    if (exchange_ != nullptr && !exchange_->finished()) exchange_->wind_up();
    if (exchange_ == nullptr && state_ != State::lingering) end_after_output();
    services_.context.mark(*this);
}

// A head that breaks the rules is answered and the connection closed (RFC 9112 section 2.2).
void Http1Client::refuse_head(http::HeadError error) {
    const std::uint16_t status = http::status_of(error);
    const RejectReason reason = status == 431   ? RejectReason::head_too_large
                                : status == 414 ? RejectReason::target_too_long
                                                : RejectReason::bad_request;
    services_.context.metrics.rejected[reason].add();
    services_.context.metrics.record_request(metrics_slot::none, mcp::kMethodNone, status);
    std::array<char, 512> body;
    const std::size_t size =
        mcp::write_error(body, {}, mcp::kInvalidRequest, http::sentence_of(error));
    http::Fields fields;
    maybe(fields.add("Content-Type", "application/json"));
    flow::ResponseOut out;
    out.status = status;
    out.framing = http::Framing::content_length;
    out.content_length = size;
    out.fields = &fields;
    keep_alive_ = false;
    method_ = http::Method::other;
    minor_version_ = 1;
    answer_is_chunked_ = false;
    send_head(out);
    send_text({body.data(), size});
    release_incoming();
    linger();
}

}  // namespace mcpgw::client
