// Bookkeeping of what is draining since when, and who has said what.
#include "controlplane/publish/drains.h"

#include <algorithm>
#include <set>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::publish {

void Drains::note_version(std::uint64_t version, std::string_view name,
                          const contract::Adapter* adapter) {
    std::set<std::uint64_t> draining;
    if (adapter != nullptr)
        for (const contract::Instance& instance : adapter->instances)
            if (instance.state == contract::InstanceState::draining) draining.insert(instance.id);
    std::erase_if(by_instance_, [&](const auto& entry) {
        return entry.second.adapter == name && !draining.contains(entry.first);
    });
    for (const std::uint64_t instance : draining)
        by_instance_.try_emplace(instance, Drain{std::string(name), version, {}});
}

void Drains::note_event(const contract::InstanceDrained& event, std::uint64_t data_plane,
                        Nanos now) {
    const auto drain = by_instance_.find(event.instance);
    if (drain == by_instance_.end() || drain->second.adapter != event.adapter) return;
    // It may have been given sessions between the drain that is meant and this one.
    if (event.version < drain->second.since) return;
    drain->second.said_at[data_plane] = now;
}

bool Drains::is_drained(std::uint64_t instance, std::span<const std::uint64_t> data_planes,
                        Nanos now) const {
    const auto drain = by_instance_.find(instance);
    if (drain == by_instance_.end() || data_planes.empty()) return false;
    return std::ranges::all_of(data_planes, [&](std::uint64_t data_plane) {
        const auto said = drain->second.said_at.find(data_plane);
        return said != drain->second.said_at.end() &&
               now - said->second <= limits::drained_news_ms_max * kMillisecond;
    });
}

}  // namespace mcpgw::publish
