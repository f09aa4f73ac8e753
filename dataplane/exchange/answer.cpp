// The answer's side of an exchange: forwarding, watching event streams, and the gateway's own
// answers.
#include <algorithm>
#include <array>
#include <charconv>

#include "common/bytes.h"
#include "dataplane/exchange/authenticate.h"
#include "dataplane/exchange/cors.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/heads.h"
#include "dataplane/exchange/standing.h"

namespace mcpgw::exchange {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProblem = "application/problem+json";
constexpr std::string_view kKeySet = "application/jwk-set+json";  // RFC 7517 section 8.5
constexpr std::string_view kKeepAliveComment = ": keepalive\n\n";
// Ends a line and an event that were cut. The type makes clients skip it: they read `message` only.
constexpr std::string_view kCloseCutEvent = "\nevent: cut\n\n";

constexpr std::string_view kServerEnded = "The server ended the stream without an answer";
constexpr std::string_view kSessionEnded = "The session has ended";

// Whether clients take the status of an answer to server/discover for a result, a refusal of
// credentials, or the sign to begin with the handshake instead (mcp-protocol 1.2); most fail on
// any other.
bool lets_fall_back(std::uint16_t status) {
    return status == 200 || (status >= 400 && status <= 404);
}

}  // namespace

class Exchange::StreamSink final : public sse::Sink {
  public:
    explicit StreamSink(Exchange& exchange) : exchange_(exchange) {}
    void on_data(std::string_view piece) override { exchange_.on_data(piece); }
    void on_event_end() override { exchange_.on_event_end(); }

  private:
    Exchange& exchange_;
};

// --- Forwarding ---------------------------------------------------------------------------------

void Exchange::on_response_head(const http::ResponseHead& head) {
    check(state_ == State::awaiting_answer, "an answer begins once");
    if (load_ != nullptr) load_->health.note_success();
    if (is_discover() && !lets_fall_back(head.status)) return refuse(Refusal::no_discovery);
    if (visible_tools() != nullptr)
        if (const auto refusal = expect_tools(head)) return refuse(*refusal);
    if (awaited_answer_->opens_sse && head.status == 200 && is_event_stream(head))
        return await_endpoint(head);
    std::array<char, limits::sealed_id_bytes_max> sealed;
    std::size_t sealed_bytes = 0;
    if (const auto refusal = seal_session(head, sealed, sealed_bytes)) return refuse(*refusal);
    http::Fields fields;
    StandingText standing;
    if (!make_response_fields(head, {sealed.data(), sealed_bytes}, fields) ||
        !add_grant_to(fields) || !add_standing(awaited_answer_->standing, standing, fields))
        return refuse(Refusal::bad_answer);
    note_session_end(head.status);
    if (head.status >= 300) forget_posted();
    AwaitedBatch* const batch = std::exchange(awaited_answer_->batch, nullptr);
    AwaitedOrigin* const origin = std::exchange(awaited_answer_->origin, nullptr);
    release_awaited_answer();
    flow::ResponseOut out;
    out.status = status_ = head.status;
    out.reason = head.reason;
    out.framing =
        head.framing == http::Framing::until_close ? http::Framing::chunked : head.framing;
    if (visible_tools() != nullptr) out.framing = http::Framing::chunked;
    out.content_length = head.content_length;
    out.fields = &fields;
    begin_answer(out);
    if (origin != nullptr) services_.awaited_origins.release(origin);
    watch_stream(head, batch);
    watch_for_task(head);
}

// The page that may read the answer, if it is one; its name goes with the awaited answer, or with
// the head.
std::string_view Exchange::granted_origin() const {
    if (awaited_answer_ != nullptr)
        return awaited_answer_->origin == nullptr ? std::string_view()
                                                  : awaited_answer_->origin->view();
    if (head_ == nullptr || services_.admin_pages != nullptr || !is_for_browsers(target_kind_))
        return {};
    const std::string_view origin = head_->head.fields.value_or_empty(http::FieldName::origin);
    const auth::OriginRules rules = origin_rules(services_.settings, loopback_listener_);
    const bool fits = origin.size() <= limits::origin_bytes_max;
    return fits && auth::origin_is_granted(origin, rules) ? origin : std::string_view();
}

// False if there are too many fields.
bool Exchange::add_grant_to(http::Fields& fields) const {
    const std::string_view origin = granted_origin();
    return origin.empty() || add_grant(origin, fields);
}

