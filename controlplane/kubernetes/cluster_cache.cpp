// One map per adapter, and indexes for what names no adapter itself.
#include "controlplane/kubernetes/cluster_cache.h"

#include <algorithm>
#include <utility>

#include "common/limits.h"
#include "common/time.h"

namespace mcpgw::kubernetes {
namespace {

constexpr std::array<std::string_view, kWatchedCount> kNouns = {"StatefulSets", "pods",
                                                                "EndpointSlices", "events"};

}  // namespace

std::string ClusterCache::put_stateful_set(SeenStatefulSet set) {
    // Its name is the adapter's, or it is somebody else's who took our label.
    if (!set.owner.is_managed || set.owner.adapter != set.name) return "";
    SeenAdapter& adapter = adapters_[set.name];
    if (adapter.stateful_set == set) return "";
    if (adapter.stateful_set) adapter_of_uid_.erase(adapter.stateful_set->uid);
    adapter_of_uid_[set.uid] = set.name;
    adapter.stateful_set = std::move(set);
    return adapter.stateful_set->name;
}

std::string ClusterCache::put_pod(SeenPod pod) {
    if (pod.adapter.empty()) return "";
    const std::string name = pod.adapter;
    SeenPod& place = adapters_[name].pods[pod.name];
    if (place == pod) return "";
    adapter_of_uid_.erase(place.uid);
    adapter_of_uid_[pod.uid] = name;
    adapter_of_pod_[pod.name] = name;
    place = std::move(pod);
    return name;
}

std::string ClusterCache::put_slice(SeenSlice slice) {
    if (slice.adapter.empty()) return "";
    const std::string name = slice.adapter;
    SeenSlice& place = adapters_[name].slices[slice.name];
    if (place == slice) return "";
    adapter_of_slice_[slice.name] = name;
    place = std::move(slice);
    return name;
}

void ClusterCache::forget_oldest_event() {
    auto oldest = events_by_uid_.end();
    std::uint64_t at_unix_ms = UINT64_MAX;
    for (auto it = events_by_uid_.begin(); it != events_by_uid_.end(); ++it)
        for (const auto& [name, event] : it->second)
            if (event.at_unix_ms < at_unix_ms) {
                oldest = it;
                at_unix_ms = event.at_unix_ms;
            }
    if (oldest == events_by_uid_.end()) return;
    // All of its object go: they are about as old, and nobody reads half a story.
    for (const auto& [name, event] : oldest->second)
        uid_of_event_.erase(name);
    events_by_uid_.erase(oldest);
}

std::string ClusterCache::put_event(SeenEvent event) {
    const auto adapter = adapter_of_uid_.find(event.object_uid);
    uid_of_event_[event.name] = event.object_uid;
    auto& events = events_by_uid_[event.object_uid];
    events.insert_or_assign(event.name, std::move(event));
    if (uid_of_event_.size() > limits::kubernetes_events_max) forget_oldest_event();
    return adapter == adapter_of_uid_.end() ? "" : adapter->second;
}

void ClusterCache::put(Watched kind, const picojson::value& object) {
    std::string concerned;
    {
        const std::scoped_lock lock(mutex_);
        switch (kind) {
            case Watched::stateful_sets:
                concerned = put_stateful_set(seen_stateful_set(object));
                break;
            case Watched::pods:
                concerned = put_pod(seen_pod(object));
                break;
            case Watched::slices:
                concerned = put_slice(seen_slice(object));
                break;
            case Watched::events:
                concerned = put_event(seen_event(object));
                break;
        }
    }
    if (!concerned.empty()) note(concerned);
}

std::string ClusterCache::erase(Watched kind, const std::string& name, const std::string& uid) {
    switch (kind) {
        case Watched::stateful_sets: {
            const auto found = adapters_.find(name);
            if (found == adapters_.end() || !found->second.stateful_set ||
                found->second.stateful_set->uid != uid)
                return "";
            adapter_of_uid_.erase(uid);
            found->second.stateful_set.reset();
            return name;
        }
        case Watched::pods: {
            const auto owner = adapter_of_pod_.find(name);
            if (owner == adapter_of_pod_.end()) return "";
            std::string adapter = owner->second;
            auto& pods = adapters_[adapter].pods;
            const auto pod = pods.find(name);
            // Another incarnation of that name may have come before.
            if (pod == pods.end() || pod->second.uid != uid) return "";
            pods.erase(pod);
            adapter_of_pod_.erase(owner);
            adapter_of_uid_.erase(uid);
            return adapter;
        }
        case Watched::slices: {
            const auto owner = adapter_of_slice_.find(name);
            if (owner == adapter_of_slice_.end()) return "";
            std::string adapter = owner->second;
            adapters_[adapter].slices.erase(name);
            adapter_of_slice_.erase(owner);
            return adapter;
        }
        case Watched::events: {
            const auto owner = uid_of_event_.find(name);
            if (owner == uid_of_event_.end()) return "";
            const auto events = events_by_uid_.find(owner->second);
            events->second.erase(name);
            if (events->second.empty()) events_by_uid_.erase(events);
            uid_of_event_.erase(owner);
            return "";
        }
    }
    return "";
}

void ClusterCache::forget_if_empty(const std::string& adapter) {
    const auto found = adapters_.find(adapter);
    if (found != adapters_.end() && found->second == SeenAdapter{}) adapters_.erase(found);
}

void ClusterCache::drop(Watched kind, const std::string& name, const std::string& uid) {
    std::string concerned;
    {
        const std::scoped_lock lock(mutex_);
        concerned = erase(kind, name, uid);
        forget_if_empty(concerned);
    }
    if (!concerned.empty()) note(concerned);
}

void ClusterCache::note_listed(Watched kind) {
    bool is_first = false;
    {
        const std::scoped_lock lock(mutex_);
        is_first = !std::exchange(contacts_[static_cast<std::size_t>(kind)].is_listed, true);
    }
    if (is_first) note_everything();
}

void ClusterCache::note_contact(Watched kind, std::uint64_t lost_unix_ms, std::string why) {
    {
        const std::scoped_lock lock(mutex_);
        Contact& contact = contacts_[static_cast<std::size_t>(kind)];
        // The first loss counts, however often it is told.
        if (lost_unix_ms == 0 || contact.lost_unix_ms == 0) contact.lost_unix_ms = lost_unix_ms;
        contact.why = std::move(why);
    }
    note_everything();
}

void ClusterCache::note(std::string_view adapter) {
    {
        const std::scoped_lock lock(mutex_);
        news_.adapters.emplace(adapter);
    }
    on_news_();
}

void ClusterCache::note_everything() {
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [name, adapter] : adapters_)
            news_.adapters.insert(name);
        news_.is_everything = true;
    }
    on_news_();
}

