// A small set-associative memory whose entries prove themselves.
#include "dataplane/session/task_places.h"

#include "common/bytes.h"

namespace mcpgw {
namespace {

std::uint64_t hash_of(std::uint64_t adapter, std::string_view task_id) {
    std::uint64_t hash = fnv1a(task_id, adapter);
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDULL;
    return hash ^ hash >> 33;
}

}  // namespace

TaskPlaces::TaskPlaces() : sets_(std::make_unique<std::array<Set, kSets>>()) {}

void TaskPlaces::put(std::uint64_t adapter, std::string_view task_id, std::uint64_t instance) {
    const std::uint64_t known = find(adapter, task_id);
    if (known == instance) return;
    const std::uint64_t hash = hash_of(adapter, task_id);
    Set& set = (*sets_)[hash & (kSets - 1)];
    std::size_t way = kWays;
    for (std::size_t i = 0; known != 0 && i < kWays; ++i)
        if ((set.places[i].check.load(std::memory_order_relaxed) ^ known) == hash) way = i;
    if (way == kWays) way = set.next.fetch_add(1, std::memory_order_relaxed) % kWays;
    set.places[way].instance.store(instance, std::memory_order_relaxed);
    set.places[way].check.store(instance ^ hash, std::memory_order_relaxed);
}

std::uint64_t TaskPlaces::find(std::uint64_t adapter, std::string_view task_id) const {
    const std::uint64_t hash = hash_of(adapter, task_id);
    for (const Place& place : (*sets_)[hash & (kSets - 1)].places) {
        const std::uint64_t instance = place.instance.load(std::memory_order_relaxed);
        if (instance != 0 && (place.check.load(std::memory_order_relaxed) ^ instance) == hash)
            return instance;
    }
    return 0;
}

bool TaskPlaces::any_at(std::uint64_t instance) const {
    for (const Set& set : *sets_)
        for (const Place& place : set.places)
            if (place.instance.load(std::memory_order_relaxed) == instance) return true;
    return false;
}

}  // namespace mcpgw
