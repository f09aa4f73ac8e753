// One look after the other, until it is told to stop.
#include "dataplane/worker/janitor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/time.h"

namespace mcpgw::worker {

Janitor::Janitor(SharedSessions& sessions, Publication& publication, WakeWorker wake,
                 void* wake_context)
    : sessions_(sessions), publication_(publication), wake_(wake), wake_context_(wake_context) {}

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
        look(static_cast<std::uint32_t>(monotonic_now() / kSecond));
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

void Janitor::look(std::uint32_t now) {
    std::vector<SessionHandle> ended;
    {
        const std::lock_guard lock(mutex_);
        ended.swap(ended_by_hand_);
    }
    const std::size_t reader = publication_.janitor_reader();
    const RouteTable* table = publication_.refresh(reader);
    if (table != nullptr) {
        index(*table);
        for (const SessionHandle session : ended)
            finish(session);
        const std::uint32_t slots = sessions_.table.slots_touched() / limits::janitor_rounds + 1;
        sessions_.table.sweep(
            now, slots, [this](const SessionKey& key) { return place_of(key) == nullptr; },
            [this](SessionHandle session, ExpiryReason reason) {
                expired_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
                finish(session);
            });
    } else {
        for (const SessionHandle session : ended)
            finish(session);
    }
    publication_.leave(reader);
    if (std::exchange(has_mail_, false) && wake_ != nullptr) wake_(wake_context_);
}

// Whose instances there are; made anew when the table is another one, which may lie where the last
// one lay.
void Janitor::index(const RouteTable& table) {
    const bool same = indexed_ == &table && indexed_version_ == table.version() &&
                      indexed_epoch_ == table.epoch();
    if (same) return;
    indexed_ = &table;
    indexed_version_ = table.version();
    indexed_epoch_ = table.epoch();
    places_.clear();
    table.for_each([this](const Adapter& adapter) {
        for (const Instance& instance : adapter.instances)
            places_.insert_or_assign(instance.id, Place{&adapter, &instance});
    });
}

const Janitor::Place* Janitor::place_of(const SessionKey& key) const {
    const auto found = places_.find(key.instance);
    const bool same = found != places_.end() && found->second.adapter->id == key.adapter;
    return same ? &found->second : nullptr;
}

// What follows the end of a session: its id is 404, its instance has one less, its server is told.
void Janitor::finish(SessionHandle session) {
    SessionRecord record;
    if (sessions_.table.read(session, record)) {
        sessions_.ended.add(record.key.mark);
        if (const Place* place = place_of(record.key)) {
            count_out(place->instance->load->sessions);
            // An HTTP+SSE session ends with its stream, which the exchange closes.
            if (place->adapter->transport != contract::Transport::sse)
                has_mail_ |= sessions_.farewells.put({place->adapter->name, record.key.instance,
                                                      std::string(record.texts.server_id()),
                                                      std::string(record.texts.user())});
        }
    }
    sessions_.table.release(session);
}

}  // namespace mcpgw::worker
