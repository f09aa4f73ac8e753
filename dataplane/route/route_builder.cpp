// Turns snapshots and deltas into tables: addresses parsed, load blocks and metric slots found.
//
// Decoding has checked what a snapshot says; here is checked what a table needs, so that a broken
// input can never be published. New adapters are made first and the builder's state changes only
// when nothing can fail any more.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <sys/un.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"
#include "dataplane/route/route_table.h"
#include "dataplane/session/seal.h"

namespace mcpgw {
namespace {

static_assert(limits::adapters_max + metrics_slot::first_adapter < 32768,
              "WorkerMetrics::request_key has 15 bits for a slot");

std::string bad_address(const contract::Adapter& adapter, const contract::Instance& instance) {
    return "adapter " + adapter.name + ", instance " + instance.name +
           ": not a numeric address with a port and no path of a socket";
}

// Numeric IPv4 or IPv6 address with a port, or an absolute path of a Unix socket.
bool address_of(const contract::Instance& from, Instance& to) {
    to.address = {};
    if (from.host.starts_with('/')) {
        auto* local = reinterpret_cast<sockaddr_un*>(&to.address);
        if (from.host.size() >= sizeof(local->sun_path) ||
            from.host.find('\0') != std::string::npos)
            return false;
        local->sun_family = AF_UNIX;
        std::memcpy(local->sun_path, from.host.data(), from.host.size());
        to.address_bytes =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + from.host.size() + 1);
        return true;
    }
    if (from.port == 0 || from.host.find('\0') != std::string::npos) return false;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to.address);
    if (inet_pton(AF_INET, from.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(from.port);
        to.address_bytes = sizeof(sockaddr_in);
        return true;
    }
    to.address = {};
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.address);
    if (inet_pton(AF_INET6, from.host.c_str(), &v6->sin6_addr) != 1) return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from.port);
    to.address_bytes = sizeof(sockaddr_in6);
    return true;
}

bool same_key(const contract::SealingKey& a, const contract::SealingKey& b) {
    return a.id == b.id && a.key == b.key && a.current == b.current && a.shared == b.shared;
}

std::uint64_t fingerprint(const std::vector<contract::AccessRule>& rules) {
    std::uint64_t hash = fnv1a("");
    const auto add = [&hash](const std::vector<std::string>& texts) {
        for (const std::string& text : texts)
            hash = fnv1a({text.c_str(), text.size() + 1}, hash);
        hash = fnv1a("\n", hash);
    };
    for (const contract::AccessRule& rule : rules) {
        hash = fnv1a(rule.effect == contract::AccessRule::Effect::allow ? "+" : "-", hash);
        add(rule.roles);
        add(rule.methods);
        add(rule.tools);
    }
    return hash;
}

void copy_description(const contract::Adapter& from, Adapter& to) {
    to.name = from.name;
    to.id = adapter_identity(from.name);
    to.name_hash = fnv1a(from.name);
    to.transport = from.transport;
    to.affinity = from.affinity;
    to.created_by = from.created_by;
    to.required_roles = from.required_roles;
    to.tenant = from.tenant;
    to.required_scopes = from.required_scopes;
    to.access_rules = from.access_rules;
    to.rules_fingerprint = fingerprint(from.access_rules);
    to.limits = from.limits;
    to.identity_assertion = from.identity_assertion;
    to.timeouts = from.timeouts;
    to.request_headers = from.request_headers;
}

