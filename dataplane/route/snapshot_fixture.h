// Snapshots for the tests of this room and of link/: small ones by hand, large ones by number.
//
// Small, valid and deterministic, so that a test says only what it changes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/contract/snapshot.h"

namespace mcpgw::fixture {

inline contract::Instance make_instance(const std::string& adapter, std::size_t number,
                                        const std::string& uid = "uid") {
    contract::Instance instance;
    instance.name = adapter + "-" + std::to_string(number);
    instance.id = contract::instance_identity(adapter, instance.name, uid);
    instance.host = "127.0.0.1";
    instance.port = static_cast<std::uint16_t>(20000 + number);
    instance.authority = "127.0.0.1:" + std::to_string(instance.port);
    instance.path = "/mcp";
    instance.state = contract::InstanceState::ready;
    return instance;
}

inline contract::Adapter make_adapter(const std::string& name, std::size_t instances) {
    contract::Adapter adapter;
    adapter.name = name;
    adapter.created_by = "alice";
    for (std::size_t i = 0; i < instances; ++i)
        adapter.instances.push_back(make_instance(name, i));
    return adapter;
}

inline contract::SealingKey make_key(std::string id, char fill, bool current) {
    return {std::move(id), std::string(32, fill), current};
}

inline contract::Snapshot make_snapshot(std::size_t adapters, std::size_t instances) {
    contract::Snapshot snapshot;
    snapshot.epoch = "epoch-1";
    snapshot.version = 10;
    snapshot.keys = {make_key("k1", 'a', true)};
    snapshot.adapters.reserve(adapters);
    for (std::size_t i = 0; i < adapters; ++i)
        snapshot.adapters.push_back(make_adapter("adapter-" + std::to_string(i), instances));
    return snapshot;
}

inline contract::Delta make_delta(std::uint64_t from, std::vector<contract::Adapter> upserts,
                                  std::vector<std::string> removals = {}) {
    contract::Delta delta;
    delta.epoch = "epoch-1";
    delta.from = from;
    delta.to = from + 1;
    delta.upserts = std::move(upserts);
    delta.removals = std::move(removals);
    return delta;
}

}  // namespace mcpgw::fixture
