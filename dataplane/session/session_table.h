// The sessions that this data plane knows of, shared by all workers: idle expiry, limits per user,
// tenant and adapter, counts, listing, ending, and which stream is the standalone one.
//
//   key {adapter, instance, mark} ──▶ [ 64-byte slot ] beside [ record of texts ] slot_directory.h
//
//   open/adopt ─▶ live ──▶ end() ─▶ ending ──▶ release() ─▶ left ──▶ free, next generation
//                  │ ▲ requests and streams hold it           the last hold
//
// Fixed capacity, mapped at start; only what is used is resident. No locks: find() is wait-free,
// all else is CAS on one word per slot. A request or stream holds its session between begin_ and
// end_: until then the slot belongs to that session, though it may have been ended. A handle
// without a hold may be stale; every call then says so and changes nothing. Seconds are those of
// one clock that never goes back, the same for all callers. What a session means to a server, and
// the news to others that it has ended, are the callers'. Orders of memory:
// docs/internals/sessions.md.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "common/limits.h"
#include "common/result.h"
#include "dataplane/session/ended_sessions.h"
#include "dataplane/session/session_counts.h"
#include "dataplane/session/session_texts.h"
#include "dataplane/session/slot_directory.h"

namespace mcpgw {

using SessionHandle = SlotHandle;

struct SessionKey {
    std::uint64_t adapter = 0;
    std::uint64_t instance = 0;
    EndedSessions::Mark mark = 0;  // EndedSessions::mark_of
};

// Whom a session counts for, beside user and tenant.
struct SessionShare {
    std::uint64_t name = 0;          // a hash; 0: is not counted
    std::uint32_t sessions_max = 0;  // 0: no limit
};

struct NewSession {
    SessionKey key;
    SessionTextViews texts;
    std::uint64_t principal = 0;               // a hash of the user; 0: is not counted
    std::uint64_t tenant = 0;                  // a hash of the tenant; 0: is not counted
    std::uint32_t principal_sessions_max = 0;  // 0: no limit
    std::uint32_t tenant_sessions_max = 0;     // 0: no limit
    std::uint32_t idle_seconds = 0;            // after its last use; 0: never
    SessionShare tenant_user = {};
    SessionShare adapter = {};
    SessionShare adapter_user = {};
};

struct OpenedSession {
    SessionHandle handle;
    bool made = false;  // false: it was there already, and is as it was
};

// Why a session is not in the table.
enum class SessionRefusal : std::uint8_t {
    table_full,
    principal_full,
    tenant_full,
    tenant_user_full,
    adapter_full,
    adapter_user_full,
    texts_full,  // its texts are long, and there is no room left for long ones
    ending,      // the same session is being ended at this moment
};

// What became of a request or stream that wanted to begin.
enum class SessionUse : std::uint8_t {
    begun,
    gone,      // the session has ended: nothing is held
    taken,     // there is a standalone stream already
    too_many,  // limits::session_requests_max or session_streams_max of this session
};
enum class StreamKind : std::uint8_t { answer, standalone };

// A copy of one session.
struct SessionRecord {
    SessionHandle handle;
    SessionKey key;
    std::uint64_t principal = 0;
    std::uint32_t created = 0;
    std::uint32_t last_used = 0;
    std::uint32_t idle_seconds = 0;
    std::uint32_t requests = 0;  // begun since it is in this table
    std::uint32_t streams = 0;   // open now
    bool has_standalone = false;
    bool adopted = false;
    SessionTextCopy texts;
};

enum class ExpiryReason : std::uint8_t { never_used, idle, instance_gone };

class SessionTable {
  public:
    struct Options {
        std::uint32_t sessions_max = limits::sessions_max_default;  // 1...limits::sessions_max_most
        std::uint64_t seed = 0;  // unpredictable outside of tests
    };
    explicit SessionTable(const Options& options);

    // The live session of this key, or no handle. Wait-free.
    [[nodiscard]] SessionHandle find(const SessionKey& key) const {
        return directory_.find(slot_key(key));
    }