// The adapter as a table holds it, but for what adopt() adds.
Result<std::shared_ptr<RoutedAdapter>> route_adapter(const contract::Adapter& from) {
    if (from.instances.size() > limits::instances_per_adapter_max)
        return failure(Code::limit_exceeded, "adapter " + from.name + ": too many instances");
    auto routed = std::make_shared<RoutedAdapter>();
    Adapter& to = routed->adapter;
    copy_description(from, to);
    to.instances.resize(from.instances.size());
    for (std::size_t i = 0; i < to.instances.size(); ++i) {
        const contract::Instance& said = from.instances[i];
        Instance& instance = to.instances[i];
        instance.id = said.id;
        instance.name = said.name;
        instance.authority = said.authority;
        instance.path = said.path;
        instance.state = said.state;
        if (!address_of(said, instance))
            return failure(Code::invalid_argument, bad_address(from, said));
    }
    std::sort(to.instances.begin(), to.instances.end(),
              [](const Instance& a, const Instance& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < to.instances.size(); ++i) {
        if (i > 0 && to.instances[i].id == to.instances[i - 1].id)
            return failure(Code::invalid_argument,
                           "adapter " + from.name + ": two instances have one id");
        if (to.instances[i].state == contract::InstanceState::ready)
            to.ready.push_back(static_cast<std::uint32_t>(i));
    }
    return routed;
}

using RoutedList = std::vector<std::shared_ptr<RoutedAdapter>>;

Result<RoutedList> route_all(const std::vector<contract::Adapter>& adapters) {
    RoutedList list;
    list.reserve(adapters.size());
    std::unordered_set<std::string_view> names;
    names.reserve(adapters.size());
    for (const contract::Adapter& adapter : adapters) {
        if (!names.insert(adapter.name).second)
            return failure(Code::invalid_argument, "adapter " + adapter.name + " is there twice");
        auto routed = route_adapter(adapter);
        if (!routed) return std::unexpected(std::move(routed.error()));
        list.push_back(std::move(*routed));
    }
    return list;
}

}  // namespace

Result<std::unique_ptr<const RouteTable>> RouteBuilder::build(const contract::Snapshot& snapshot,
                                                              Source source) {
    if (snapshot.adapters.size() > limits::adapters_max)
        return failure(Code::limit_exceeded, "too many adapters");
    if (built_ && snapshot.epoch == epoch_ && snapshot.version < version_)
        return failure(Code::conflict, "older than the version in force");
    auto list = route_all(snapshot.adapters);
    if (!list) return std::unexpected(std::move(list.error()));

    source_ = source;
    for (const auto& routed : adapters_)
        abandon(*routed);
    adapters_.clear();
    positions_.clear();
    for (auto& routed : *list)
        put(std::move(routed));
    take_keys(snapshot.keys);
    take_access(snapshot.access);
    epoch_ = snapshot.epoch;
    version_ = snapshot.version;
    built_ = true;
    was_told_ = was_told_ || source == Source::control_plane;
    sweep_loads();
    return table();
}

Result<std::unique_ptr<const RouteTable>> RouteBuilder::apply(const contract::Delta& delta) {
    if (!built_ || delta.epoch != epoch_ || delta.from != version_)
        return failure(Code::conflict, "does not start from the version in force");
    if (delta.to <= delta.from) return failure(Code::invalid_argument, "leads nowhere");
    auto list = route_all(delta.upserts);
    if (!list) return std::unexpected(std::move(list.error()));
    std::unordered_set<std::string_view> removed;
    for (const std::string& name : delta.removals)
        if (!positions_.contains(name) || !removed.insert(name).second)
            return failure(Code::conflict, "removes " + name + ", which is not there");
    std::size_t count = adapters_.size() - removed.size();
    for (const auto& routed : *list) {
        if (removed.contains(routed->adapter.name))
            return failure(Code::invalid_argument, "changes and removes " + routed->adapter.name);
        if (!positions_.contains(routed->adapter.name)) ++count;
    }
    if (count > limits::adapters_max) return failure(Code::limit_exceeded, "too many adapters");

    source_ = Source::control_plane;
    for (const std::string& name : delta.removals)
        remove(name);
    for (auto& routed : *list)
        put(std::move(routed));
    if (!delta.keys.empty()) take_keys(delta.keys);
    if (delta.access) take_access(*delta.access);
    version_ = delta.to;
    was_told_ = true;
    sweep_loads();
    return table();
}