SeenAdapter ClusterCache::of(std::string_view adapter) const {
    const std::scoped_lock lock(mutex_);
    const auto found = adapters_.find(adapter);
    if (found == adapters_.end()) return {};
    SeenAdapter seen = found->second;
    const auto add_events = [this, &seen](const std::string& uid) {
        const auto events = events_by_uid_.find(uid);
        if (events != events_by_uid_.end())
            seen.events.insert(events->second.begin(), events->second.end());
    };
    if (seen.stateful_set) add_events(seen.stateful_set->uid);
    for (const auto& [name, pod] : seen.pods)
        add_events(pod.uid);
    return seen;
}

std::vector<std::string> ClusterCache::adapters() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, adapter] : adapters_)
        names.push_back(name);
    return names;
}

bool ClusterCache::is_complete() const {
    const std::scoped_lock lock(mutex_);
    return std::ranges::all_of(
        std::array{Watched::stateful_sets, Watched::pods, Watched::slices},
        [this](Watched kind) { return contacts_[static_cast<std::size_t>(kind)].is_listed; });
}

std::string ClusterCache::contact_trouble() const {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < static_cast<std::size_t>(Watched::events); ++i) {
        const Contact& contact = contacts_[i];
        if (contact.lost_unix_ms == 0) continue;
        return "no news of " + std::string(kNouns[i]) + " from the Kubernetes API server since " +
               rfc3339(contact.lost_unix_ms) + ": " + contact.why;
    }
    return "";
}

News ClusterCache::take_news() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(news_, News{});
}

}  // namespace mcpgw::kubernetes
