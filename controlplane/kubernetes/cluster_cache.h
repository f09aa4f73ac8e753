// What the watches have told about our objects, by adapter, and which adapters have news.
//
// Written by the watchers' threads, read by any. A watch that loses contact changes nothing here:
// what was known stays in force. Owner: the deployer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <picojson.h>

#include "controlplane/kubernetes/seen.h"

namespace mcpgw::kubernetes {

// What is watched. Instances are known when the first three have been listed.
enum class Watched : std::uint8_t { stateful_sets, pods, slices, events };
inline constexpr std::size_t kWatchedCount = 4;

struct News {
    std::set<std::string> adapters;
    bool is_everything = false;  // also what is not in here is to be looked at again
};

class ClusterCache {
  public:
    // `on_news` is called without a lock, on the thread that brought the news, when an adapter has
    // been added to what take_news() returns.
    explicit ClusterCache(std::function<void()> on_news) : on_news_(std::move(on_news)) {}

    void put(Watched kind, const picojson::value& object);
    void drop(Watched kind, const std::string& name, const std::string& uid);
    void note_listed(Watched kind);
    // There has been no contact since then (wall clock), for this reason; 0: contact again.
    void note_contact(Watched kind, std::uint64_t lost_unix_ms, std::string why);
    void note(std::string_view adapter);
    void note_everything();

    [[nodiscard]] SeenAdapter of(std::string_view adapter) const;
    // Of which there are objects.
    [[nodiscard]] std::vector<std::string> adapters() const;
    // StatefulSets, pods and slices were listed once.
    [[nodiscard]] bool is_complete() const;
    // One sentence on the contact that is lost, empty if there is contact.
    [[nodiscard]] std::string contact_trouble() const;
    [[nodiscard]] News take_news();

  private:
    struct Contact {
        bool is_listed = false;
        std::uint64_t lost_unix_ms = 0;
        std::string why;
    };

    // All of these are called with the lock and say which adapter is concerned, if any.
    [[nodiscard]] std::string put_stateful_set(SeenStatefulSet set);
    [[nodiscard]] std::string put_pod(SeenPod pod);
    [[nodiscard]] std::string put_slice(SeenSlice slice);
    [[nodiscard]] std::string put_event(SeenEvent event);
    [[nodiscard]] std::string erase(Watched kind, const std::string& name, const std::string& uid);
    void forget_if_empty(const std::string& adapter);
    void forget_oldest_event();

    const std::function<void()> on_news_;
    mutable std::mutex mutex_;
    std::map<std::string, SeenAdapter, std::less<>> adapters_;  // without their events
    // Names of pods and slices -> adapter; uids of StatefulSets and pods -> adapter.
    std::map<std::string, std::string> adapter_of_pod_;
    std::map<std::string, std::string> adapter_of_slice_;
    std::map<std::string, std::string> adapter_of_uid_;
    std::map<std::string, std::map<std::string, SeenEvent>> events_by_uid_;  // of their object
    std::map<std::string, std::string> uid_of_event_;
    std::array<Contact, kWatchedCount> contacts_;
    News news_;
};

}  // namespace mcpgw::kubernetes