// Gives the new adapter its slot and its load blocks.
void RouteBuilder::adopt(Routed& routed) {
    routed.adapter.metrics_slot = slot_of(routed.adapter.name);
    routed.loads.reserve(routed.adapter.instances.size());
    for (Instance& instance : routed.adapter.instances) {
        auto& load = loads_[instance.id];
        if (load == nullptr)
            load = std::make_shared<InstanceLoad>(routed.adapter.id, routed.adapter.name_hash,
                                                  instance.id, is_younger_than_us(instance));
        orphans_.erase(instance.id);
        instance.load = load.get();
        routed.loads.push_back(load);
    }
}

// What the control plane says first may have been there before, unless it has not answered yet;
// what lies on the disk was.
bool RouteBuilder::is_younger_than_us(const Instance& instance) const {
    if (source_ == Source::disk) return false;
    return was_told_ || instance.state == contract::InstanceState::not_ready;
}

void RouteBuilder::abandon(const Routed& routed) {
    for (const Instance& instance : routed.adapter.instances)
        orphans_.insert(instance.id);
}

// Adds the adapter, or puts it in the place of the one with its name.
void RouteBuilder::put(std::shared_ptr<Routed> routed) {
    const auto [at, is_new] = positions_.try_emplace(routed->adapter.name, adapters_.size());
    if (!is_new) abandon(*adapters_[at->second]);
    adopt(*routed);
    if (is_new)
        adapters_.push_back(std::move(routed));
    else
        adapters_[at->second] = std::move(routed);
}

void RouteBuilder::remove(const std::string& name) {
    const auto at = positions_.find(name);
    check(at != positions_.end(), "only what is there is removed");
    const std::size_t place = at->second;
    abandon(*adapters_[place]);
    positions_.erase(at);
    if (place + 1 != adapters_.size()) {
        adapters_[place] = std::move(adapters_.back());
        positions_[adapters_[place]->adapter.name] = place;
    }
    adapters_.pop_back();
}

std::uint16_t RouteBuilder::slot_of(const std::string& name) {
    const auto known = slots_.find(name);
    if (known != slots_.end()) return known->second;
    if (slots_.size() >= limits::adapters_max) return metrics_slot::other;
    const auto slot = static_cast<std::uint16_t>(metrics_slot::first_adapter + slots_.size());
    slots_.emplace(name, slot);
    return slot;
}

void RouteBuilder::take_keys(const Keys& keys) {
    if (std::equal(keys.begin(), keys.end(), keys_->begin(), keys_->end(), same_key)) return;
    keys_ = std::make_shared<const Keys>(keys);
    ++keys_generation_;
}

void RouteBuilder::take_access(const contract::Access& access) {
    if (access != *access_) access_ = std::make_shared<const contract::Access>(access);
}

// Frees the load blocks that no table and no session or request needs any more.
void RouteBuilder::sweep_loads() {
    for (auto orphan = orphans_.begin(); orphan != orphans_.end();) {
        const auto at = loads_.find(*orphan);
        check(at != loads_.end(), "an orphan has a load block");
        const InstanceLoad& load = *at->second;
        const bool needed =
            at->second.use_count() > 1 || load.outstanding.load(std::memory_order_acquire) != 0;
        if (needed) {
            ++orphan;
        } else {
            loads_.erase(at);
            orphan = orphans_.erase(orphan);
        }
    }
}

std::unique_ptr<const RouteTable> RouteBuilder::table() const {
    auto table = std::make_unique<RouteTable>();
    table->version_ = version_;
    table->epoch_ = epoch_;
    table->keys_ = keys_;
    table->keys_generation_ = keys_generation_;
    table->access_ = access_;
    table->adapters_ = adapters_;
    table->index();
    return table;
}

}  // namespace mcpgw