void Exchange::begin_answer(const flow::ResponseOut& out) {
    state_ = State::answering;
    answer_active_at_ = services_.context.now;
    set_answer_deadline();
    services_.context.metrics.record_first_byte(services_.context.now - started_);
    client_.send_head(out);
}

// 1xx: news of an answer that is still to come, so the wait for it begins anew.
void Exchange::on_interim_answer(const http::ResponseHead& head) {
    if (state_ != State::awaiting_answer) return;
    http::Fields fields;
    if (!make_response_fields(head, {}, fields)) return;
    flow::ResponseOut out;
    out.status = head.status;
    out.reason = head.reason;
    out.fields = &fields;
    client_.send_interim(out);
    set_first_byte_deadline();
}

// Seals the session id that the server has issued, if it opens one.
std::optional<Refusal> Exchange::seal_session(const http::ResponseHead& head, std::span<char> room,
                                              std::size_t& size) {
    const http::Field* issued = head.fields.find(http::FieldName::mcp_session_id);
    if (issued == nullptr || !awaited_answer_->may_open) return std::nullopt;
    return open_session(issued->value, room, size);
}

void Exchange::watch_stream(const http::ResponseHead& head, AwaitedBatch* batch) {
    // A compressed stream is opaque: nothing of ours may be put between its bytes.
    const bool watched = !finished() && is_event_stream(head) && !is_encoded(head) &&
                         head.framing != http::Framing::none;
    if (!watched) {
        if (batch != nullptr) services_.awaited_batches.release(batch);
        return;
    }
    is_stream_ = true;
    services_.context.metrics.streams_active.add();
    enter_stream();
    count_stream();
    await_result(batch);
    set_answer_deadline();
}

// Of the request that a stream answers only ids are kept: the stream may last.
void Exchange::await_result(AwaitedBatch* batch) {
    const std::string_view id = request_id();
    const bool awaits = !id.empty() || batch != nullptr;
    if (awaits) awaited_id_ = services_.awaited_ids.acquire(id);
    check(!awaits || awaited_id_ != nullptr, "there are as many ids as exchanges");
    release_request_peek();
    if (batch == nullptr) return;
    awaited_id_->batch = batch;
    batch->expect_events();
    if (batch->empty()) stop_awaiting_result();
}

void Exchange::stop_awaiting_result() {
    if (awaited_id_ == nullptr) return;
    if (awaited_id_->event != nullptr) services_.peeks.release(awaited_id_->event);
    if (awaited_id_->batch != nullptr) services_.awaited_batches.release(awaited_id_->batch);
    services_.awaited_ids.release(awaited_id_);
    awaited_id_ = nullptr;
}

// The next time at which silence matters: a comment is due, or the adapter's idle limit.
void Exchange::set_answer_deadline() {
    const Nanos comment = is_stream_ ? limits::sse_keepalive_ms * kMillisecond : kNever;
    const Nanos limit = idle_ms_ > 0 ? idle_ms_ * kMillisecond : kNever;
    const Nanos next = std::min(comment, limit);
    set_deadline(next == kNever ? kNever : services_.context.now + next);
}

void Exchange::on_response_body(flow::BodyPiece piece) {
    note_answer_bytes(piece.payload().size());
    if (state_ == State::awaiting_endpoint) return take_stream_beginning(piece.payload());
    if (state_ != State::answering) return;
    answer_active_at_ = services_.context.now;
    set_answer_deadline();
    if (visible_tools() != nullptr) {
        filter_answer(piece.payload(), &piece.bytes);
    } else {
        if (is_stream_) {
            StreamSink sink(*this);
            scanner_.feed(piece.payload(), sink);
        }
        if (peeks_answer_) look_for_task(piece.payload());
        client_.send_body(std::move(piece));
    }
    if (backend_ == nullptr) return;
    if (is_stream_ && scanner_.at_border() && session_has_ended()) return end_stream(kSessionEnded);
    if (client_.is_full()) {
        answer_paused_ = true;
        backend_->pause_response();
    }
    if (!is_stream_ && visible_tools() == nullptr) backend_->splice_response(client_);
}

void Exchange::on_response_moved(std::uint64_t bytes) {
    note_answer_bytes(bytes);
    answer_active_at_ = services_.context.now;
    set_answer_deadline();
}