    // A session that its server has just issued, or (adopt) one whose id is valid though nobody
    // here knew of it: opened by another replica, or before a restart. Callers who race get one
    // handle, and one of them `made`. Who adopts looks into EndedSessions afterwards, not before:
    // it may have been ended and released meanwhile.
    [[nodiscard]] std::expected<OpenedSession, SessionRefusal> open(const NewSession& session,
                                                                    std::uint32_t now);
    [[nodiscard]] std::expected<OpenedSession, SessionRefusal> adopt(const NewSession& session,
                                                                     std::uint32_t now);

    // A request of the session is at work until end_request(), which whoever got `begun` calls
    // once.
    [[nodiscard]] SessionUse begin_request(SessionHandle handle, std::uint32_t now);
    void end_request(SessionHandle handle, std::uint32_t now);
    // Both at once; false: the session has ended.
    [[nodiscard]] bool touch(SessionHandle handle, std::uint32_t now);
    // The same for an event stream, which counts as use but not as a request.
    [[nodiscard]] SessionUse begin_stream(SessionHandle handle, StreamKind kind, std::uint32_t now);
    void end_stream(SessionHandle handle, StreamKind kind, std::uint32_t now);

    // Ends a live session, whatever it is doing. True for exactly one caller, who then tells the
    // server and EndedSessions, and calls release(), once.
    [[nodiscard]] bool end(SessionHandle handle);
    // Gives the place back; if requests or streams still hold it, with the last of them.
    void release(SessionHandle handle);

    // Whether the session has neither ended nor left.
    [[nodiscard]] bool is_live(SessionHandle handle) const {
        return directory_.state_of(handle.slot).is(SlotState::Phase::live, handle.generation);
    }

    // Copies a session that is live or ending; false: it is neither.
    [[nodiscard]] bool read(SessionHandle handle, SessionRecord& out);
    // Looks at up to `slots` slots after `cursor`, in their order, and calls
    // visit(const SessionRecord&) for the live sessions in them until it returns false. Returns the
    // cursor for the next call, 0 at the end. A session that lives through all the calls is visited
    // exactly once.
    template <class Visit>
    std::uint32_t visit(std::uint32_t cursor, std::uint32_t slots, Visit&& visit);

    // Looks at the next `slots` slots, round and round, and ends what is due at `now`: sessions
    // with no request and no stream that were not used for their time, and those of which
    // instance_gone(const SessionKey&) is true, whatever they are doing. Each goes to
    // expired(SessionHandle, ExpiryReason), ended by this call: the callee reads and releases it.
    // One thread at a time. Returns how many were ended.
    template <class InstanceGone, class Expired>
    std::uint32_t sweep(std::uint32_t now, std::uint32_t slots, InstanceGone&& instance_gone,
                        Expired&& expired);

    // 16 hexadecimal digits that stand for the session in this process, and for no other one later.
    using PublicId = std::array<char, 16>;
    [[nodiscard]] PublicId public_id(SessionHandle handle) const;
    // No handle for what cannot be one of ours; it may be stale.
    [[nodiscard]] SessionHandle from_public_id(std::string_view id) const;

    // Sessions in the table; while others come and go, a number of this moment.
    [[nodiscard]] std::uint32_t size() const { return directory_.size(); }
    [[nodiscard]] std::uint32_t sessions_max() const { return sessions_max_; }
    // So that no tenant can fill the table alone.
    [[nodiscard]] std::uint32_t sessions_of_tenant_max() const {
        return sessions_max_ / limits::tenant_share_of_sessions;
    }
    [[nodiscard]] std::uint32_t sessions_of_principal(std::uint64_t principal) const {
        return counts_.of(SessionCounts::Kind::principal, principal);
    }
    [[nodiscard]] std::uint32_t sessions_of_tenant(std::uint64_t tenant) const {
        return counts_.of(SessionCounts::Kind::tenant, tenant);
    }
    // Of a user within a tenant, an adapter, or a user at one.
    [[nodiscard]] std::uint32_t sessions_of(SessionCounts::Kind kind, std::uint64_t name) const {
        return shares_.of(kind, name);
    }
    // Slots that were ever used: a sweep over so many has seen every session.
    [[nodiscard]] std::uint32_t slots_touched() const { return directory_.high_water(); }

