// A table may lie where the last one lay, so its version and epoch are compared, too.
#include "dataplane/route/instance_index.h"

namespace mcpgw {

bool InstanceIndex::follow(const RouteTable& table) {
    if (table_ == &table && version_ == table.version() && epoch_ == table.epoch()) return false;
    table_ = &table;
    version_ = table.version();
    epoch_ = table.epoch();
    places_.clear();
    adapters_.clear();
    table.for_each([this](const Adapter& adapter) {
        adapters_.insert_or_assign(adapter.id, &adapter);
        for (const Instance& instance : adapter.instances)
            places_.insert_or_assign(instance.id, Place{&adapter, &instance});
    });
    return true;
}

const InstanceIndex::Place* InstanceIndex::find(std::uint64_t adapter,
                                                std::uint64_t instance) const {
    const auto found = places_.find(instance);
    const bool same = found != places_.end() && found->second.adapter->id == adapter;
    return same ? &found->second : nullptr;
}

const Adapter* InstanceIndex::find_adapter(std::uint64_t adapter) const {
    const auto found = adapters_.find(adapter);
    return found == adapters_.end() ? nullptr : found->second;
}

}  // namespace mcpgw
