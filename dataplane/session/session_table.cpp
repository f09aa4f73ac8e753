// The life of a session: opening, use, expiry, end.
#include "dataplane/session/session_table.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw {
namespace {

using Phase = SlotState::Phase;

constexpr std::uint32_t kAdopted = 1;
// Set by the first request or stream after the one that opened the session.
constexpr std::uint32_t kUsed = 2;

static_assert(limits::session_streams_max <= SlotState::kStreamsMax, "streams can be counted");
static_assert(limits::session_requests_max + 256 <= SlotState::kHoldsMax,
              "requests leave room for those who read");

// Two steps that can be undone; a handle and its public id are the same number in other clothes.
std::uint64_t scrambled(std::uint64_t value) {
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93ULL;
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93ULL;
    return value ^ value >> 32;
}
std::uint64_t unscrambled(std::uint64_t value) {
    constexpr std::uint64_t kInverse = 0xCFEE444D8B59A89BULL;
    static_assert(kInverse * 0xD6E8FEB86659FD93ULL == 1);
    value ^= value >> 32;
    value *= kInverse;
    value ^= value >> 32;
    value *= kInverse;
    return value ^ value >> 32;
}

}  // namespace

SessionTable::SessionTable(const Options& options)
    : sessions_max_(options.sessions_max),
      public_id_mask_(scrambled(options.seed + 1)),
      directory_({.slots = options.sessions_max, .slot_bytes = sizeof(Slot), .seed = options.seed}),
      texts_(options.sessions_max, std::max(options.sessions_max / 2, 1U)),
      counts_(2 * options.sessions_max, options.seed),
      shares_(3 * options.sessions_max, options.seed) {
    check(sessions_max_ >= 1 && sessions_max_ <= limits::sessions_max_most,
          "the number of sessions is within its limits");
}

std::expected<OpenedSession, SessionRefusal> SessionTable::open(const NewSession& session,
                                                                std::uint32_t now) {
    return insert(session, now, 0);
}

std::expected<OpenedSession, SessionRefusal> SessionTable::adopt(const NewSession& session,
                                                                 std::uint32_t now) {
    return insert(session, now, kAdopted);
}

std::expected<OpenedSession, SessionRefusal> SessionTable::insert(const NewSession& session,
                                                                  std::uint32_t now,
                                                                  std::uint32_t flags) {
    const SlotKey key = slot_key(session.key);
    if (const SessionHandle known = directory_.find(key)) return OpenedSession{known, false};
    const std::uint32_t slot = directory_.reserve();
    std::optional<SessionRefusal> refusal = SessionRefusal::table_full;
    if (slot != 0) refusal = fill(slot, session);
    if (refusal) {
        if (slot != 0) directory_.abandon(slot);
        // It may be that another thread has just taken the last place for the same session.
        if (const SessionHandle known = directory_.find(key)) return OpenedSession{known, false};
        return std::unexpected(*refusal);
    }
    Slot& mine = at(slot);
    mine.principal.store(session.principal, std::memory_order_relaxed);
    mine.created.store(now, std::memory_order_relaxed);
    mine.last_used.store(now, std::memory_order_relaxed);
    mine.idle_seconds.store(session.idle_seconds, std::memory_order_relaxed);
    mine.requests.store(0, std::memory_order_relaxed);
    mine.flags.store(flags, std::memory_order_relaxed);
    // A slot that was made is everybody's from here on.
    const SlotDirectory::Added added = directory_.add(slot, key, 0);
    if (added.outcome == SlotDirectory::Outcome::made) return OpenedSession{added.handle, true};

    uncount(texts_.counters(slot));
    texts_.clear(slot);
    directory_.abandon(slot);
    if (added.outcome == SlotDirectory::Outcome::found) return OpenedSession{added.handle, false};
    const bool ending = added.outcome == SlotDirectory::Outcome::ending;
    return std::unexpected(ending ? SessionRefusal::ending : SessionRefusal::table_full);
}

std::optional<SessionRefusal> SessionTable::fill(std::uint32_t slot, const NewSession& session) {
    if (!texts_.put(slot, session.texts)) return SessionRefusal::texts_full;
    const std::optional<SessionRefusal> refusal = count(session, texts_.counters(slot));
    if (refusal) texts_.clear(slot);
    return refusal;
}

std::optional<SessionRefusal> SessionTable::count(const NewSession& session,
                                                  SessionTexts::Counters& counters) {
    using Kind = SessionCounts::Kind;
    counters = {};
    if (session.principal != 0) {
        counters.principal =
            counts_.enter(Kind::principal, session.principal, session.principal_sessions_max);
        if (!counters.principal) return SessionRefusal::principal_full;
    }
    if (session.tenant != 0) {
        counters.tenant = counts_.enter(Kind::tenant, session.tenant, session.tenant_sessions_max);
        if (!counters.tenant) {
            uncount(counters);
            return SessionRefusal::tenant_full;
        }
    }
    const std::optional<SessionRefusal> refusal = count_shares(session, counters);
    if (refusal) uncount(counters);
    return refusal;
}