void Exchange::on_response_end() {
    if (state_ == State::awaiting_endpoint) return refuse(Refusal::unusable_endpoint);
    if (state_ != State::answering) return;
    if (is_stream_) {
        // A legacy server may end a stream and let its client poll: what is still to come is got
        // with GET and the last event's id (mcp-protocol 2.1). A modern one may not.
        if (era_ == mcp::Era::legacy && scanner_.is_resumable() && !ends_session_)
            stop_awaiting_result();
        return end_stream(kServerEnded);
    }
    if (visible_tools() != nullptr && !end_of_filtered()) return cut_answer(kServerEnded);
    client_.finish();
    finish();
}

void Exchange::note_failure(Code code) {
    if (to_control_plane_) return;
    services_.context.metrics.record_backend_error(metrics_slot_, code);
    const bool of_server = code == Code::unavailable || code == Code::timed_out ||
                           code == Code::reset || code == Code::protocol;
    if (of_server && load_->health.note_failure(services_.now_seconds()))
        services_.context.metrics.ejections.add();
    // Of an adapter that is gone nobody needs to know.
    const Adapter* adapter = adapter_now();
    if (services_.events != nullptr && adapter != nullptr)
        services_.events->push(InstanceEvent::failure(adapter->name, load_->instance_id, code));
}

void Exchange::on_backend_failed(Code code, Retry retry) {
    if (repeat(code, retry)) return;
    release_backend();
    if (finished()) return;
    note_failure(code);
    if (state_ == State::answering) return cut_answer(kServerEnded);
    if (session_bound_ && (code == Code::unavailable || code == Code::reset)) {
        state_ = State::awaiting_news;
        failure_ = code;
        services_.awaiting_news.push_back(*awaited_answer_);
        set_deadline(services_.context.now + limits::reroute_wait_ms * kMillisecond);
        return;
    }
    refuse(to_control_plane_ ? Refusal::control_plane_away : refusal_of(code));
}

// --- Event streams ------------------------------------------------------------------------------

void Exchange::on_data(std::string_view piece) {
    if (awaited_id_ == nullptr) return;
    if (awaited_id_->batch != nullptr) return awaited_id_->batch->feed_event(as_bytes(piece));
    jsonrpc::Peek*& event = awaited_id_->event;
    if (event == nullptr) event = services_.peeks.acquire();
    if (event != nullptr) event->feed(as_bytes(piece));
}

void Exchange::on_event_end() {
    if (awaited_id_ == nullptr) return;
    if (awaited_id_->session != 0) return note_result_of_session();
    if (awaited_id_->batch != nullptr) {
        awaited_id_->batch->end_event();
        if (awaited_id_->batch->empty()) stop_awaiting_result();
        return;
    }
    if (awaited_id_->event == nullptr) return;
    const jsonrpc::Peek& event = *awaited_id_->event;
    const bool is_result =
        event.kind() == jsonrpc::Kind::response && event.id() == awaited_id_->view();
    if (is_result) {
        note_task(event);
        return stop_awaiting_result();
    }
    services_.peeks.release(std::exchange(awaited_id_->event, nullptr));
}

// An event of an HTTP+SSE session has passed.
void Exchange::note_result_of_session() {
    jsonrpc::Peek* const event = std::exchange(awaited_id_->event, nullptr);
    if (event == nullptr) return;
    if (event->kind() == jsonrpc::Kind::response)
        services_.sessions.posted.remove(awaited_id_->session, event->id());
    services_.peeks.release(event);
}

// --- Tasks of the modern era --------------------------------------------------------------------

// Only where it matters which instance a later request about the task goes to.
void Exchange::watch_for_task(const http::ResponseHead& head) {
    if (!learns_task_ || finished() || is_stream_ || !body_complete_ || is_encoded(head)) return;
    release_request_peek();
    request_peek_ = services_.peeks.acquire();
    peeks_answer_ = request_peek_ != nullptr;
}

void Exchange::look_for_task(Bytes piece) {
    request_peek_->feed(piece);
    if (request_peek_->state() == jsonrpc::Peek::State::reading) return;
    note_task(*request_peek_);
    release_request_peek();
    peeks_answer_ = false;
}

void Exchange::note_task(const jsonrpc::Peek& answer) {
    if (!learns_task_ || load_ == nullptr || answer.result_task_id().empty()) return;
    services_.sessions.tasks.put(load_->adapter_id, answer.result_task_id(), load_->instance_id);
}

