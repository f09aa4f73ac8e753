// List, watch, pause, and again: one thread, whose state nobody else touches but two atomics.
#include "controlplane/kubernetes/watcher.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "common/log.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/kubernetes/lines.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/kubernetes/watch_event.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

struct Known {
    std::string uid;
    std::string version;
    std::uint64_t list = 0;  // number of the list, or of the one before the watch, that had it
};

std::uint64_t next_random() {
    thread_local std::mt19937_64 engine{std::random_device{}()};
    return engine();
}

// Whether the version that the watch began from may still be good after this failure.
bool keeps_version(const Failure& failure) {
    return failure.is_passing() && failure.status != 500;
}

}  // namespace

struct Watcher::Body {
    Body(ApiClient& api, WatchOptions given, Listener heard)
        : client(api),
          options(std::move(given)),
          listener(std::move(heard)),
          backoff(options.retry_first_ms, options.retry_last_ms) {
        if (!options.random) options.random = &next_random;
    }

    void run(const std::stop_token& stop);
    [[nodiscard]] Nanos step(const std::stop_token& stop);
    [[nodiscard]] std::optional<Failure> list(const std::stop_token& stop);
    [[nodiscard]] std::optional<Failure> take_page(const std::string& body, std::string& rest);
    void forget_missing();
    [[nodiscard]] Nanos watch(const std::stop_token& stop);
    // False: the stream is of no more use; `trouble` says why, if it is one.
    [[nodiscard]] bool take_line(std::string_view line, std::optional<Failure>& trouble);
    void take_object(const picojson::value& object, const std::string& name, const std::string& uid,
                     const std::string& object_version);
    void drop_object(const std::string& name, const picojson::value& last);
    void note_contact();
    [[nodiscard]] Nanos note_failure(const Failure& failure);
    [[nodiscard]] Nanos pause_after(const Failure& failure);
    [[nodiscard]] Query selectors() const;
    void wait(Nanos pause, const std::stop_token& stop);

    ApiClient& client;
    WatchOptions options;
    Listener listener;
    deploy::Backoff backoff;
    std::map<std::string, Known, std::less<>> known;
    std::string version;  // to watch from; empty: list first
    std::uint64_t list_number = 0;
    bool is_full = false;
    bool is_well = false;
    std::string told_trouble;
    std::atomic<Nanos> without_contact_since{monotonic_now()};
    std::atomic<bool> has_listed{false};
    std::mutex mutex;
    std::condition_variable_any wake;
    std::jthread thread;
};

Query Watcher::Body::selectors() const {
    Query query;
    if (!options.label_selector.empty())
        query.emplace_back("labelSelector", options.label_selector);
    if (!options.field_selector.empty())
        query.emplace_back("fieldSelector", options.field_selector);
    return query;
}

void Watcher::Body::wait(Nanos pause, const std::stop_token& stop) {
    if (pause == 0) return;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, std::chrono::nanoseconds(pause), [] { return false; });
}

void Watcher::Body::run(const std::stop_token& stop) {
    while (!stop.stop_requested())
        wait(step(stop), stop);
}

// One list or one watch; how long to rest after it.
Nanos Watcher::Body::step(const std::stop_token& stop) {
    if (!version.empty()) return watch(stop);
    const auto failure = list(stop);
    if (!failure) return 0;
    // A list that took too long for its pages is begun again; that is no trouble.
    return failure->kind == FailureKind::expired ? pause_after(*failure) : note_failure(*failure);
}

// --- Contact -------------------------------------------------------------------------------------

void Watcher::Body::note_contact() {
    without_contact_since.store(kNever);
    if (is_well) return;
    is_well = true;
    told_trouble.clear();
    if (listener.on_well) listener.on_well();
}

Nanos Watcher::Body::note_failure(const Failure& failure) {
    if (failure.kind == FailureKind::cancelled) return pause_after(failure);
    Nanos expected = kNever;
    without_contact_since.compare_exchange_strong(expected, monotonic_now());
    is_well = false;
    if (failure.message != told_trouble) {
        told_trouble = failure.message;
        if (listener.on_trouble) listener.on_trouble(failure);
    }
    return pause_after(failure);
}

Nanos Watcher::Body::pause_after(const Failure& failure) {
    return std::max(backoff.next(options.random()), failure.retry_after_ms * kMillisecond);
}

// --- Objects -------------------------------------------------------------------------------------

void Watcher::Body::take_object(const picojson::value& object, const std::string& name,
                                const std::string& uid, const std::string& object_version) {
    const auto found = known.find(name);
    if (found == known.end()) {
        if (known.size() >= options.objects_max) {
            if (!std::exchange(is_full, true))
                log_error("there are more objects than are watched",
                          {{"path", options.path}, {"objects_max", options.objects_max}});
            return;
        }
        known.emplace(name, Known{uid, object_version, list_number});
    } else {
        found->second.list = list_number;
        if (found->second.uid == uid && found->second.version == object_version) return;
        // It went and came again while we looked away.
        if (found->second.uid != uid && listener.on_deleted)
            listener.on_deleted(name, found->second.uid, picojson::value());
        found->second.uid = uid;
        found->second.version = object_version;
    }
    if (listener.on_changed) listener.on_changed(object);
}

void Watcher::Body::drop_object(const std::string& name, const picojson::value& last) {
    const auto found = known.find(name);
    if (found == known.end()) return;
    const std::string uid = std::move(found->second.uid);
    known.erase(found);
    if (listener.on_deleted) listener.on_deleted(name, uid, last);
}

void Watcher::Body::forget_missing() {
    std::vector<std::string> missing;
    for (const auto& [name, object] : known)
        if (object.list != list_number) missing.push_back(name);
    for (const std::string& name : missing)
        drop_object(name, picojson::value());
}