std::optional<SessionRefusal> SessionTable::count_shares(const NewSession& session,
                                                         SessionTexts::Counters& counters) {
    using Kind = SessionCounts::Kind;
    const auto enter = [this](Kind kind, const SessionShare& share, SlotHandle& counter) {
        if (share.name == 0) return true;
        counter = shares_.enter(kind, share.name, share.sessions_max);
        return static_cast<bool>(counter);
    };
    if (!enter(Kind::adapter_user, session.adapter_user, counters.adapter_user))
        return SessionRefusal::adapter_user_full;
    if (!enter(Kind::tenant_user, session.tenant_user, counters.tenant_user))
        return SessionRefusal::tenant_user_full;
    if (!enter(Kind::adapter, session.adapter, counters.adapter))
        return SessionRefusal::adapter_full;
    return std::nullopt;
}

void SessionTable::uncount(const SessionTexts::Counters& counters) {
    if (counters.principal) counts_.leave(counters.principal);
    if (counters.tenant) counts_.leave(counters.tenant);
    for (const SlotHandle counter : {counters.tenant_user, counters.adapter, counters.adapter_user})
        if (counter) shares_.leave(counter);
}

// Adds what `change` adds to the state of a live session; nothing when it says why not.
template <class Change>
SessionUse SessionTable::begin(SessionHandle handle, std::uint32_t now, Change&& change) {
    if (!directory_.has(handle.slot)) return SessionUse::gone;
    SlotState state = directory_.state_of(handle.slot);
    for (;;) {
        if (!state.is(Phase::live, handle.generation)) return SessionUse::gone;
        // The janitor, which is about to end an idle session, sees that somebody was here.
        SlotState wanted = state.unwatched();
        if (const SessionUse use = change(wanted); use != SessionUse::begun) return use;
        if (directory_.change(handle.slot, state, wanted)) break;
    }
    note_use(handle.slot, now);
    return SessionUse::begun;
}

// Takes away what begin() has added; whoever was the last to hold a session that was released
// frees its slot.
template <class Change>
void SessionTable::let_go(std::uint32_t slot, Change&& change) {
    SlotState state = directory_.state_of(slot);
    SlotState less = state;
    do {
        less = change(state);
    } while (!directory_.change(slot, state, less));
    if (less.phase() == Phase::left && less.is_unused()) free(slot);
}

// Only while the caller holds the session, or the slot could be another session's by now.
void SessionTable::note_use(std::uint32_t slot, std::uint32_t now) {
    Slot& used = at(slot);
    // Clocks of workers may differ by a tick; the later one counts.
    if (used.last_used.load(std::memory_order_relaxed) < now)
        used.last_used.store(now, std::memory_order_relaxed);
    if ((used.flags.load(std::memory_order_relaxed) & kUsed) == 0)
        used.flags.fetch_or(kUsed, std::memory_order_relaxed);
}

SessionUse SessionTable::begin_request(SessionHandle handle, std::uint32_t now) {
    const SessionUse use = begin(handle, now, [](SlotState& state) {
        if (state.holds() >= limits::session_requests_max) return SessionUse::too_many;
        state = state.with_hold();
        return SessionUse::begun;
    });
    if (use == SessionUse::begun) at(handle.slot).requests.fetch_add(1, std::memory_order_relaxed);
    return use;
}

void SessionTable::end_request(SessionHandle handle, std::uint32_t now) {
    check(directory_.state_of(handle.slot).generation() == handle.generation,
          "a request that began holds its session");
    note_use(handle.slot, now);
    let_go(handle.slot, [](SlotState state) {
        check(state.holds() > 0, "a request ends once");
        return state.without_hold();
    });
}

bool SessionTable::touch(SessionHandle handle, std::uint32_t now) {
    if (begin_request(handle, now) != SessionUse::begun) return false;
    end_request(handle, now);
    return true;
}

SessionUse SessionTable::begin_stream(SessionHandle handle, StreamKind kind, std::uint32_t now) {
    return begin(handle, now, [kind](SlotState& state) {
        if (kind == StreamKind::standalone && state.has_standalone()) return SessionUse::taken;
        if (state.streams() >= limits::session_streams_max) return SessionUse::too_many;
        state = state.with_stream();
        if (kind == StreamKind::standalone) state = state.with_standalone();
        return SessionUse::begun;
    });
}

void SessionTable::end_stream(SessionHandle handle, StreamKind kind, std::uint32_t now) {
    check(directory_.state_of(handle.slot).generation() == handle.generation,
          "a stream that began holds its session");
    note_use(handle.slot, now);
    let_go(handle.slot, [kind](SlotState state) {
        check(state.streams() > 0, "a stream ends once");
        check(kind == StreamKind::answer || state.has_standalone(), "the stream was standalone");
        state = state.without_stream();
        return kind == StreamKind::standalone ? state.without_standalone() : state;
    });
}