// --- Streams that end ---------------------------------------------------------------------------

// If the stream ends without the result of the request, it says so, or the client would wait for
// its time-out.
void Exchange::end_stream(std::string_view why_no_result) {
    if (awaited_id_ != nullptr) {
        // Where the last line is complete an LF of ours would make an event of what has come.
        const std::string_view close =
            scanner_.at_line_start() ? kCloseCutEvent.substr(1) : kCloseCutEvent;
        if (!scanner_.at_border()) client_.send_text(close);
        const auto tell = [&](std::string_view id) {
            std::array<char, 1024> event;
            const std::size_t size =
                mcp::write_error_event(event, id, mcp::kInternalError, why_no_result);
            client_.send_text({event.data(), size});
        };
        if (awaited_id_->batch != nullptr)
            awaited_id_->batch->for_each(tell);
        else if (awaited_id_->session == 0)
            tell(awaited_id_->view());
        else
            for (PostedIds::Id id; services_.sessions.posted.take(awaited_id_->session, id);)
                tell(id.view());
        stop_awaiting_result();
    }
    client_.finish();
    finish();
}

// The answer cannot be completed. Of a stream from which tools are left out the client may have
// less than the scanner has seen.
void Exchange::cut_answer(std::string_view why_no_result) {
    if (is_stream_ && visible_tools() != nullptr) client_.send_text(kCloseCutEvent);
    if (is_stream_) return end_stream(why_no_result);
    client_.break_off();
    finish();
}

void Exchange::wind_up() {
    switch (state_) {
        case State::receiving:
        case State::awaiting_key:
        case State::awaiting_answer:
        case State::awaiting_news:
        case State::awaiting_endpoint:
            return refuse(Refusal::draining);
        case State::answering:
            return cut_answer("The gateway is shutting down");
        case State::finished:
            return;
    }
}

// The answer has been silent: a comment keeps the connection alive on its way to the client, an
// idle limit of the adapter ends it.
void Exchange::break_silence() {
    // A server that was paused because the client is slow is not silent.
    const bool client_is_behind = answer_paused_ || (!is_stream_ && client_.queued_bytes() > 0);
    if (client_is_behind) answer_active_at_ = services_.context.now;
    const bool over_limit =
        idle_ms_ > 0 && services_.context.now >= answer_active_at_ + idle_ms_ * kMillisecond;
    if (over_limit) {
        // A rule of the adapter, and no failure of the instance: nothing may have been to say.
        services_.context.metrics.record_backend_error(metrics_slot_, Code::timed_out);
        return cut_answer("The server was silent for longer than the adapter's idle limit");
    }
    if (is_stream_ && session_has_ended()) return end_stream(kSessionEnded);
    if (is_stream_ && scanner_.at_border() && client_.queued_bytes() == 0)
        client_.send_text(kKeepAliveComment);
    set_answer_deadline();
}

// --- Own answers --------------------------------------------------------------------------------

void Exchange::send_own(const OwnAnswer& answer) {
    check(status_ == 0, "an own answer begins before any other");
    http::Fields fields;
    std::array<char, 16> seconds;
    if (!answer.content_type.empty()) maybe(fields.add("Content-Type", answer.content_type));
    if (!answer.allow.empty()) maybe(fields.add("Allow", answer.allow));
    if (answer.retry_after_seconds > 0) {
        char* const end = std::to_chars(seconds.data(), seconds.data() + seconds.size(),
                                        answer.retry_after_seconds)
                              .ptr;
        maybe(fields.add("Retry-After", {seconds.data(), end}));
    }
    StandingText standing;
    if (awaited_answer_ != nullptr)
        maybe(add_standing(awaited_answer_->standing, standing, fields));
    AllowedHeaders allowed_headers;
    if (!answer.challenge.empty()) maybe(fields.add("WWW-Authenticate", answer.challenge));
    const bool is_granted = !granted_origin().empty();
    maybe(add_grant_to(fields));
    if (answer.for_everybody && !is_granted) maybe(fields.add("Access-Control-Allow-Origin", "*"));
    if (answer.for_everybody && !answer.body.empty())
        maybe(fields.add("Cache-Control", "public, max-age=60"));
    if (answer.to_preflight && (is_granted || answer.for_everybody))
        maybe(add_preflight(head_->head, answer.allow, allowed_headers, fields));
    flow::ResponseOut out;
    out.status = status_ = answer.status;
    out.framing = answer.status == 204 ? http::Framing::none : http::Framing::content_length;
    out.content_length = answer.body.size();
    out.fields = &fields;
    note_answer_bytes(answer.body.size());
    client_.send_head(out);
    client_.send_text(answer.body);
    client_.finish();
    finish();
}

