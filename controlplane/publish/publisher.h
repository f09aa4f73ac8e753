// Tells every connected data plane what to serve: the control plane's end of the Unix socket
// (common/contract/frames.h).
//
//   change() --> adapters_ --(coalesced for 1 ms)--> version n --> each data plane, one at a time
//
// At most one message per data plane is on its way; what changes meanwhile goes with the next one,
// so nothing piles up behind a slow reader, and one that takes nothing for `patience_ms` is let go.
// A data plane that comes back with a version of this epoch that we remember gets what changed
// since; any other gets everything. Nothing is sent before `open_gate`: an incomplete first
// snapshot would end sessions that live. A key that is to seal is first told as one that only
// opens, and seals once every connected data plane has it: a session may move between them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/contract/access.h"
#include "common/contract/events.h"
#include "common/contract/frames.h"
#include "common/contract/snapshot.h"
#include "common/limits.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/instance_status.h"
#include "controlplane/model/adapter.h"
#include "controlplane/publish/drains.h"
#include "controlplane/publish/peer.h"

namespace mcpgw::publish {

struct PublisherOptions {
    std::string socket_path;
    std::string epoch;                       // of the store
    std::vector<contract::SealingKey> keys;  // exactly one is current
    contract::Access access = {};            // of the first snapshot
    // The next version, durable. Called on the publisher's thread.
    std::function<Result<std::uint64_t>()> next_version;
    // What data planes have met, and what all of them agree on. On the publisher's thread.
    std::function<void(const contract::InstanceFailure&)> on_failure;
    // An answer of a data plane to a question (contract/sessions.h), and a data plane that has left
    // or cannot take one. Called on the publisher's thread; may be empty.
    std::function<void(const std::string& process, const std::string& json)> on_answer;
    std::function<void(const std::string& process)> on_left;
    std::function<void(const contract::InstanceDrained&)> on_drained;
    // A token with a key of this issuer that the data plane does not have; may be empty.
    std::function<void(const contract::UnknownKey&)> on_unknown_key;
    std::uint32_t patience_ms = limits::data_plane_patience_ms;
};

class Publisher {
  public:
    // Listens (mode 0600). address_in_use: somebody answers on that path already.
    [[nodiscard]] static Result<std::unique_ptr<Publisher>> open(PublisherOptions options);
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;
    ~Publisher();  // stops; removes the socket

    void start();
    void stop();

    // Any thread. `desired` null: the adapter is gone. Tools are not published.
    void change(std::string_view name, const model::Adapter* desired,
                const std::vector<deploy::InstanceStatus>& instances);
    // Exactly one key is current.
    void change_keys(std::vector<contract::SealingKey> keys);
    // Any thread. All of it.
    void change_access(contract::Access access);
    // Any thread, once: what `change` said so far is complete.
    void open_gate();

    // Any thread. The data planes that take questions, by what they call themselves, in order.
    [[nodiscard]] std::vector<std::string> processes();
    // Any thread. Sends the question soon; on_left tells if it cannot be. False: too much waits to
    // be sent already.
    [[nodiscard]] bool ask(std::string process, std::string json);

    // For /readyz and debugging: the version that was published last, and how many data planes
    // have it in force.
    [[nodiscard]] std::uint64_t version() const { return version_; }
    [[nodiscard]] std::size_t followers() const { return followers_; }

  private:
    // What one version changed, so that a data plane some versions behind gets a delta.
    struct Step {
        std::uint64_t version = 0;
        std::vector<std::string> names;
        bool keys = false;
        bool access = false;
        [[nodiscard]] bool is_empty() const { return names.empty() && !keys && !access; }
    };
    using Adapters = std::map<std::string, contract::Adapter, std::less<>>;

    explicit Publisher(PublisherOptions options);
    [[nodiscard]] Result<> listen();
    void run();
    void wake();
    void wait();
    void take_changes(Nanos now);
    void take_keys(std::vector<contract::SealingKey> keys, Nanos now);
    void let_key_seal(Nanos now);
    [[nodiscard]] bool has_keys(const Peer& peer) const;
    void make_version(Nanos now);
    void accept_peers(Nanos now);
    void serve(Peer& peer, Nanos now);
    void send_questions(Nanos now);
    void part_with_closed();
    void note_processes();
    void take_frame(Peer& peer, const std::string& json);
    void take_hello(Peer& peer, const std::string& json);
    void take_drained(Peer& peer, const std::string& json);
    void send_news(Peer& peer, Nanos now);
    [[nodiscard]] std::string update_for(const Peer& peer);
    [[nodiscard]] bool remembers(std::uint64_t version) const;

    const PublisherOptions options_;
    deploy::Descriptor listener_;
    deploy::Descriptor event_;
    std::thread thread_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> version_ = 0;
    std::atomic<std::size_t> followers_ = 0;

    std::mutex mutex_;  // guards what was said since the thread looked last
    Adapters said_;
    std::set<std::string, std::less<>> said_gone_;
    std::optional<std::vector<contract::SealingKey>> said_keys_;
    std::optional<contract::Access> said_access_;
    bool gate_open_ = false;
    std::vector<std::pair<std::string, std::string>> questions_;  // process, json
    std::size_t questions_bytes_ = 0;
    std::vector<std::string> processes_;

    // The thread's own.
    Adapters adapters_;
    contract::Access access_;
    std::vector<contract::SealingKey> keys_;
    std::uint64_t keys_version_ = 0;  // whose snapshot has keys_, kNotYet while none has
    // What keys_ shall become when every data plane has keys_, and since when.
    std::optional<std::vector<contract::SealingKey>> waiting_keys_;
    Nanos waiting_since_ = 0;
    bool waits_for_long_ = false;
    Step next_;  // what the next version will have changed
    std::deque<Step> history_;
    Drains drains_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::uint64_t last_serial_ = 0;  // of a peer
    std::string full_;               // the encoded snapshot of version_, made when first needed
    bool may_publish_ = false;
    Nanos publish_at_ = kNever;
};

}  // namespace mcpgw::publish
