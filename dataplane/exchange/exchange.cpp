// The request's side of an exchange: looking, deciding, forwarding; and its end.
#include "dataplane/exchange/exchange.h"

#include <algorithm>

#include "dataplane/auth/proxy_words.h"
#include "dataplane/exchange/heads.h"

namespace mcpgw::exchange {
namespace {

constexpr std::string_view kControlPlaneAuthority = "control-plane";

}  // namespace

Exchange::Exchange(Services& services, flow::ClientEnd& client, PendingHead& head,
                   const ClientFacts& facts)
    : Dirty(Dirty::Kind::exchange),
      services_(services),
      client_(client),
      head_(&head),
      started_(services.context.now),
      method_(head.head.method),
      loopback_listener_(facts.loopback_listener) {
    head.target = classify(head.head.path);
    head.client_address = facts.address;
    target_kind_ = head.target.kind;
    body_complete_ =
        head.head.framing == http::Framing::none ||
        (head.head.framing == http::Framing::content_length && head.head.content_length == 0);
    if (!body_complete_) request_peek_ = services.peeks.acquire();
    services_.context.mark_next(*this);
}

Exchange::~Exchange() {
    check(backend_ == nullptr && load_ == nullptr, "an exchange dies without a backend");
    release_head();
    release_awaited_answer();
    release_request_peek();
    release_visible_tools();
    if (record_ != nullptr) services_.records.release(record_);
    stop_awaiting_result();
    ListNode<transport::DirtyTag>::unlink();
}

std::string_view Exchange::request_id() const {
    if (awaited_id_ != nullptr) return awaited_id_->view();
    const bool known = request_peek_ != nullptr && request_peek_->has_id() &&
                       request_peek_->kind() == jsonrpc::Kind::request;
    return known ? request_peek_->id() : std::string_view();
}

bool Exchange::is_discover() const {
    return request_peek_ != nullptr && request_peek_->method() == "server/discover";
}

// --- Request body -------------------------------------------------------------------------------

// A request that is on its way is only looked at further for what an error answer would name.
bool Exchange::request_is_watched() const {
    if (request_peek_ == nullptr || request_peek_->state() != jsonrpc::Peek::State::reading)
        return false;
    return is_undecided() || checks_body_ || !request_peek_->has_id() ||
           !request_peek_->has_method();
}

void Exchange::on_request_body(io::Slice bytes) {
    if (request_is_watched()) {
        request_peek_->feed(bytes.bytes());
        if (request_peek_->kind() == jsonrpc::Kind::batch) look_into_batch(bytes.bytes());
    }
    if (checks_body_ && !body_is_sound()) return cut_request();
    if (record_ != nullptr) record_->request_bytes += bytes.size();
    switch (state_) {
        case State::receiving:
            if (!head_->held->push(std::move(bytes))) return refuse(Refusal::overloaded);
            if (head_->held->bytes() >= hold_bytes_max()) services_.context.mark(*this);
            return;
        case State::awaiting_answer:
        case State::answering:
            if (backend_ == nullptr) return;
            backend_->send_body(std::move(bytes));
            if (backend_ == nullptr) return;
            if (state_ == State::awaiting_answer) set_first_byte_deadline();
            if (backend_->is_full()) {
                request_paused_ = true;
                client_.pause_request();
            }
            if (!request_is_watched() && !checks_body_) client_.splice_request(*backend_);
            return;
        case State::awaiting_key:
            if (!head_->held->push(std::move(bytes))) return refuse(Refusal::overloaded);
            if (head_->held->bytes() < hold_bytes_max() || request_paused_) return;
            request_paused_ = true;
            return client_.pause_request();
        case State::awaiting_news:
        case State::awaiting_endpoint:
        case State::finished:
            return;
    }
}

// Only while it is held: what comes of it later is not watched.
void Exchange::look_into_batch(Bytes bytes) {
    if (!is_undecided()) return;
    if (head_->batch == nullptr) head_->batch = services_.awaited_batches.acquire();
    if (head_->batch != nullptr) head_->batch->feed_request(bytes);
}

void Exchange::on_request_moved(std::uint64_t bytes) {
    if (record_ != nullptr) record_->request_bytes += bytes;
    if (state_ == State::awaiting_answer) set_first_byte_deadline();
}

void Exchange::on_request_end() {
    body_complete_ = true;
    if (state_ == State::receiving) return services_.context.mark(*this);
    if (checks_body_ && !body_is_sound()) return cut_request();
    if (backend_ != nullptr) backend_->finish_request();
}

void Exchange::on_request_too_large() {
    if (state_ == State::answering) return client_.break_off();
    if (!finished()) refuse(Refusal::body_too_large);
}

void Exchange::on_request_broken() {
    if (state_ == State::answering) return client_.break_off();
    if (!finished()) refuse(Refusal::broken_body_framing);
}

void Exchange::on_client_gone() {
    if (!finished()) finish();
}

void Exchange::on_client_room() {
    if (!answer_paused_ || backend_ == nullptr) return;
    answer_paused_ = false;
    answer_active_at_ = services_.context.now;
    backend_->resume_response();
}

// Also the first sign that the connection stands: nobody else will be asked.
void Exchange::on_backend_room() {
    release_head();
    if (!request_paused_) return;
    request_paused_ = false;
    client_.resume_request();
}

// --- Deciding -----------------------------------------------------------------------------------

void Exchange::advance() {
    switch (state_) {
        case State::receiving:
            if (body_complete_ || head_->held->bytes() >= hold_bytes_max()) decide_and_go();
            return;
        case State::awaiting_key:
            return decide_and_go();
        case State::awaiting_answer:
        case State::awaiting_endpoint:
            if (deadline_passed_) {
                note_failure(Code::timed_out);
                refuse(Refusal::first_byte_late);
            }
            return;
        case State::awaiting_news:
            return stop_waiting_for_news();
        case State::answering:
            if (deadline_passed_) break_silence();
            return;
        case State::finished:
            return;
    }
}

void Exchange::decide_and_go() {
    std::array<std::byte, Sealer::kScratchBytes> scratch;
    const Decision decision = decide(question(request_peek_), services_, scratch);
    if (await_key(decision)) return;
    stop_awaiting_key();
    if (decision.kind == Decision::Kind::hold) {
        if (holds_longer_) {
            begin_record(decision);
            return refuse(Refusal::unclear_message);
        }
        holds_longer_ = true;
        return;
    }
    begin_record(decision);
    if (decision.adapter != nullptr) metrics_slot_ = decision.adapter->metrics_slot;
    if (!count_use(decision)) return;
    if (decision.kind != Decision::Kind::forward) return answer_here(decision);
    if (decision.session_mark == 0 || enter_session(decision)) forward(decision);
}

Extras& Exchange::extras() {
    if (extras_ == nullptr) extras_ = services_.extras.acquire();
    check(extras_ != nullptr, "there are as many as exchanges");
    return *extras_;
}

void Exchange::release_extras() {
    if (visible_tools() != nullptr || stream_places() != nullptr) return;
    services_.extras.release(std::exchange(extras_, nullptr));
}

Question Exchange::question(const jsonrpc::Peek* peek, std::uint64_t except) const {
    return {head_->head,           head_->target,        peek,          loopback_listener_, except,
            head_->client_address, head_->held->first(), body_complete_};
}

bool Exchange::answer_by_head() {
    check(state_ == State::receiving && head_ != nullptr, "asked before anything is decided");
    const Decision decision = decide_by_head(question(nullptr), services_);
    if (decision.kind == Decision::Kind::forward || decision.unknown_keys_issuer != 0) return false;
    begin_record(decision);
    if (count_use(decision)) answer_here(decision);
    return true;
}

void Exchange::answer_here(const Decision& decision) {
    if (decision.kind == Decision::Kind::local) return answer_locally();
    refuse_at_decision(decision);
}

void Exchange::remember(const Decision& decision) {
    era_ = decision.era;
    session_bound_ = decision.session_bound;
    await_answer();
    checks_body_ = decision.checks_body;
    awaited_answer_->session_mark = decision.session_mark;
    if (!decision.server_target.empty()) note_posted();
    if (head_->batch != nullptr) awaited_answer_->batch = std::exchange(head_->batch, nullptr);
    if (decision.instance == nullptr) {
        to_control_plane_ = true;
        return;
    }
    const Adapter& adapter = *decision.adapter;
    awaited_answer_->first_byte_ms = adapter.timeouts.first_byte_ms;
    idle_ms_ = adapter.timeouts.idle_ms;
    load_ = decision.instance->load;
    if (record_ != nullptr) record_->instance.set(decision.instance->name);
    load_->outstanding.fetch_add(1, std::memory_order_relaxed);
    // Some servers repeat the id on every answer; the client has its own for it already.
    if (era_ == mcp::Era::legacy && decision.session_mark == 0)
        awaited_answer_->may_open_for(decision.identity);
    awaited_answer_->opens_sse = decision.opens_sse;
    awaited_answer_->initializes =
        request_peek_ != nullptr && request_peek_->method() == "initialize";
    learns_task_ = era_ == mcp::Era::modern && adapter.instances.size() > 1 &&
                   request_peek_ != nullptr && request_peek_->method() == "tools/call";
}

const Adapter* Exchange::adapter_now() const {
    if (services_.table == nullptr) return nullptr;
    return services_.table->find(load_->adapter_name_hash, load_->adapter_id);
}

void Exchange::forward(const Decision& decision) {
    if (decision.filters_tools && !watch_for_tools(decision)) return refuse(Refusal::overloaded);
    remember(decision);
    state_ = State::awaiting_answer;
    if (!send_request(decision)) return;
    services_.context.metrics.record_overhead(services_.context.ring.now() - services_.context.now);
    set_first_byte_deadline();
    const bool can_go_elsewhere = !to_control_plane_ && !session_bound_ && !repeated_ &&
                                  !backend_->is_reused() && decision.adapter->ready.size() > 1;
    if (!can_go_elsewhere) release_head();
}

backend::Destination Exchange::destination_of(const Decision& decision) const {
    return to_control_plane_ ? services_.settings.control_plane
                             : backend_of(*decision.adapter, *decision.instance);
}

// Who asks, signed for the server, if its adapter wants that; valid until the next one is made.
std::string_view Exchange::assertion_of(const Decision& decision) {
    const Adapter* adapter = decision.adapter;
    if (adapter == nullptr || !adapter->identity_assertion) return {};
    const std::string_view tenant =
        adapter->tenant.empty() ? decision.identity.tenant : std::string_view(adapter->tenant);
    return services_.assertions.of({.identity = decision.identity,
                                    .tenant = tenant,
                                    .adapter = adapter->name,
                                    .issuer = services_.settings.assertion_issuer},
                                   services_.context.ring.unix_seconds());
}

// Queues head and held body on a backend connection. False if the exchange has ended meanwhile.
bool Exchange::send_request(const Decision& decision) {
    http::Fields fields;
    FieldScratch scratch;
    const auth::ProxyWords words = auth::proxy_words(head_->head.fields, head_->client_address,
                                                     services_.settings.trusted_proxies);
    const transport::PeerAddress::Text address = words.client.text();
    RequestFieldsIn in{head_->head, decision, address.view(), services_.random};
    if (!words.scheme.empty()) in.scheme = words.scheme;
    in.host = words.host;
    in.assertion = assertion_of(decision);
    if (!make_request_fields(in, scratch, fields)) {
        refuse(Refusal::head_too_large_with_ours);
        return false;
    }
    if (record_ != nullptr) record_->trace.set(fields.value_or_empty("traceparent").substr(3, 32));
    auto leased = services_.pool.lease(destination_of(decision), *this);
    if (!leased) {
        on_backend_failed(leased.error().code, Retry::never);
        return false;
    }
    backend_ = *leased;
    flow::RequestOut out;
    out.method = head_->head.method;
    out.method_text = head_->head.method_text;
    if (to_control_plane_) {
        out.target = head_->head.target;
        out.authority = kControlPlaneAuthority;
    } else {
        out.target =
            decision.server_target.empty() ? decision.instance->path : decision.server_target;
        out.authority = decision.instance->authority;
    }
    out.framing = head_->head.framing;
    out.content_length = head_->head.content_length;
    out.fields = &fields;
    backend_->send_head(out);
    if (repeated_ && backend_ != nullptr) {
        backend_->send_framed(*head_->held, body_complete_);
        return true;
    }
    while (backend_ != nullptr && !head_->held->empty())
        backend_->send_body(head_->held->pop_slice());
    if (backend_ != nullptr && body_complete_) backend_->finish_request();
    return backend_ != nullptr;
}

void Exchange::stop_waiting_for_news() {
    const Adapter* adapter = adapter_now();
    if (adapter == nullptr || adapter->find(load_->instance_id) == nullptr)
        return refuse(Refusal::session_of_gone_instance);
    if (deadline_passed_) refuse(refusal_of(failure_));
}

// --- End ----------------------------------------------------------------------------------------

void Exchange::release_head() {
    if (head_ == nullptr) return;
    if (head_->batch != nullptr) services_.awaited_batches.release(head_->batch);
    if (head_->key != nullptr) {
        head_->key->unlink();
        services_.awaited_keys.release(head_->key);
    }
    services_.heads.release(head_);
    head_ = nullptr;
}

void Exchange::release_awaited_answer() {
    if (awaited_answer_ == nullptr) return;
    awaited_answer_->unlink();
    if (awaited_answer_->batch != nullptr)
        services_.awaited_batches.release(awaited_answer_->batch);
    if (awaited_answer_->endpoint != nullptr)
        services_.awaited_endpoints.release(awaited_answer_->endpoint);
    if (awaited_answer_->origin != nullptr)
        services_.awaited_origins.release(awaited_answer_->origin);
    services_.awaited_answers.release(awaited_answer_);
    awaited_answer_ = nullptr;
}

// Its method is counted at the end.
void Exchange::release_request_peek() {
    if (request_peek_ == nullptr) return;
    if (request_peek_->has_method() && !peeks_answer_)
        metrics_method_ = mcp::method_index(request_peek_->method());
    services_.peeks.release(request_peek_);
    request_peek_ = nullptr;
}

void Exchange::release_backend() {
    flow::BackendEnd* backend = std::exchange(backend_, nullptr);
    if (backend != nullptr) backend->release();
}

void Exchange::release_load() {
    if (InstanceLoad* load = std::exchange(load_, nullptr))
        load->outstanding.fetch_sub(1, std::memory_order_release);
}

void Exchange::finish() {
    check(!finished(), "an exchange finishes once");
    state_ = State::finished;
    end_record();
    end_sse_session();
    leave_session();
    leave_stream_place();
    release_backend();
    release_head();
    release_load();
    release_awaited_answer();
    release_visible_tools();
    services_.context.timers.clear(timer_);
    if (is_stream_) services_.context.metrics.streams_active.sub();
    release_request_peek();
    services_.context.metrics.record_request(metrics_slot_, metrics_method_, status_);
    services_.context.metrics.record_total(services_.context.now - started_);
}

void Exchange::on_timer() {
    deadline_passed_ = true;
    services_.context.mark(*this);
}

void Exchange::set_first_byte_deadline() {
    const std::uint32_t patience_ms = awaited_answer_->first_byte_ms;
    if (patience_ms > 0) set_deadline(services_.context.now + patience_ms * kMillisecond);
}

void Exchange::set_deadline(Nanos deadline) {
    deadline_passed_ = false;
    services_.context.timers.set(timer_, deadline);
}

}  // namespace mcpgw::exchange
