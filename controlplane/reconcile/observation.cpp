// Keeps the last reading of every adapter under one lock, held only to swap a pointer.
#include "controlplane/reconcile/observation.h"

#include <utility>

namespace mcpgw::reconcile {

InstanceList Observations::of(std::string_view adapter) const {
    static const InstanceList nothing = std::make_shared<const std::vector<InstanceStatus>>();
    const std::scoped_lock lock(mutex_);
    const auto found = by_adapter_.find(adapter);
    return found == by_adapter_.end() ? nothing : found->second;
}

std::uint64_t Observations::version() const {
    const std::scoped_lock lock(mutex_);
    return version_;
}

ConditionList Observations::conditions_of(std::string_view adapter) const {
    static const ConditionList nothing = std::make_shared<const std::vector<Condition>>();
    const std::scoped_lock lock(mutex_);
    const auto found = conditions_.find(adapter);
    return found == conditions_.end() ? nothing : found->second;
}

void Observations::set_conditions(std::string_view adapter, std::vector<Condition> conditions) {
    auto list = std::make_shared<const std::vector<Condition>>(std::move(conditions));
    const std::scoped_lock lock(mutex_);
    conditions_.insert_or_assign(std::string(adapter), std::move(list));
}

bool Observations::set(std::string_view adapter, std::vector<InstanceStatus> instances) {
    auto list = std::make_shared<const std::vector<InstanceStatus>>(std::move(instances));
    const std::scoped_lock lock(mutex_);
    const auto [place, is_new] = by_adapter_.try_emplace(std::string(adapter), list);
    if (!is_new) {
        if (*place->second == *list) return false;
        place->second = std::move(list);
    }
    ++version_;
    return true;
}

std::uint64_t Observations::row_version_of(std::string_view adapter) const {
    const std::scoped_lock lock(mutex_);
    const auto found = row_versions_.find(adapter);
    return found == row_versions_.end() ? 0 : found->second;
}

void Observations::note_row_version(std::string_view adapter, std::uint64_t version) {
    const std::scoped_lock lock(mutex_);
    row_versions_.insert_or_assign(std::string(adapter), version);
}

bool Observations::erase(std::string_view adapter) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = conditions_.find(adapter); known != conditions_.end())
        conditions_.erase(known);
    if (const auto row = row_versions_.find(adapter); row != row_versions_.end())
        row_versions_.erase(row);
    const auto found = by_adapter_.find(adapter);
    if (found == by_adapter_.end()) return false;
    by_adapter_.erase(found);
    ++version_;
    return true;
}

}  // namespace mcpgw::reconcile
