// Request out, answer in, and what becomes of the connection afterwards.
#include "dataplane/backend/http1_backend.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "dataplane/backend/keep_alive.h"
#include "dataplane/backend/pool.h"
#include "dataplane/flow/head_block.h"

namespace mcpgw::backend {
namespace {

using Connection = transport::Connection;

Code code_of_failure(int error_number, bool was_connected) {
    switch (error_number) {
        case ETIMEDOUT:
        case ETIME:
            return Code::timed_out;
        case ENOBUFS:
        case ENOMEM:
            return Code::limit_exceeded;
        default:
            return was_connected ? Code::reset : Code::unavailable;
    }
}

// RFC 9110 section 9.2.2, of those methods that a gateway forwards without a body.
bool is_idempotent(http::Method method) {
    return method == http::Method::get || method == http::Method::head ||
           method == http::Method::options || method == http::Method::del;
}

}  // namespace

Http1Backend::Http1Backend(transport::Context& context, Pool& pool, std::uint64_t key)
    : Dirty(Dirty::Kind::backend),
      pool_(pool),
      key_(key),
      connection_(context, *this, Connection::Role::backend) {}

Http1Backend::~Http1Backend() {
    release_awaited();
    release_destination();
}

void Http1Backend::connect(int socket, Destination& destination) {
    destination_ = &destination;
    context().metrics.backend_connects.add();
    connection_.connect(socket, reinterpret_cast<const sockaddr*>(&destination.address),
                        destination.address_bytes);
    if (destination.connect_timeout_ms > 0)
        context().timers.set(timer_, context().now + destination.connect_timeout_ms * kMillisecond);
}

void Http1Backend::release_destination() {
    if (destination_ != nullptr) pool_.destinations().release(destination_);
    destination_ = nullptr;
}

void Http1Backend::release_awaited() {
    if (awaited_ != nullptr) pool_.awaited_heads().release(awaited_);
    awaited_ = nullptr;
}

void Http1Backend::lease(flow::BackendEvents& events) {
    check(state_ == State::idle && events_ == nullptr, "one exchange at a time");
    state_ = State::busy;
    phase_ = Phase::head;
    events_ = &events;
    request_complete_ = false;
    keep_alive_ = true;
    paused_ = false;
    interim_answers_ = 0;
    check(awaited_ == nullptr, "a connection that waits awaits nothing");
    awaited_ = pool_.awaited_heads().acquire();
    check(awaited_ != nullptr, "there are as many awaited heads as connections");
    connection_.forget_sent();
    connection_.forget_received();
    if (connection_.is_open()) context().timers.clear(timer_);
    deadline_passed_ = false;
}

bool Http1Backend::usable() {
    return state_ == State::idle && connection_.is_open() && !connection_.input_ended() &&
           connection_.error_number() == 0 && connection_.input().empty();
}

void Http1Backend::end() {
    if (state_ == State::ended) return;
    check(events_ == nullptr, "a leased connection is released before it ends");
    state_ = State::ended;
    context().timers.clear(timer_);
    release_awaited();
    connection_.abort();
}

void Http1Backend::release() {
    check(state_ == State::busy, "only a leased connection is released");
    events_ = nullptr;
    connection_.end_splice();
    release_awaited();
    const bool reusable = phase_ == Phase::complete && request_complete_ && keep_alive_ &&
                          idle_ms_ > 0 && !deadline_passed_ && connection_.is_open() &&
                          !connection_.input_ended() && connection_.error_number() == 0 &&
                          connection_.input().empty() && connection_.output().empty();
    if (!reusable) return end();
    state_ = State::idle;
    phase_ = Phase::none;
    reused_ = true;
    if (paused_) connection_.resume(transport::PauseReason::peer_full);
    paused_ = false;
    if (!is_deaf()) context().timers.set(timer_, context().now + idle_ms_ * kMillisecond);
    pool_.put_idle(*this);
}

void Http1Backend::on_deadline() {
    deadline_passed_ = true;
    context().mark(*this);
}

// --- Request ------------------------------------------------------------------------------------

void Http1Backend::send_head(const flow::RequestOut& head) {
    request_method_ = head.method;
    request_is_chunked_ = head.framing == http::Framing::chunked;
    auto [block, size] = flow::write_head(context(), [&head](http::HeadWriter& writer) {
        writer.request_line(head.method_text, head.target);
        writer.field("Host", head.authority);
        writer.fields(head.fields->all());
        if (head.framing == http::Framing::content_length)
            writer.field("Content-Length", head.content_length);
        if (head.framing == http::Framing::chunked) writer.field("Transfer-Encoding", "chunked");
        writer.finish();
    });
    if (!block) return fail(Code::limit_exceeded);
    if (reused_) keep_head(head, {block.room().data(), size});
    if (!connection_.output().push(std::move(block), size)) return fail(Code::limit_exceeded);
    connection_.touch();
}

// The server may be closing an idle connection just now. A request that does no harm twice can then
// go out again; its head is copied, because the one that is sent goes with the send. When blocks
// are scarce the request takes its chance.
void Http1Backend::keep_head(const flow::RequestOut& head, std::string_view text) {
    const bool has_body = head.framing == http::Framing::chunked || head.content_length > 0;
    const bool is_small = text.size() <= limits::small_head_block_bytes;
    io::BlockPool& blocks = is_small ? context().small_blocks : context().blocks;
    if (has_body || !is_idempotent(head.method) || !blocks.half_free()) return;
    awaited_->kept = blocks.take();
    if (!awaited_->kept) return;
    std::memcpy(awaited_->kept.room().data(), text.data(), text.size());
    awaited_->kept_bytes = text.size();
}

void Http1Backend::push_chunk_frame(std::string_view text) {
    if (!connection_.output().push_text(text)) fail(Code::limit_exceeded);
}

void Http1Backend::send_body(io::Slice bytes) {
    if (bytes.empty() || state_ != State::busy) return;
    if (request_is_chunked_) {
        std::array<char, http::chunk_head_bytes_max> head{};
        push_chunk_frame({head.data(), http::write_chunk_head(bytes.size(), head.data())});
    }
    if (!connection_.output().push(std::move(bytes))) fail(Code::limit_exceeded);
    if (request_is_chunked_) push_chunk_frame(http::kChunkEnd);
    connection_.touch();
}

void Http1Backend::finish_request() {
    if (request_is_chunked_) push_chunk_frame(http::kLastChunk);
    request_complete_ = true;
    connection_.touch();
}

flow::BackendEnd* Http1Backend::repeat() {
    check(state_ == State::busy && events_ != nullptr, "an exchange repeats its request");
    auto fresh = pool_.connect_again(key_);
    if (!fresh) return nullptr;
    (*fresh)->lease(*events_);
    if ((*fresh)->take_request_of(*this)) return *fresh;
    (*fresh)->release();
    return nullptr;
}

bool Http1Backend::take_request_of(Http1Backend& failed) {
    request_method_ = failed.request_method_;
    request_is_chunked_ = failed.request_is_chunked_;
    request_complete_ = failed.request_complete_;
    if (failed.has_sent_nothing()) {
        connection_.output().take_all(failed.connection_.output());
        return true;
    }
    AwaitedHead* awaited = failed.awaited_;
    check(awaited != nullptr && awaited->kept, "what was sent is repeated from the kept head");
    return connection_.output().push(std::move(awaited->kept), awaited->kept_bytes);
}

void Http1Backend::take_back(transport::SegmentQueue body) {
    check(has_sent_nothing(), "what may be out is not taken back");
    transport::SegmentQueue output = connection_.output();
    if (!output.empty()) output.drop_front(output.first()->size);
    body.take_all(output);
}

void Http1Backend::send_framed(transport::SegmentQueue body, bool complete) {
    connection_.output().take_all(body);
    request_complete_ = complete;
    connection_.touch();
}

bool Http1Backend::is_full() {
    if (!connection_.output_is_high()) return false;
    connection_.want_room();
    return true;
}

// --- Answer -------------------------------------------------------------------------------------

void Http1Backend::pause_response() {
    paused_ = true;
    connection_.pause(transport::PauseReason::peer_full);
    be_deaf();
}

// While its answer waits for the client the server may have sent everything and be idle, and that
// it has closed the connection is not heard: the time counts as idle time, until more comes.
void Http1Backend::be_deaf() {
    if (is_deaf()) return;
    connection_.forget_received();
    context().timers.set(timer_, context().now + idle_ms_ * kMillisecond);
}

bool Http1Backend::is_deaf() const {
    return deadline_passed_ || timer_.deadline() != kNever;
}

void Http1Backend::look_whether_heard() {
    if (!is_deaf() || !connection_.has_received()) return;
    connection_.forget_received();
    deadline_passed_ = false;
    context().timers.clear(timer_);
    if (paused_ || connection_.splice_from_here() != nullptr) be_deaf();
}

void Http1Backend::resume_response() {
    paused_ = false;
    connection_.resume(transport::PauseReason::peer_full);
    context().mark(*this);  // input that waited is read now
}

void Http1Backend::advance() {
    if (connection_.state() == Connection::State::closed) {
        check(events_ == nullptr, "a closed connection was given up by its exchange");
        state_ = State::ended;
        pool_.bury_later(*this);
        return;
    }
    if (state_ == State::ended) return;
    if (state_ == State::idle) {
        if (deadline_passed_ || !usable()) end();
        return;
    }
    const bool connecting = connection_.state() == Connection::State::connecting;
    if (connecting && connection_.error_number() == 0) {
        if (deadline_passed_) fail(Code::timed_out, retry_now());
        return;
    }
    if (!connecting && destination_ != nullptr) {
        context().timers.clear(timer_);
        deadline_passed_ = false;
        release_destination();
    }
    if (phase_ == Phase::body) look_whether_heard();
    if (awaited_ != nullptr && !is_silent()) awaited_->kept.reset();
    read_answer();
    if (state_ == State::busy && phase_ == Phase::body) follow_splice();
    if (state_ == State::busy && phase_ != Phase::complete) look_at_failure();
    // Asked again, because the limit may have fallen since the room was announced.
    if (state_ == State::busy && !is_full()) events_->on_backend_room();
}

void Http1Backend::read_answer() {
    while (state_ == State::busy && !paused_ && !connection_.input().empty()) {
        if (phase_ == Phase::head) {
            if (!read_head()) break;
        } else if (phase_ == Phase::body) {
            read_body();
        } else {
            // Bytes behind a complete answer: nobody asked for them, so the connection is spoilt.
            keep_alive_ = false;
            connection_.input().clear();
        }
    }
    if (!connection_.input_is_high()) connection_.resume(transport::PauseReason::input_full);
}

// False when more bytes are needed, or the head is no good.
bool Http1Backend::read_head() {
    switch (awaited_->reader.read(connection_.input(), context().blocks)) {
        case flow::HeadReader::Outcome::needs_more:
            return false;
        case flow::HeadReader::Outcome::complete:
            take_head(awaited_->reader);
            return true;
        case flow::HeadReader::Outcome::no_memory:
            context().metrics.exhausted[Resource::blocks].add();
            fail(Code::limit_exceeded);
            return false;
        case flow::HeadReader::Outcome::failed:
            break;
    }
    fail(Code::protocol);
    return false;
}

void Http1Backend::take_head(const flow::HeadReader& reader) {
    http::ResponseHead head;
    if (reader.leading_bytes() > 0) return fail(Code::protocol);
    if (http::parse_response_head(reader.text(), request_method_, head) != http::HeadError::none)
        return fail(Code::protocol);
    if (head.status == 101) return fail(Code::protocol);  // nobody asked for an upgrade
    if (head.status < 200) {
        if (++interim_answers_ > limits::interim_answers_max) return fail(Code::protocol);
        events_->on_interim_answer(head);
        if (awaited_ != nullptr) awaited_->reader.reset();
        return;
    }
    keep_alive_ = head.keep_alive;
    if (head.fields.has(http::FieldName::keep_alive))
        idle_ms_ = idle_time_ms(head.fields.value_or_empty(http::FieldName::keep_alive));
    decoder_ = http::BodyDecoder(head.framing, head.content_length, UINT64_MAX);
    phase_ = Phase::body;
    events_->on_response_head(head);
    release_awaited();
    if (state_ == State::busy && decoder_.state() == http::BodyDecoder::State::complete)
        complete_answer();
}

void Http1Backend::read_body() {
    const transport::Segment& front = *connection_.input().first();
    const http::BodyDecoder::Step step = decoder_.feed(front.slice.bytes());
    if (step.data_bytes > 0) {
        flow::BodyPiece piece;
        if (step.is_plain_chunk) {
            piece.chunk_head_bytes = static_cast<std::uint8_t>(step.data_offset);
            piece.chunk_tail_bytes = http::kChunkEnd.size();
            piece.bytes = front.slice.share(0, step.consumed);
        } else {
            piece.bytes = front.slice.share(step.data_offset, step.data_bytes);
        }
        connection_.input().drop_front(step.consumed);
        events_->on_response_body(std::move(piece));
    } else {
        connection_.input().drop_front(step.consumed);
    }
    if (state_ != State::busy) return;
    if (decoder_.state() == http::BodyDecoder::State::failed) return fail(Code::protocol);
    if (decoder_.state() == http::BodyDecoder::State::complete) complete_answer();
}

void Http1Backend::splice_response(flow::ClientEnd& to) {
    if (decoder_.framing() != http::Framing::content_length ||
        decoder_.remaining() < limits::splice_body_bytes_min)
        return;
    transport::Connection* output = to.plain_output();
    if (output != nullptr && context().splices.arrange(connection_, *output) != nullptr)
        context().mark(*this);
}

void Http1Backend::follow_splice() {
    transport::Splice* splice = connection_.splice_from_here();
    if (splice == nullptr) return;
    if (splice->is_ready()) splice->open(decoder_.remaining());
    be_deaf();
    const std::uint64_t moved = splice->take_moved();
    if (moved == 0) return;
    decoder_.pass(moved);
    events_->on_response_moved(moved);
    if (decoder_.state() == http::BodyDecoder::State::complete) complete_answer();
}

void Http1Backend::complete_answer() {
    if (transport::Splice* splice = connection_.splice_from_here()) splice->end();
    phase_ = Phase::complete;
    events_->on_response_end();
}

// The connection has ended or failed while an answer was expected.
void Http1Backend::look_at_failure() {
    const bool all_read = connection_.input().empty();
    if (connection_.error_number() != 0 && all_read) {
        const Code code = code_of_failure(connection_.error_number(),
                                          connection_.state() != Connection::State::connecting);
        return fail(code, code == Code::limit_exceeded ? Retry::never : retry_now());
    }
    if (!connection_.input_ended() || !all_read) return;
    if (phase_ == Phase::body) {
        decoder_.end_of_input();
        if (decoder_.state() == http::BodyDecoder::State::complete) {
            keep_alive_ = false;
            return complete_answer();
        }
    }
    fail(Code::reset, retry_now());
}

bool Http1Backend::has_sent_nothing() const {
    return awaited_ != nullptr && !connection_.has_sent() && !connection_.sending();
}

// No byte of an answer has come.
bool Http1Backend::is_silent() const {
    return awaited_ != nullptr && !connection_.has_received();
}

Retry Http1Backend::retry_now() const {
    if (!is_silent()) return Retry::never;
    if (has_sent_nothing()) return Retry::always;
    return awaited_->kept ? Retry::if_reused : Retry::never;
}

// Tells the exchange, which releases this end during the call or soon after.
void Http1Backend::fail(Code code, Retry retry) {
    if (state_ != State::busy || events_ == nullptr) return;
    keep_alive_ = false;
    events_->on_backend_failed(code, retry);
}

}  // namespace mcpgw::backend