void Exchange::refuse(Refusal refusal, std::string_view challenge,
                      std::uint32_t retry_after_seconds) {
    const RefusalFacts& facts = facts_of(refusal);
    if (retry_after_seconds == 0) retry_after_seconds = facts.retry_after_seconds;
    note_refusal(refusal);
    forget_posted();
    if (facts.ours) services_.context.metrics.rejected[facts.reason].add();
    std::array<char, 1024> body;
    if (!target_facts(target_kind_).is_mcp())
        return send_own({.status = facts.status,
                         .content_type = kProblem,
                         .body = {body.data(), write_problem(body, refusal)},
                         .allow = {},
                         .retry_after_seconds = retry_after_seconds,
                         .challenge = challenge});
    // A probe must always let its client fall back to the handshake (mcp-protocol 1.2): 400.
    const bool probe = is_discover() && (facts.status >= 500 || facts.status == 404);
    const std::size_t size =
        probe ? mcp::write_error(body, request_id(), mcp::kServerError, facts.message)
              : write_jsonrpc_refusal(body, refusal, request_id());
    send_own({.status = probe ? std::uint16_t{400} : facts.status,
              .content_type = kJson,
              .body = {body.data(), size},
              .allow = {},
              .retry_after_seconds = retry_after_seconds,
              .challenge = challenge});
}

void Exchange::refuse_at_decision(const Decision& decision) {
    if (decision.sessions_full) note_sessions_full(*decision.sessions_full);
    if (decision.refusal != Refusal::method_not_allowed)
        return refuse(decision.refusal, challenge_of(question(request_peek_), services_, decision));
    note_refusal(decision.refusal);
    std::array<char, 512> body;
    const bool mcp_body = target_facts(target_kind_).is_mcp();
    const std::size_t size = mcp_body ? write_jsonrpc_refusal(body, decision.refusal, request_id())
                                      : write_problem(body, decision.refusal);
    services_.context.metrics.rejected[RejectReason::method_not_allowed].add();
    send_own({.status = 405,
              .content_type = mcp_body ? kJson : kProblem,
              .body = {body.data(), size},
              .allow = decision.allow.empty() ? allowed_methods() : decision.allow});
}

void Exchange::answer_metadata() {
    const std::string document = metadata_of(question(nullptr), services_);
    send_own({.content_type = kJson, .body = document, .for_everybody = true});
}

std::string_view Exchange::allowed_methods() const {
    return services_.admin_pages != nullptr ? kAdminAllow : head_->target.allow;
}

void Exchange::answer_locally() {
    if (method_ == http::Method::options)
        return send_own({.status = 204,
                         .content_type = {},
                         .body = {},
                         .allow = allowed_methods(),
                         .to_preflight = is_preflight(head_->head),
                         .for_everybody = target_kind_ == Target::Kind::well_known});
    if (target_kind_ == Target::Kind::well_known) return answer_metadata();
    if (target_kind_ == Target::Kind::jwks)
        return send_own(
            {.content_type = kKeySet, .body = services_.assertions.jwks(), .for_everybody = true});
    const std::string_view path = head_->head.path;
    if (path == "/readyz") {
        const bool draining = services_.admin_pages != nullptr ? services_.admin_pages->draining()
                                                               : services_.draining;
        const bool ready = services_.table != nullptr && !draining;
        return send_own({.status = ready ? std::uint16_t{200} : std::uint16_t{503},
                         .content_type = kJson,
                         .body = ready ? R"({"status":"ready"})" : R"({"status":"not ready"})"});
    }
    if (path == "/metrics")
        return send_own({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                         .body = services_.admin_pages->metrics()});
    if (path == "/debug/state")
        return send_own({.content_type = kJson, .body = services_.admin_pages->debug_state()});
    send_own({.content_type = kJson, .body = R"({"status":"alive"})"});
}

}  // namespace mcpgw::exchange
