// What the workers route by: an immutable table made from the snapshot, and its builder.
//
// A RouteTable never changes after it was built; finding an adapter is one hash and one probe, with
// no lock and no allocation. Tables share the adapters that did not change, so that a delta costs
// what it touches. Tables are made and freed by the link thread only; workers get them through
// Publication and keep no pointer into one beyond their tick. The exception is InstanceLoad: who is
// counted in it may keep the pointer for as long as it is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/contract/snapshot.h"
#include "common/result.h"
#include "dataplane/route/instance_health.h"

namespace mcpgw {

// The load that this data plane puts on one instance; shared by all workers, and the same block for
// the same instance id in every table. A holder of the pointer is counted in `outstanding` from the
// tick in which it found the instance until it lets go: a block is freed when its instance is in no
// table and nothing is outstanding; sessions of an instance that is gone are lost and do not count.
// Decrement with release order or stronger, as the last use.
struct alignas(64) InstanceLoad {
    InstanceLoad() = default;
    InstanceLoad(std::uint64_t the_adapter, std::uint64_t the_name_hash, std::uint64_t the_instance,
                 bool counts_all)
        : adapter_id(the_adapter),
          adapter_name_hash(the_name_hash),
          instance_id(the_instance),
          counts_all_sessions(counts_all) {}

    // Whose load it is, for who keeps nothing else of the table.
    const std::uint64_t adapter_id = 0;
    const std::uint64_t adapter_name_hash = 0;
    const std::uint64_t instance_id = 0;
    // False if the instance may be older than this process: it may have sessions from before, which
    // become known one by one, as they are used.
    const bool counts_all_sessions = true;
    std::atomic<std::uint32_t> sessions{0};
    std::atomic<std::uint32_t> outstanding{0};
    InstanceHealth health;
};

// One session less. Who counts twice, or out what was never counted in, makes no large number of
// it: it is a figure for choosing.
inline void count_out(std::atomic<std::uint32_t>& sessions) {
    std::uint32_t count = sessions.load(std::memory_order_relaxed);
    while (count > 0 &&
           !sessions.compare_exchange_weak(count, count - 1, std::memory_order_relaxed)) {
    }
}

struct Instance {
    std::uint64_t id = 0;
    std::string name;
    sockaddr_storage address{};  // AF_INET, AF_INET6 or AF_UNIX
    socklen_t address_bytes = 0;
    std::string authority;  // value of Host towards it
    std::string path;       // request target of its endpoint
    contract::InstanceState state = contract::InstanceState::not_ready;
    InstanceLoad* load = nullptr;  // never nullptr in a table
};

// Slots of metric counters. A name keeps its slot for the life of the process, also when the
// adapter goes and comes back; names beyond limits::adapters_max share `other`.
namespace metrics_slot {
inline constexpr std::uint16_t none = 0;    // no adapter: unknown names and foreign paths
inline constexpr std::uint16_t other = 1;   // the slots are used up
inline constexpr std::uint16_t router = 2;  // the tool router on /mcp
inline constexpr std::uint16_t first_adapter = 3;
}  // namespace metrics_slot

struct Adapter {
    std::string name;
    std::uint64_t id = 0;         // adapter_identity(name), as in sealed ids
    std::uint64_t name_hash = 0;  // fnv1a(name)
    contract::Transport transport = contract::Transport::streamable_http;
    contract::Affinity affinity = contract::Affinity::session;
    std::string created_by;
    std::vector<std::string> required_roles;
    std::string tenant;
    std::vector<std::string> required_scopes;
    std::vector<contract::AccessRule> access_rules;
    std::uint64_t rules_fingerprint = 0;  // another number for other rules
    contract::LimitPair limits;
    bool identity_assertion = false;
    contract::Timeouts timeouts;
    std::vector<std::pair<std::string, std::string>> request_headers;
    std::vector<Instance> instances;   // ascending by id
    std::vector<std::uint32_t> ready;  // indices of the ready ones
    std::uint16_t metrics_slot = metrics_slot::none;

