// The exchange and its session: which entry of the session table it holds while it runs, how a
// session begins, and how it ends.
//
// A request of a session that the table does not know (another gateway opened it, or this process
// has restarted) makes it known. What the table cannot take goes on unknown: it is served, but
// neither listed nor expired.
#include <algorithm>

#include "common/bytes.h"
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {
namespace {

std::uint64_t counted_within(std::uint64_t whole, std::string_view user) {
    return whole == 0 || user.empty() ? 0 : fnv1a(user, whole) | 1U;
}

// Without limits: it was let in once.
NewSession new_session(const limit::Subjects& subjects, std::string_view server_id) {
    const Adapter& adapter = *subjects.adapter;
    NewSession session;
    session.texts = {server_id, subjects.user, subjects.tenant_name};
    session.principal = session_name_of(subjects.user);
    session.tenant = session_name_of(subjects.tenant_name);
    session.tenant_user.name = counted_within(session.tenant, subjects.user);
    session.adapter.name = adapter.id | 1U;
    session.adapter_user.name = counted_within(session.adapter.name, subjects.user);
    session.idle_seconds = adapter.timeouts.session_idle_seconds;
    return session;
}

std::uint32_t sessions_max_of(const limit::Subjects& subjects, LimitScope scope) {
    const contract::Limits* limits = subjects.limits_of(scope);
    return limits == nullptr ? 0 : limits->sessions_max;
}

// What is missing to a new session of clients.
void set_limits(const Services& services, const limit::Subjects& subjects, NewSession& session) {
    const std::uint32_t of_tenant = sessions_max_of(subjects, LimitScope::tenant);
    const std::uint32_t share = services.sessions.table.sessions_of_tenant_max();
    session.principal_sessions_max = services.settings.sessions_per_user_max;
    session.tenant_sessions_max = of_tenant == 0 ? share : std::min(of_tenant, share);
    session.tenant_user.sessions_max = sessions_max_of(subjects, LimitScope::tenant_user);
    session.adapter.sessions_max = sessions_max_of(subjects, LimitScope::adapter);
    session.adapter_user.sessions_max = sessions_max_of(subjects, LimitScope::adapter_user);
}

}  // namespace

limit::Subjects subjects_of(const Services& services, const Adapter& adapter,
                            std::string_view tenant, std::string_view user) {
    return limit::subjects_of(*services.table->access(), adapter, tenant, user);
}

std::optional<SessionRefusal> why_sessions_are_full(const Services& services,
                                                    const limit::Subjects& subjects) {
    using Kind = SessionCounts::Kind;
    const SessionTable& table = services.sessions.table;
    NewSession session = new_session(subjects, {});
    set_limits(services, subjects, session);
    const auto is_full = [](std::uint64_t name, std::uint32_t max, auto count) {
        return name != 0 && max > 0 && count() >= max;
    };
    const auto share_is_full = [&](Kind kind, const SessionShare& share) {
        return is_full(share.name, share.sessions_max,
                       [&] { return table.sessions_of(kind, share.name); });
    };
    if (table.size() >= table.sessions_max()) return SessionRefusal::table_full;
    if (is_full(session.principal, session.principal_sessions_max,
                [&] { return table.sessions_of_principal(session.principal); }))
        return SessionRefusal::principal_full;
    if (share_is_full(Kind::adapter_user, session.adapter_user))
        return SessionRefusal::adapter_user_full;
    if (share_is_full(Kind::tenant_user, session.tenant_user))
        return SessionRefusal::tenant_user_full;
    if (share_is_full(Kind::adapter, session.adapter)) return SessionRefusal::adapter_full;
    if (is_full(session.tenant, session.tenant_sessions_max,
                [&] { return table.sessions_of_tenant(session.tenant); }))
        return SessionRefusal::tenant_full;
    return std::nullopt;
}

// Finds the session of the decision and holds it. False: the request was refused.
bool Exchange::enter_session(const Decision& decision) {
    SessionTable& table = services_.sessions.table;
    const SessionKey key{decision.adapter->id, decision.session_instance, decision.session_mark};
    SessionHandle handle = table.find(key);
    // Of HTTP+SSE the stream makes the session known, where it is.
    if (!handle && decision.server_target.empty()) {
        const auto adopted = adopt_session(decision, key);
        if (!adopted) {
            refuse(Refusal::session_not_found);
            return false;
        }
        handle = *adopted;
    }
    if (!handle) return true;
    switch (table.begin_request(handle, services_.now_seconds())) {
        case SessionUse::begun:
            session_ = handle;
            return true;
        case SessionUse::gone:
            refuse(Refusal::session_not_found);
            return false;
        case SessionUse::taken:
        case SessionUse::too_many:
            break;
    }
    refuse(Refusal::too_many_requests_of_session);
    return false;
}

// No handle: it goes on unknown. Nothing: it has ended.
std::optional<SessionHandle> Exchange::adopt_session(const Decision& decision,
                                                     const SessionKey& key) {
    NewSession session = new_session(
        subjects_of(services_, *decision.adapter, decision.identity.tenant, decision.identity.user),
        decision.server_session_id);
    session.key = key;
    SessionTable& table = services_.sessions.table;
    const auto adopted = table.adopt(session, services_.now_seconds());
    if (!adopted) {
        if (adopted.error() == SessionRefusal::ending) return std::nullopt;
        return SessionHandle();
    }
    const Instance* instance = decision.adapter->find(key.instance);
    if (adopted->made && instance != nullptr)
        instance->load->sessions.fetch_add(1, std::memory_order_relaxed);
    // It may have been ended after decide() looked and before it was known here.
    if (!services_.sessions.ended.contains(key.mark)) return adopted->handle;
    if (table.end(adopted->handle)) {
        if (instance != nullptr) count_out(instance->load->sessions);
        table.release(adopted->handle);
    }
    return std::nullopt;
}

// The server knows a new session by `server_id`: writes what the client gets for it. Some servers
// put an id on every answer: what was not asked for becomes known when it is used.
std::optional<Refusal> Exchange::open_session(std::string_view server_id, std::span<char> room,
                                              std::size_t& size) {
    const auto now = static_cast<std::uint32_t>(services_.context.ring.unix_seconds());
    const SealedParts parts{load_->adapter_id, load_->instance_id, now, server_id};
    size = services_.sealer.seal(parts, awaited_answer_->principal(), room);
    if (size == 0) return Refusal::unusable_server_session;
    if (!awaited_answer_->initializes && !awaited_answer_->opens_sse) return std::nullopt;
    return enter_new_session(server_id, EndedSessions::mark_of(nonce_of({room.data(), size})));
}

std::optional<Refusal> Exchange::enter_new_session(std::string_view server_id,
                                                   EndedSessions::Mark mark) {
    check(!session_, "a request is of one session");
    SessionTable& table = services_.sessions.table;
    const Adapter* adapter = adapter_now();
    if (adapter == nullptr) return Refusal::unknown_adapter;  // deleted meanwhile
    const limit::Subjects subjects =
        subjects_of(services_, *adapter, awaited_answer_->tenant(), awaited_answer_->principal());
    NewSession session = new_session(subjects, server_id);
    session.key = {load_->adapter_id, load_->instance_id, mark};
    set_limits(services_, subjects, session);
    const auto opened = table.open(session, services_.now_seconds());
    if (!opened) {
        // The server has opened it already. Of HTTP+SSE the end of the stream tells it.
        if (!awaited_answer_->opens_sse)
            services_.sessions.farewells.put({adapter->name, load_->instance_id,
                                              std::string(server_id),
                                              std::string(session.texts.user)});
        note_sessions_full(opened.error());
        return Refusal::too_many_sessions;
    }
    services_.context.metrics.sessions_opened.add();
    if (record_ != nullptr) record_->session = table.public_id(opened->handle);
    if (opened->made) load_->sessions.fetch_add(1, std::memory_order_relaxed);
    const bool holds =
        awaited_answer_->opens_sse &&
        table.begin_request(opened->handle, services_.now_seconds()) == SessionUse::begun;
    if (holds) session_ = opened->handle;
    return std::nullopt;
}

// A session is over: after DELETE, also at a server that has no DELETE (405), or when its server
// does not know it any more. That a GET is not found says nothing: some servers have no such route.
void Exchange::note_session_end(std::uint16_t status) {
    if (awaited_answer_->session_mark == 0) return;
    const bool deleted =
        method_ == http::Method::del && (status < 300 || status == 404 || status == 405);
    const bool forgotten = method_ == http::Method::post && status == 404;
    if (!deleted && !forgotten) return;
    services_.sessions.ended.add(awaited_answer_->session_mark);
    if (forgotten) services_.context.metrics.sessions_forgotten.add();
    end_session();
}

// It is counted where it was opened, which without affinity need not be where this request went.
void Exchange::end_session() {
    SessionTable& table = services_.sessions.table;
    if (!session_ || !table.end(session_)) return;
    SessionRecord record;
    const Adapter* adapter = adapter_now();
    if (adapter != nullptr && table.read(session_, record))
        if (const Instance* instance = adapter->find(record.key.instance))
            count_out(instance->load->sessions);
    table.release(session_);
}

// An event stream of the session begins: while it is open the session is not idle.
void Exchange::enter_stream() {
    if (!session_) return;
    SessionTable& table = services_.sessions.table;
    const bool standalone = method_ == http::Method::get;
    if (standalone && table.begin_stream(session_, StreamKind::standalone,
                                         services_.now_seconds()) == SessionUse::begun) {
        holds_standalone_ = true;
        return;
    }
    holds_stream_ = table.begin_stream(session_, StreamKind::answer, services_.now_seconds()) ==
                    SessionUse::begun;
}

void Exchange::leave_session() {
    if (!session_) return;
    SessionTable& table = services_.sessions.table;
    if (holds_standalone_)
        table.end_stream(session_, StreamKind::standalone, services_.now_seconds());
    if (holds_stream_) table.end_stream(session_, StreamKind::answer, services_.now_seconds());
    table.end_request(session_, services_.now_seconds());
    session_ = SessionHandle();
}

// A request of an HTTP+SSE session whose stream is in this process, and will bring the result.
void Exchange::note_posted() {
    const bool awaits = session_ && request_peek_ != nullptr &&
                        request_peek_->kind() == jsonrpc::Kind::request && !request_id().empty();
    if (awaits) services_.sessions.posted.add(awaited_answer_->session_mark, request_id());
}

// The answer to its POST tells the client that no result will come.
void Exchange::forget_posted() {
    if (target_kind_ != Target::Kind::adapter_messages || awaited_answer_ == nullptr) return;
    if (!request_id().empty())
        services_.sessions.posted.remove(awaited_answer_->session_mark, request_id());
}

// Clients open a new session when their HTTP+SSE stream ends; what is still posted to this one is
// answered with 404, because servers may not answer it at all.
void Exchange::end_sse_session() {
    if (!ends_session_) return;
    SessionRecord record;
    if (services_.sessions.table.read(session_, record)) {
        services_.sessions.ended.add(record.key.mark);
        for (PostedIds::Id id; services_.sessions.posted.take(record.key.mark, id);) {
        }
    }
    end_session();
}

// Whether the session that this stream belongs to has been ended by somebody else.
bool Exchange::session_has_ended() {
    return session_ && !services_.sessions.table.is_live(session_);
}

}  // namespace mcpgw::exchange
