// Keeps somebody informed of all objects of one kind, for as long as it lives.
//
//        +--- 410, or a whole watch in which the server said nothing ---+
//        v                                                              |
//     listing ---- all pages are there ----> watching ---- ended, broken, bookmark ----> watching
//        ^  \--- failed: pause ---^             \--- failed: pause, then on from the last version
//
// A list is diffed against what was known: only what differs is told, so a list after the first
// makes no noise. Of each object only name, uid and version are kept; the listener keeps what it
// wants. Pauses double with jitter up to limits::kubernetes_retry_last_ms and honour Retry-After.
// Owner: the deployer. One thread, which alone calls the listener; the destructor waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <picojson.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/api_client.h"

namespace mcpgw::kubernetes {

// What the watcher calls, always on its own thread, one at a time. Must not block for long, must
// not throw, and must not destroy the watcher. Any may be left empty.
struct Listener {
    // New or changed. Of a list, objects come while its pages arrive, without kind and apiVersion.
    std::function<void(const picojson::value& object)> on_changed{};
    // `last` is the state in which it went, or null if that was not seen (it is missing in a list).
    std::function<void(const std::string& name, const std::string& uid,
                       const picojson::value& last)>
        on_deleted;
    // A list is complete and what is gone was told: everything is known as of now. Again after
    // every further list.
    std::function<void()> on_listed{};
    // There is no contact, or the server refuses; once per reason until on_well. A stream that
    // just ends is no trouble.
    std::function<void(const Failure& why)> on_trouble{};
    // Contact again (or for the first time).
    std::function<void()> on_well{};
};

struct WatchOptions {
    std::string path{};            // "/api/v1/namespaces/x/pods"
    std::string label_selector{};  // "app.kubernetes.io/managed-by=mcp-gateway"; empty: all
    std::string field_selector{};
    std::size_t page_items = limits::kubernetes_page_items;
    // A watch lasts between this and twice this, at random.
    std::uint32_t watch_seconds = limits::kubernetes_watch_seconds;
    // How much longer than that the server may be silent before the stream counts as dead.
    std::uint32_t watch_margin_ms = limits::kubernetes_watch_margin_ms;
    std::uint32_t retry_first_ms = limits::kubernetes_retry_first_ms;
    std::uint32_t retry_last_ms = limits::kubernetes_retry_last_ms;
    std::size_t line_bytes_max = limits::kubernetes_line_bytes_max;
    std::size_t objects_max = limits::kubernetes_objects_max;
    std::function<std::uint64_t()> random{};  // empty: a random device
};

class Watcher {
  public:
    // `client` must outlive this.
    Watcher(ApiClient& client, WatchOptions options, Listener listener);
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    ~Watcher();  // within 100 ms, unless the listener takes longer

    // Any thread. Since when (monotonic clock) there has been no contact; kNever: there is contact.
    [[nodiscard]] Nanos without_contact_since() const;
    // Any thread. A list has been completed once.
    [[nodiscard]] bool has_listed() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace mcpgw::kubernetes