    // nullptr when the instance is gone.
    [[nodiscard]] const Instance* find(std::uint64_t instance_id) const;
};

// What a table owns of an adapter: also its share in the load blocks of its instances.
struct RoutedAdapter {
    Adapter adapter;
    std::vector<std::shared_ptr<InstanceLoad>> loads;
};

class RouteTable {
  public:
    [[nodiscard]] std::uint64_t version() const { return version_; }
    [[nodiscard]] const std::string& epoch() const { return epoch_; }
    // nullptr when there is none. Wait-free, no allocation.
    [[nodiscard]] const Adapter* find(std::string_view name) const;
    // The same for who has kept two numbers of the adapter instead of its name.
    [[nodiscard]] const Adapter* find(std::uint64_t name_hash, std::uint64_t id) const;
    [[nodiscard]] std::span<const contract::SealingKey> keys() const { return *keys_; }
    // Whether other gateways open the sealed ids of this one, and may have its sessions at work.
    [[nodiscard]] bool keys_are_shared() const;
    // Another number whenever the keys are others; the same within the process for the same keys.
    [[nodiscard]] std::uint64_t keys_generation() const { return keys_generation_; }
    // Who may come in and how much they may use; never nullptr. The same object in every table
    // until it changes, so that who has made something of it sees whether that still holds.
    [[nodiscard]] const std::shared_ptr<const contract::Access>& access() const { return access_; }
    [[nodiscard]] std::size_t adapter_count() const { return adapters_.size(); }
    // Calls visit(const Adapter&) for each; the order is stable within one table only.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const auto& routed : adapters_)
            visit(routed->adapter);
    }
    // The snapshot that builds an equal table: what the link keeps on disk.
    [[nodiscard]] contract::Snapshot to_snapshot() const;

  private:
    friend class RouteBuilder;
    using Routed = RoutedAdapter;
    using Adapters = std::vector<std::shared_ptr<const Routed>>;
    struct Cell {
        std::uint64_t hash = 0;
        const Routed* routed = nullptr;  // nullptr: free
    };

    template <class Matches>
    [[nodiscard]] const Adapter* probe(std::uint64_t name_hash, Matches matches) const;
    void index();

    std::uint64_t version_ = 0;
    std::string epoch_;
    std::shared_ptr<const std::vector<contract::SealingKey>> keys_;
    std::uint64_t keys_generation_ = 0;
    std::shared_ptr<const contract::Access> access_ = std::make_shared<const contract::Access>();
    Adapters adapters_;
    std::vector<Cell> cells_;  // open addressing, at most half full
};

// Makes tables; used by the link thread only. A failed build or apply leaves everything as it was.
class RouteBuilder {
  public:
    enum class Source : std::uint8_t { control_plane, disk };

    // Code::limit_exceeded or invalid_argument for what a snapshot must not contain; conflict for a
    // version below the one in force of the same epoch.
    [[nodiscard]] Result<std::unique_ptr<const RouteTable>> build(
        const contract::Snapshot& snapshot, Source source = Source::control_plane);
    // Code::conflict unless the delta starts from the table made last.
    [[nodiscard]] Result<std::unique_ptr<const RouteTable>> apply(const contract::Delta& delta);

    [[nodiscard]] std::uint64_t version() const { return version_; }
    [[nodiscard]] const std::string& epoch() const { return epoch_; }
    // Of the table made last.
    [[nodiscard]] const contract::Access& access() const { return *access_; }
    // Load blocks alive, those of instances that are gone but still counted included.
    [[nodiscard]] std::size_t load_blocks() const { return loads_.size(); }

  private:
    using Routed = RouteTable::Routed;
    using Keys = std::vector<contract::SealingKey>;

    void adopt(Routed& routed);
    [[nodiscard]] bool is_younger_than_us(const Instance& instance) const;
    void abandon(const Routed& routed);
    void put(std::shared_ptr<Routed> routed);
    void remove(const std::string& name);
    [[nodiscard]] std::uint16_t slot_of(const std::string& name);
    void take_keys(const Keys& keys);
    void take_access(const contract::Access& access);
    void sweep_loads();
    [[nodiscard]] std::unique_ptr<const RouteTable> table() const;

    bool built_ = false;
    Source source_ = Source::control_plane;  // of what is being built
    bool was_told_ = false;                  // the control plane has spoken to this process
    std::uint64_t version_ = 0;
    std::string epoch_;
    std::shared_ptr<const Keys> keys_ = std::make_shared<const Keys>();
    std::uint64_t keys_generation_ = 0;
    std::shared_ptr<const contract::Access> access_ = std::make_shared<const contract::Access>();
    RouteTable::Adapters adapters_;
    std::unordered_map<std::string, std::size_t> positions_;  // name -> index in adapters_
    std::unordered_map<std::string, std::uint16_t> slots_;
    std::unordered_map<std::uint64_t, std::shared_ptr<InstanceLoad>> loads_;
    std::unordered_set<std::uint64_t> orphans_;  // instances in no newer table, maybe still counted
};

}  // namespace mcpgw