  private:
    struct alignas(64) Slot : KeyedSlot {
        SharedWord<std::uint64_t> principal;
        SharedWord<std::uint32_t> created;
        SharedWord<std::uint32_t> last_used;
        SharedWord<std::uint32_t> idle_seconds;
        SharedWord<std::uint32_t> requests;
        SharedWord<std::uint32_t> flags;
    };
    static_assert(sizeof(Slot) == 64, "one cache line");

    [[nodiscard]] static SlotKey slot_key(const SessionKey& key) {
        return {key.adapter, key.instance, key.mark};
    }
    [[nodiscard]] Slot& at(std::uint32_t slot) const {
        return static_cast<Slot&>(directory_.at(slot));
    }
    [[nodiscard]] std::expected<OpenedSession, SessionRefusal> insert(const NewSession& session,
                                                                      std::uint32_t now,
                                                                      std::uint32_t flags);
    [[nodiscard]] std::optional<SessionRefusal> fill(std::uint32_t slot, const NewSession& session);
    [[nodiscard]] std::optional<SessionRefusal> count(const NewSession& session,
                                                      SessionTexts::Counters& counters);
    [[nodiscard]] std::optional<SessionRefusal> count_shares(const NewSession& session,
                                                             SessionTexts::Counters& counters);
    void uncount(const SessionTexts::Counters& counters);

    template <class Change>
    [[nodiscard]] SessionUse begin(SessionHandle handle, std::uint32_t now, Change&& change);
    template <class Change>
    void let_go(std::uint32_t slot, Change&& change);
    void note_use(std::uint32_t slot, std::uint32_t now);
    void free(std::uint32_t slot);
    void copy_held(std::uint32_t slot, SessionRecord& out) const;

    [[nodiscard]] std::optional<ExpiryReason> due(const Slot& slot, std::uint32_t now) const;
    [[nodiscard]] std::optional<ExpiryReason> expire(SessionHandle handle, std::uint32_t now);
    [[nodiscard]] SessionHandle next_to_sweep();

    std::uint32_t sessions_max_;
    std::uint64_t public_id_mask_;
    SlotDirectory directory_;
    SessionTexts texts_;
    SessionCounts counts_;                // of users and tenants
    SessionCounts shares_;                // of SessionShares
    SharedWord<std::uint32_t> swept_{0};  // the slot that the janitor has looked at last
    std::atomic<bool> sweeping_{false};
};

template <class Visit>
std::uint32_t SessionTable::visit(std::uint32_t cursor, std::uint32_t slots, Visit&& visit) {
    SessionRecord record;
    const std::uint32_t last = directory_.high_water();
    for (; cursor < last; --slots) {
        if (slots == 0) return cursor;
        const SlotState state = directory_.state_of(++cursor);
        if (state.phase() != SlotState::Phase::live || !read({cursor, state.generation()}, record))
            continue;
        if (!visit(static_cast<const SessionRecord&>(record))) return cursor < last ? cursor : 0;
    }
    return 0;
}

template <class InstanceGone, class Expired>
std::uint32_t SessionTable::sweep(std::uint32_t now, std::uint32_t slots,
                                  InstanceGone&& instance_gone, Expired&& expired) {
    check(!sweeping_.exchange(true), "one janitor at a time");
    std::uint32_t ended = 0;
    for (; slots > 0; --slots) {
        const SessionHandle handle = next_to_sweep();
        if (!handle) continue;
        const SlotKey key = SlotDirectory::key_of(at(handle.slot));
        std::optional<ExpiryReason> reason;
        if (instance_gone(SessionKey{key.first, key.second, key.third}) && end(handle))
            reason = ExpiryReason::instance_gone;
        else
            reason = expire(handle, now);
        if (!reason) continue;
        ++ended;
        expired(handle, *reason);
    }
    sweeping_.store(false);
    return ended;
}

}  // namespace mcpgw
