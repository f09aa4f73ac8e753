// One look after the other, until it is told to stop.
#include "dataplane/worker/janitor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/time.h"

namespace mcpgw::worker {

Janitor::Janitor(SharedSessions& sessions, Publication& publication, Outlets outlets)
    : sessions_(sessions), publication_(publication), outlets_(outlets) {}

Janitor::~Janitor() {
    stop();
}

void Janitor::start() {
    check(!thread_.joinable(), "a janitor starts once");
    thread_ = std::thread(&Janitor::run, this);
}

void Janitor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void Janitor::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait_for(lock, std::chrono::milliseconds(limits::janitor_interval_ms),
                          [this] { return stopping_ || !ended_by_hand_.empty(); });
        lock.unlock();
        look(monotonic_now());
        lock.lock();
    }
}

bool Janitor::end(SessionHandle session) {
    if (!sessions_.table.end(session)) return false;
    // From now on nobody is let in with its id; the rest can wait for the thread.
    SessionRecord record;
    if (sessions_.table.read(session, record)) sessions_.ended.add(record.key.mark);
    {
        const std::lock_guard lock(mutex_);
        ended_by_hand_.push_back(session);
    }
    changed_.notify_one();
    return true;
}

void Janitor::look(Nanos now) {
    began_at_ = std::min(began_at_, now);
    std::vector<SessionHandle> ended;
    {
        const std::lock_guard lock(mutex_);
        ended.swap(ended_by_hand_);
    }
    const std::size_t reader = publication_.janitor_reader();
    const RouteTable* table = publication_.refresh(reader);
    if (table != nullptr) {
        follow(*table);
        for (const SessionHandle session : ended)
            finish(session);
        const std::uint32_t slots = sessions_.table.slots_touched() / limits::janitor_rounds + 1;
        sessions_.table.sweep(
            static_cast<std::uint32_t>(now / kSecond), slots,
            [this](const SessionKey& key) { return is_gone(key); },
            [this](SessionHandle session, ExpiryReason reason) { expire(session, reason); });
        tell_drained(*table, now);
    } else {
        for (const SessionHandle session : ended)
            finish(session);
    }
    publication_.leave(reader);
    if (limiter_ != nullptr) limiter_->sweep({now, static_cast<std::uint32_t>(unix_seconds_now())});
    if (std::exchange(has_mail_, false) && outlets_.wake != nullptr)
        outlets_.wake(outlets_.wake_context);
}

void Janitor::follow(const RouteTable& table) {
    if (!places_.follow(table)) return;
    is_shared_ = table.keys_are_shared();
    const auto before = std::exchange(draining_, {});
    table.for_each([&](const Adapter& adapter) {
        for (const Instance& instance : adapter.instances) {
            if (instance.state != contract::InstanceState::draining) continue;
            const auto known = before.find(instance.id);
            const Nanos tell_at = known == before.end() ? 0 : known->second.tell_at;
            draining_.insert_or_assign(instance.id, Drain{{&adapter, &instance}, tell_at});
        }
    });
}

bool Janitor::has_nothing(const InstanceIndex::Place& place, Nanos now) const {
    const InstanceLoad& load = *place.instance->load;
    // A session from before this process that nobody has used since then has expired by now.
    const Nanos idle_max = place.adapter->timeouts.session_idle_seconds * kSecond;
    const bool knows_all =
        load.counts_all_sessions || (idle_max > 0 && now - began_at_ >= idle_max);
    // In this order: an exchange counts the session it opens before it lets go, and once no worker
    // gives the instance anything new, only sessions that are counted come to it.
    // Whether a task is over nobody here knows: its instance stays until the time is over.
    return knows_all && load.outstanding.load(std::memory_order_acquire) == 0 &&
           load.sessions.load(std::memory_order_relaxed) == 0 &&
           !sessions_.tasks.any_at(place.instance->id);
}

void Janitor::tell_drained(const RouteTable& table, Nanos now) {
    if (outlets_.events == nullptr || draining_.empty() || !publication_.is_taken(&table)) return;
    for (auto& [id, drain] : draining_) {
        if (now < drain.tell_at || !has_nothing(drain.place, now)) continue;
        drain.tell_at = now + limits::drained_repeat_ms * kMillisecond;
        outlets_.events->push(
            InstanceEvent::drained(drain.place.adapter->name, id, table.version()));
    }
}

// Without affinity any instance serves a session.
bool Janitor::is_gone(const SessionKey& key) const {
    if (places_.find(key.adapter, key.instance) != nullptr) return false;
    const Adapter* adapter = places_.find_adapter(key.adapter);
    return adapter == nullptr || adapter->affinity == contract::Affinity::session;
}

// Where it may go on, it is only forgotten here: its instance may come back (the name of a `url`
// adapter could not be resolved for a while), another gateway may have it at work. If it is used
// once more, it becomes known again.
void Janitor::expire(SessionHandle session, ExpiryReason reason) {
    expired_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
    if (reason == ExpiryReason::instance_gone || is_shared_) return let_go(session);
    finish(session);
}

void Janitor::let_go(SessionHandle session) {
    SessionRecord record;
    if (sessions_.table.read(session, record)) {
        const auto* place = places_.find(record.key.adapter, record.key.instance);
        if (place != nullptr) count_out(place->instance->load->sessions);
    }
    sessions_.table.release(session);
}

// What follows the end of a session: its id is 404, its server is told, its instance has one less.
void Janitor::finish(SessionHandle session) {
    SessionRecord record;
    if (sessions_.table.read(session, record)) {
        sessions_.ended.add(record.key.mark);
        const Adapter* adapter = places_.find_adapter(record.key.adapter);
        // An HTTP+SSE session ends with its stream, which the exchange closes.
        if (adapter != nullptr && adapter->transport != contract::Transport::sse)
            has_mail_ |= sessions_.farewells.put({adapter->name, record.key.instance,
                                                  std::string(record.texts.server_id()),
                                                  std::string(record.texts.user())});
    }
    let_go(session);
}

}  // namespace mcpgw::worker