bool SessionTable::end(SessionHandle handle) {
    if (!directory_.has(handle.slot)) return false;
    SlotState state = directory_.state_of(handle.slot);
    while (state.is(Phase::live, handle.generation))
        if (directory_.change(handle.slot, state, state.unwatched().in(Phase::ending))) return true;
    return false;
}

void SessionTable::release(SessionHandle handle) {
    check(directory_.state_of(handle.slot).is(Phase::ending, handle.generation),
          "who has ended a session releases it");
    uncount(texts_.counters(handle.slot));
    directory_.remove(handle.slot);
    let_go(handle.slot, [](SlotState state) { return state.in(Phase::left); });
}

void SessionTable::free(std::uint32_t slot) {
    texts_.clear(slot);
    directory_.free(slot);
}

bool SessionTable::read(SessionHandle handle, SessionRecord& out) {
    if (!directory_.has(handle.slot)) return false;
    SlotState state = directory_.state_of(handle.slot);
    do {
        const bool is_there =
            state.is(Phase::live, handle.generation) || state.is(Phase::ending, handle.generation);
        if (!is_there || state.holds() == SlotState::kHoldsMax) return false;
    } while (!directory_.change(handle.slot, state, state.with_hold()));
    out.streams = state.streams();
    out.has_standalone = state.has_standalone();
    out.handle = handle;
    copy_held(handle.slot, out);
    let_go(handle.slot, [](SlotState held) { return held.without_hold(); });
    return true;
}

void SessionTable::copy_held(std::uint32_t slot, SessionRecord& out) const {
    const Slot& held = at(slot);
    const SlotKey key = SlotDirectory::key_of(held);
    out.key = {key.first, key.second, key.third};
    out.principal = held.principal.load(std::memory_order_relaxed);
    out.created = held.created.load(std::memory_order_relaxed);
    out.last_used = held.last_used.load(std::memory_order_relaxed);
    out.idle_seconds = held.idle_seconds.load(std::memory_order_relaxed);
    out.requests = held.requests.load(std::memory_order_relaxed);
    out.adopted = (held.flags.load(std::memory_order_relaxed) & kAdopted) != 0;
    texts_.copy(slot, out.texts);
}

SessionHandle SessionTable::next_to_sweep() {
    const std::uint32_t last = directory_.high_water();
    if (last == 0) return {};
    std::uint32_t slot = swept_.load(std::memory_order_relaxed);
    slot = slot < last ? slot + 1 : 1;
    swept_.store(slot, std::memory_order_relaxed);
    const SlotState state = directory_.state_of(slot);
    if (state.phase() != Phase::live) return {};
    return {slot, state.generation()};
}

std::optional<ExpiryReason> SessionTable::due(const Slot& slot, std::uint32_t now) const {
    const std::uint32_t last_used = slot.last_used.load(std::memory_order_relaxed);
    const std::uint32_t own = slot.idle_seconds.load(std::memory_order_relaxed);
    const bool used = (slot.flags.load(std::memory_order_relaxed) & kUsed) != 0;
    if (used && own == 0) return std::nullopt;
    std::uint32_t limit = own;
    if (!used)
        limit = own == 0 ? limits::unused_session_idle_seconds
                         : std::min(own, limits::unused_session_idle_seconds);
    // Both are whole seconds: only a difference of more than `limit` is certain to be `limit`.
    if (now < last_used || now - last_used <= limit) return std::nullopt;
    return used ? ExpiryReason::idle : ExpiryReason::never_used;
}

// Ends the session if it is idle for its time. First it is marked as watched, then its times are
// read; a request that begins meanwhile takes the mark away, and then the last step fails, even if
// that request has already ended again.
std::optional<ExpiryReason> SessionTable::expire(SessionHandle handle, std::uint32_t now) {
    Slot& slot = at(handle.slot);
    SlotState state = directory_.state_of(handle.slot);
    if (!state.is(Phase::live, handle.generation) || !state.is_unused()) return std::nullopt;
    if (!due(slot, now)) return std::nullopt;
    if (!directory_.change(handle.slot, state, state.watched())) return std::nullopt;
    state = state.watched();
    const std::optional<ExpiryReason> reason = due(slot, now);
    if (!reason) return std::nullopt;
    if (!directory_.change(handle.slot, state, state.unwatched().in(Phase::ending)))
        return std::nullopt;
    return reason;
}

SessionTable::PublicId SessionTable::public_id(SessionHandle handle) const {
    PublicId id;
    const std::uint64_t number = std::uint64_t{handle.generation} << 32 | handle.slot;
    write_hex(scrambled(number ^ public_id_mask_), id.data());
    return id;
}

SessionHandle SessionTable::from_public_id(std::string_view id) const {
    const std::optional<std::uint64_t> hidden = from_hex(id);
    if (!hidden) return {};
    const std::uint64_t number = unscrambled(*hidden) ^ public_id_mask_;
    const SessionHandle handle{static_cast<std::uint32_t>(number),
                               static_cast<std::uint32_t>(number >> 32)};
    return directory_.has(handle.slot) ? handle : SessionHandle{};
}

}  // namespace mcpgw
