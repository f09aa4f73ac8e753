// Look, build, compare, publish.
#include "controlplane/publish/access_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"

namespace mcpgw::publish {
namespace {

// Keys grow old and tokens expire without anybody's doing; a minute is nothing beside both.
constexpr std::uint64_t kRebuildMs = 60'000;

}  // namespace

AccessFeed::AccessFeed(AccessFeedOptions options) : options_(std::move(options)) {
    check(options_.store != nullptr && options_.issuers && options_.publish && options_.unix_millis,
          "access comes from somewhere and goes somewhere");
}

AccessFeed::~AccessFeed() {
    stop();
}

void AccessFeed::start() {
    check(!thread_.joinable(), "started once");
    thread_ = std::thread([this] { run(); });
}

void AccessFeed::stop() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    news_.notify_all();
    thread_.join();
}

void AccessFeed::wake() {
    {
        const std::scoped_lock lock(mutex_);
        has_news_ = true;
    }
    news_.notify_all();
}

void AccessFeed::want_assertions() {
    if (!wants_assertions_.exchange(true)) wake();
}

void AccessFeed::run() {
    bool is_told = true;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        look(options_.unix_millis(), is_told);
        lock.lock();
        news_.wait_for(lock, std::chrono::milliseconds(limits::access_poll_ms),
                       [this] { return stopping_ || has_news_; });
        is_told = std::exchange(has_news_, false);
    }
}

void AccessFeed::look(std::uint64_t now_unix_ms, bool is_told) {
    const auto foreign = options_.store->foreign_changes();
    if (!foreign) return complain(foreign.error());
    const bool is_fresh =
        built_unix_ms_ <= now_unix_ms && now_unix_ms - built_unix_ms_ < kRebuildMs;
    if (!is_told && is_fresh && foreign_changes_ == *foreign) return;
    auto access = build(now_unix_ms);
    if (!access) return complain(access.error());
    complaint_.clear();
    foreign_changes_ = *foreign;
    built_unix_ms_ = now_unix_ms;
    if (published_ == *access) return;
    log_info("access", {{"issuers", access->issuers.size()},
                        {"tokens", access->tokens.size()},
                        {"tenants", access->tenants.size()}});
    published_ = *access;
    options_.publish(std::move(*access));
}

Result<contract::Access> AccessFeed::build(std::uint64_t now_unix_ms) {
    contract::Access access = options_.fixed;
    access.issuers = options_.issuers();
    const auto tokens = options_.store->tokens("", limits::api_tokens_max);
    if (!tokens) return std::unexpected(tokens.error());
    for (const model::ApiToken& token : *tokens) {
        const std::uint64_t expires = token.what.expires_unix_s;
        if (expires == 0 || expires * 1000 > now_unix_ms) access.tokens.push_back(token.what);
    }
    std::ranges::sort(access.tokens, {}, &contract::ApiToken::hash);
    const auto tenants = options_.store->tenants("", limits::tenants_max);
    if (!tenants) return std::unexpected(tenants.error());
    for (const model::Tenant& tenant : *tenants)
        access.tenants.push_back({tenant.id, tenant.limits});
    std::ranges::sort(access.tenants, {}, &contract::Tenant::id);
    const auto ring = assertion_keys(now_unix_ms);
    if (!ring) return std::unexpected(ring.error());
    access.assertion_keys = keys::published_assertion_keys(*ring);
    return access;
}

Result<keys::AssertionRing> AccessFeed::assertion_keys(std::uint64_t now_unix_ms) {
    auto ring = options_.store->assertion_keys();
    if (!ring) return ring;
    bool is_changed = keys::drop_old_assertion_keys(*ring, now_unix_ms);
    std::string newest;
    if (wants_assertions_ && keys::is_assertion_key_due(*ring, now_unix_ms)) {
        auto key = keys::make_assertion_key(now_unix_ms);
        if (!key) return std::unexpected(key.error());
        newest = key->id;
        ring->push_back(std::move(*key));
        is_changed = true;
    }
    if (!is_changed) return ring;
    const store::AuditRecord audit{
        0,      now_unix_ms, "system", newest.empty() ? "assertion_key.drop" : "assertion_key.add",
        newest, ""};
    if (auto done = options_.store->put_assertion_keys(*ring, audit); !done)
        return std::unexpected(done.error());
    return ring;
}

void AccessFeed::complain(const Error& error) {
    if (complaint_ == error.detail) return;
    complaint_ = error.detail;
    log_error("cannot read who may come in; what is in force stays", {{"why", complaint_}});
}

}  // namespace mcpgw::publish