// --- Listing -------------------------------------------------------------------------------------

std::optional<Failure> Watcher::Body::take_page(const std::string& body, std::string& rest) {
    const auto tree = model::parse_json(body);
    if (!tree)
        return transport_failure("the API server answers with something else than a list",
                                 tree.error().detail);
    for (const picojson::value& item : array_at(*tree, {"items"})) {
        const std::string& name = text_at(item, {"metadata", "name"});
        const std::string& uid = text_at(item, {"metadata", "uid"});
        if (name.empty() || uid.empty()) continue;
        take_object(item, name, uid, text_at(item, {"metadata", "resourceVersion"}));
    }
    rest = text_at(*tree, {"metadata", "continue"});
    if (!rest.empty()) return std::nullopt;
    version = text_at(*tree, {"metadata", "resourceVersion"});
    if (version.empty())
        return transport_failure("the API server answers with a list without resourceVersion");
    return std::nullopt;
}

std::optional<Failure> Watcher::Body::list(const std::stop_token& stop) {
    ++list_number;
    std::string rest;
    std::size_t page_items = options.page_items;
    do {
        Call call;
        call.path = options.path;
        call.query = selectors();
        call.query.emplace_back("limit", std::to_string(page_items));
        if (!rest.empty()) call.query.emplace_back("continue", rest);
        const Outcome outcome = client.send(call, stop);
        if (!outcome && outcome.error().is_too_large && page_items > 1) {
            page_items = std::max<std::size_t>(page_items / 4, 1);
            continue;
        }
        if (!outcome) return outcome.error();
        note_contact();
        if (auto failure = take_page(outcome->body, rest)) return failure;
    } while (version.empty());
    forget_missing();
    has_listed.store(true);
    if (listener.on_listed) listener.on_listed();
    return std::nullopt;
}

// --- Watching ------------------------------------------------------------------------------------

bool Watcher::Body::take_line(std::string_view line, std::optional<Failure>& trouble) {
    if (line.empty()) return true;
    auto event = parse_watch_line(line);
    if (!event) {
        trouble = transport_failure("the API server says something else than events",
                                    event.error().detail);
        return false;
    }
    using EventKind = WatchEvent::Kind;
    switch (event->kind) {
        case EventKind::added:
        case EventKind::modified:
            take_object(event->object, event->name, event->uid, event->resource_version);
            break;
        case EventKind::deleted:
            drop_object(event->name, event->object);
            break;
        case EventKind::bookmark:
            break;
        case EventKind::error:
            trouble = std::move(event->failure);
            return false;
        case EventKind::other:
            return true;
    }
    version = std::move(event->resource_version);
    return true;
}

Nanos Watcher::Body::watch(const std::stop_token& stop) {
    const std::uint32_t seconds =
        options.watch_seconds +
        static_cast<std::uint32_t>(options.random() % (options.watch_seconds + 1));
    Call call;
    call.path = options.path;
    call.query = selectors();
    call.query.emplace_back("watch", "1");
    call.query.emplace_back("allowWatchBookmarks", "true");
    call.query.emplace_back("resourceVersion", version);
    call.query.emplace_back("timeoutSeconds", std::to_string(seconds));
    const StreamLimits bounds{.silence_ms = seconds * 1000 + options.watch_margin_ms,
                              .tick_ms = seconds * 1000};
    LineSplitter lines(options.line_bytes_max);
    std::optional<Failure> trouble;
    bool has_begun = false;
    bool has_spoken = false;
    const Nanos begun_at = monotonic_now();
    const Outcome outcome = client.stream(
        call, bounds,
        [&](std::string_view bytes) {
            note_contact();
            has_begun = true;
            lines.feed(bytes);
            std::string_view line;
            while (lines.next(line)) {
                if (!take_line(line, trouble)) return false;
                has_spoken = true;
            }
            if (lines.is_overlong()) trouble = transport_failure("an event is too large");
            return !lines.is_overlong();
        },
        stop);
    // A stream that broke is as good as one that ended; that there is no answer at all is not.
    if (!trouble && !outcome && (!has_begun || outcome.error().kind == FailureKind::cancelled))
        trouble = outcome.error();
    const Nanos lasted = monotonic_now() - begun_at;
    // Whatever is wrong within a stream, a list puts it right.
    if (trouble && (has_begun || !keeps_version(*trouble))) version.clear();
    if (trouble && trouble->kind != FailureKind::expired) return note_failure(*trouble);
    // Bookmarks come at the latest before the end: a server without one does not know the version,
    // which happens when its store was put back to an earlier time.
    if (!has_spoken && lasted + kSecond >= seconds * kSecond) version.clear();
    if (lasted < limits::kubernetes_watch_good_ms * kMillisecond && !has_spoken)
        return backoff.next(options.random());
    backoff.reset();
    if (lasted < limits::kubernetes_watch_good_ms * kMillisecond)
        return options.retry_first_ms * kMillisecond;
    return 0;
}

// --- The door ------------------------------------------------------------------------------------

Watcher::Watcher(ApiClient& client, WatchOptions options, Listener listener)
    : body_(std::make_unique<Body>(client, std::move(options), std::move(listener))) {
    body_->thread =
        std::jthread([body = body_.get()](const std::stop_token& stop) { body->run(stop); });
}

Watcher::~Watcher() {
    body_->thread.request_stop();
    body_->thread.join();
}

Nanos Watcher::without_contact_since() const {
    return body_->without_contact_since.load();
}

bool Watcher::has_listed() const {
    return body_->has_listed.load();
}

}  // namespace mcpgw::kubernetes
