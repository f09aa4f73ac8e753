// Lookups in a finished table, and the way back from a table to the snapshot that builds it.
#include "dataplane/route/route_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <sys/un.h>

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw {
namespace {

// The reverse of route_builder.cpp's address_of.
void write_address(const Instance& from, contract::Instance& to) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const auto* any = &from.address;
    if (any->ss_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(any);
        inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        to.host = text.data();
        to.port = ntohs(v4->sin_port);
    } else if (any->ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(any);
        inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
        to.host = text.data();
        to.port = ntohs(v6->sin6_port);
    } else {
        check(any->ss_family == AF_UNIX, "a table holds three kinds of addresses");
        to.host = reinterpret_cast<const sockaddr_un*>(any)->sun_path;
    }
}

contract::Adapter described(const Adapter& adapter) {
    contract::Adapter out;
    out.name = adapter.name;
    out.transport = adapter.transport;
    out.affinity = adapter.affinity;
    out.created_by = adapter.created_by;
    out.required_roles = adapter.required_roles;
    out.tenant = adapter.tenant;
    out.required_scopes = adapter.required_scopes;
    out.access_rules = adapter.access_rules;
    out.limits = adapter.limits;
    out.identity_assertion = adapter.identity_assertion;
    out.timeouts = adapter.timeouts;
    out.request_headers = adapter.request_headers;
    out.instances.reserve(adapter.instances.size());
    for (const Instance& instance : adapter.instances) {
        contract::Instance& to = out.instances.emplace_back();
        to.name = instance.name;
        to.id = instance.id;
        to.authority = instance.authority;
        to.path = instance.path;
        to.state = instance.state;
        write_address(instance, to);
    }
    return out;
}

}  // namespace

const Instance* Adapter::find(std::uint64_t instance_id) const {
    const auto at = std::lower_bound(
        instances.begin(), instances.end(), instance_id,
        [](const Instance& instance, std::uint64_t wanted) { return instance.id < wanted; });
    return at != instances.end() && at->id == instance_id ? &*at : nullptr;
}

template <class Matches>
const Adapter* RouteTable::probe(std::uint64_t name_hash, Matches matches) const {
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t i = name_hash & mask;; i = (i + 1) & mask) {
        const Cell& cell = cells_[i];
        if (cell.routed == nullptr) return nullptr;
        if (cell.hash == name_hash && matches(cell.routed->adapter)) return &cell.routed->adapter;
    }
}

const Adapter* RouteTable::find(std::string_view name) const {
    return probe(fnv1a(name), [name](const Adapter& adapter) { return adapter.name == name; });
}

const Adapter* RouteTable::find(std::uint64_t name_hash, std::uint64_t id) const {
    return probe(name_hash, [id](const Adapter& adapter) { return adapter.id == id; });
}

bool RouteTable::keys_are_shared() const {
    return std::ranges::any_of(*keys_, [](const contract::SealingKey& key) { return key.shared; });
}

void RouteTable::index() {
    // At most half full, so that a probe ends soon and a free cell always exists.
    const std::size_t size = std::bit_ceil(adapters_.size() * 2 + 1);
    cells_.assign(size, Cell{});
    for (const auto& routed : adapters_) {
        std::size_t i = routed->adapter.name_hash & (size - 1);
        while (cells_[i].routed != nullptr)
            i = (i + 1) & (size - 1);
        cells_[i] = {routed->adapter.name_hash, routed.get()};
    }
}

contract::Snapshot RouteTable::to_snapshot() const {
    contract::Snapshot snapshot;
    snapshot.epoch = epoch_;
    snapshot.version = version_;
    snapshot.keys = *keys_;
    snapshot.access = *access_;
    snapshot.adapters.reserve(adapters_.size());
    for (const auto& routed : adapters_)
        snapshot.adapters.push_back(described(routed->adapter));
    return snapshot;
}

}  // namespace mcpgw
