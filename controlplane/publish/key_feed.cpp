// Refresh, compare, publish.
#include "controlplane/publish/key_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/keys/key_file.h"

namespace mcpgw::publish {

KeySource keys_of_file(std::string path) {
    return [path = std::move(path)](std::uint64_t) { return keys::read_key_file(path); };
}

KeySource keys_of_store(store::Store& store, std::uint64_t age_ms_max) {
    check(age_ms_max > 0, "keys live");
    return [&store, age_ms_max](std::uint64_t now) -> Result<keys::KeyRing> {
        auto ring = store.sealing_keys();
        if (!ring || !keys::is_successor_due(*ring, now, age_ms_max)) return ring;
        auto key = keys::make_key(*ring, now, limits::sealing_key_lead_ms);
        if (!key) return std::unexpected(key.error());
        const store::AuditRecord audit{0, now, "system", "session_key.add", key->id, ""};
        keys::add_key(*ring, std::move(*key), now);
        if (auto done = store.put_sealing_keys(*ring, audit); !done)
            return std::unexpected(done.error());
        return ring;
    };
}

KeyFeed::KeyFeed(KeyFeedOptions options) : options_(std::move(options)), ring_(options_.ring) {
    check(!ring_.empty() && options_.source && options_.publish && options_.unix_millis,
          "keys come from somewhere and go somewhere");
}

KeyFeed::~KeyFeed() {
    stop();
}

void KeyFeed::start() {
    check(!thread_.joinable(), "started once");
    thread_ = std::thread([this] { run(); });
}

void KeyFeed::stop() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    thread_.join();
}

void KeyFeed::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        const std::chrono::milliseconds rest(look(options_.unix_millis()));
        lock.lock();
        stopped_.wait_for(lock, rest, [this] { return stopping_; });
    }
}

void KeyFeed::refresh(std::uint64_t now_unix_ms) {
    auto ring = options_.source(now_unix_ms);
    if (!ring) {
        if (complaint_ == ring.error().detail) return;
        complaint_ = ring.error().detail;
        log_error("cannot take the session keys; those in force stay", {{"why", complaint_}});
        return;
    }
    if (!complaint_.empty()) log_info("the session keys are good again");
    complaint_.clear();
    ring_ = std::move(*ring);
}

std::uint64_t KeyFeed::look(std::uint64_t now_unix_ms) {
    refresh(now_unix_ms);
    std::vector<contract::SealingKey> keys = keys::keys_at(ring_, now_unix_ms, options_.shared);
    if (keys != published_) {
        log_info("session keys", {{"keys", keys.size()},
                                  {"current", ring_[keys::current_at(ring_, now_unix_ms)].id}});
        published_ = keys;
        options_.publish(std::move(keys));
    }
    const std::uint64_t next = keys::next_change_after(ring_, now_unix_ms);
    return std::min(options_.look_interval_ms, next - now_unix_ms);
}

}  // namespace mcpgw::publish
