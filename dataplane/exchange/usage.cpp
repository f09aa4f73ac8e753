// The exchange and the limits that it counts against: requests when they are decided on, event
// streams from their decision or their head to the end of the exchange.
//
// Every request to an adapter counts, whatever becomes of it, once it is known who asks and that he
// may read the adapter; a batch counts as one. What a limit of sessions or streams refuses has not
// used up a quota. A stream that answers a POST is counted, but never refused: its server has done
// the work, and the client would ask for it again.
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {
namespace {

std::optional<LimitScope> scope_of(SessionRefusal refusal) {
    switch (refusal) {
        case SessionRefusal::tenant_full:
            return LimitScope::tenant;
        case SessionRefusal::tenant_user_full:
            return LimitScope::tenant_user;
        case SessionRefusal::adapter_full:
            return LimitScope::adapter;
        case SessionRefusal::adapter_user_full:
            return LimitScope::adapter_user;
        case SessionRefusal::table_full:
        case SessionRefusal::principal_full:
        case SessionRefusal::texts_full:
        case SessionRefusal::ending:
            break;
    }
    return std::nullopt;
}

}  // namespace

// False: it was refused.
bool Exchange::count_use(const Decision& decision) {
    if (services_.limiter == nullptr || decision.adapter == nullptr || decision.sessions_full)
        return true;
    const limit::Subjects subjects =
        subjects_of(services_, *decision.adapter, decision.identity.tenant, decision.identity.user);
    if (!subjects.are_limited()) return true;
    if (decision.kind == Decision::Kind::forward) {
        const bool is_standalone = method_ == http::Method::get;
        if (!take_stream_place(subjects, is_standalone)) return false;
    }
    const limit::Now now{services_.context.now,
                         static_cast<std::uint32_t>(services_.context.ring.unix_seconds())};
    const limit::Verdict verdict = services_.limiter->take(subjects, now);
    services_.context.metrics.limit_uncounted.add(verdict.uncounted);
    await_answer();
    awaited_answer_->standing = verdict.standing;
    if (verdict.allowed) return true;
    note_limit(verdict.standing.kind, verdict.scope);
    const bool by_rate = verdict.standing.kind == LimitKind::rate;
    refuse(by_rate ? Refusal::rate_exceeded : Refusal::quota_exhausted, {},
           verdict.retry_after_seconds);
    return false;
}

// The origin is taken from the head before it goes.
void Exchange::await_answer() {
    if (awaited_answer_ != nullptr) return;
    const std::string_view origin = granted_origin();
    awaited_answer_ = services_.awaited_answers.acquire(*this);
    check(awaited_answer_ != nullptr, "there are as many awaited answers as exchanges");
    if (!origin.empty()) awaited_answer_->origin = services_.awaited_origins.acquire(origin);
}

// A GET asks for a stream; what is posted may become one. False: it was refused.
bool Exchange::take_stream_place(const limit::Subjects& subjects, bool is_standalone) {
    limit::StreamPlaces places;
    if (!services_.limiter->limits_streams(subjects, places)) return true;
    if (is_standalone) {
        if (const auto scope = services_.limiter->enter_stream(subjects, places)) {
            note_limit(LimitKind::streams, *scope);
            refuse(Refusal::too_many_streams);
            return false;
        }
    }
    extras().stream_places = services_.stream_places.acquire(places);
    check(stream_places() != nullptr, "there are as many places as exchanges");
    return true;
}

void Exchange::count_stream() {
    if (stream_places() != nullptr) services_.limiter->count_stream(*stream_places());
}

void Exchange::leave_stream_place() {
    if (stream_places() == nullptr) return;
    services_.limiter->leave_stream(*stream_places());
    services_.stream_places.release(std::exchange(extras_->stream_places, nullptr));
    release_extras();
}

void Exchange::note_limit(LimitKind kind, LimitScope scope) {
    services_.context.metrics.limit_refusals[kind][scope].add();
}

void Exchange::note_sessions_full(SessionRefusal refusal) {
    if (const auto scope = scope_of(refusal)) note_limit(LimitKind::sessions, *scope);
}

}  // namespace mcpgw::exchange
