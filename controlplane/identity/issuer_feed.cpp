// Plan, fetch, compare.
#include "controlplane/identity/issuer_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/identity/discovery.h"
#include "controlplane/identity/key_set.h"

namespace mcpgw::identity {

void RefreshPlan::succeeded(Nanos now, std::optional<std::uint32_t> max_age_seconds) {
    failures_ = 0;
    const std::uint32_t age =
        std::clamp(max_age_seconds.value_or(limits::issuer_refresh_seconds_default),
                   limits::issuer_refresh_seconds_min, limits::issuer_refresh_seconds_max);
    next_ = now + age * kSecond;
}

void RefreshPlan::failed(Nanos now) {
    constexpr unsigned kDoublingsMax = 16;
    const std::uint64_t wait_ms = std::uint64_t{limits::issuer_retry_first_ms}
                                  << std::min(failures_++, kDoublingsMax);
    next_ = now + std::min<std::uint64_t>(wait_ms, limits::issuer_retry_last_ms) * kMillisecond;
}

bool RefreshPlan::missed_a_key(Nanos now) {
    Nanos at = now;
    if (last_missed_) at = std::max(at, *last_missed_ + limits::issuer_refetch_ms * kMillisecond);
    if (at >= next_) return false;
    next_ = at;
    last_missed_ = at;
    return true;
}

IssuerFeed::IssuerFeed(IssuerFeedOptions options) : options_(std::move(options)) {
    check(!options_.issuer.empty() && options_.fetch && options_.save && options_.on_change,
          "keys come from somewhere and go somewhere");
    issuer_.issuer = options_.issuer;
}

IssuerFeed::~IssuerFeed() {
    stop();
}

void IssuerFeed::load(const store::IssuerDocuments& documents) {
    check(!thread_.joinable(), "loaded before it starts");
    documents_ = documents;
    if (!options_.keeps_metadata) documents_.metadata.clear();
    if (const auto taken = take(documents_); !taken)
        log_warn("saved keys of an issuer cannot be used",
                 {{"issuer", options_.issuer}, {"why", taken.error().detail}});
}

void IssuerFeed::start() {
    check(!thread_.joinable(), "started once");
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void IssuerFeed::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

void IssuerFeed::missed_a_key() {
    const std::scoped_lock lock(mutex_);
    if (plan_.missed_a_key(options_.now())) news_.notify_all();
}

contract::Issuer IssuerFeed::issuer() const {
    const std::scoped_lock lock(mutex_);
    return issuer_;
}

void IssuerFeed::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        static_cast<void>(look(stop));
        std::unique_lock lock(mutex_);
        // Until it is due, which a missed key can change while we wait.
        while (!stop.stop_requested()) {
            const Nanos now = options_.now();
            if (plan_.next() <= now) break;
            const Nanos planned = plan_.next();
            news_.wait_for(lock, stop, std::chrono::nanoseconds(planned - now),
                           [&] { return plan_.next() != planned; });
        }
    }
}

Nanos IssuerFeed::look(const std::stop_token& stop) {
    {
        const std::scoped_lock lock(mutex_);
        if (options_.now() < plan_.next()) return plan_.next();
    }
    auto news = ask(stop);
    if (stop.stop_requested()) return kNever;
    Result<> taken;
    if (!news)
        taken = std::unexpected(news.error());
    else if (news->documents != documents_)
        taken = take(news->documents);
    const bool is_new = taken && news->documents != documents_;
    {
        // Of the moment after the answer, or a provider that lets us wait would get no rest.
        const std::scoped_lock lock(mutex_);
        if (taken)
            plan_.succeeded(options_.now(), news->max_age_seconds);
        else
            plan_.failed(options_.now());
    }
    if (!taken) complain(taken.error().detail);
    if (taken && !complaint_.empty()) {
        complaint_.clear();
        log_info("an issuer is there again", {{"issuer", options_.issuer}});
    }
    if (is_new) {
        documents_ = std::move(news->documents);
        if (const auto saved = options_.save(documents_); !saved)
            log_error("keys of an issuer cannot be saved",
                      {{"issuer", options_.issuer}, {"why", saved.error().detail}});
        options_.on_change();
    }
    const std::scoped_lock lock(mutex_);
    return plan_.next();
}

Result<IssuerFeed::News> IssuerFeed::ask(const std::stop_token& stop) const {
    std::optional<Error> first;
    for (const std::string& url : metadata_urls(options_.issuer)) {
        const auto document = options_.fetch(url, stop);
        if (!document) {
            if (!first) first = document.error();
            continue;
        }
        auto metadata = read_metadata(document->body, options_.issuer);
        // A document that is there and is wrong is what people have to look at.
        if (!metadata) return std::unexpected(metadata.error());
        auto keys = options_.fetch(metadata->jwks_uri, stop);
        if (!keys) return std::unexpected(keys.error());
        const bool keeps =
            options_.keeps_metadata && metadata->text.size() <= limits::issuer_metadata_bytes_max;
        return News{{options_.issuer, std::move(keys->body), keeps ? metadata->text : ""},
                    keys->max_age_seconds};
    }
    check(first.has_value(), "there is at least one URL");
    return std::unexpected(*first);
}

Result<> IssuerFeed::take(const store::IssuerDocuments& documents) {
    auto set = read_key_set(documents.key_set);
    if (!set) return std::unexpected(set.error());
    if (set->keys.empty())
        return failure(Code::protocol, "the key set of " + options_.issuer + " has no usable key" +
                                           (set->left_out.empty() ? "" : ": ") +
                                           (set->left_out.empty() ? "" : set->left_out.front()));
    for (const std::string& sentence : set->left_out)
        log_info("a key of an issuer is left out",
                 {{"issuer", options_.issuer}, {"why", sentence}});
    log_info("keys of an issuer", {{"issuer", options_.issuer}, {"keys", set->keys.size()}});
    const std::scoped_lock lock(mutex_);
    issuer_.keys = std::move(set->keys);
    issuer_.metadata = documents.metadata;
    return {};
}

void IssuerFeed::complain(const std::string& why) {
    if (why == complaint_) return;
    complaint_ = why;
    log_warn("an issuer gives no keys; those in force stay",
             {{"issuer", options_.issuer}, {"why", why}});
}

}  // namespace mcpgw::identity
