// What the reconciler saw last, for everyone who wants to know: api/ shows it.
//
// Written by the reconciler's thread alone, read from any thread. A reading is a shared immutable
// list; it stays as it was when the next one replaces it. The version counts changes, so a reader
// can tell whether anything is new without looking at all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/deploy/instance_status.h"
#include "controlplane/reconcile/conditions.h"

namespace mcpgw::reconcile {

using deploy::InstanceStatus;
using InstanceList = std::shared_ptr<const std::vector<InstanceStatus>>;
using ConditionList = std::shared_ptr<const std::vector<Condition>>;

class Observations {
  public:
    // Instances by ordinal; never null; empty for an adapter that was not looked at yet.
    [[nodiscard]] InstanceList of(std::string_view adapter) const;
    // Grows with every change of any adapter.
    [[nodiscard]] std::uint64_t version() const;

    // The version of the adapter's row after which its instances were looked at last; 0: never.
    [[nodiscard]] std::uint64_t row_version_of(std::string_view adapter) const;

    // Never null; empty for an adapter that was not looked at yet.
    [[nodiscard]] ConditionList conditions_of(std::string_view adapter) const;

    // After the instances were set; no news for those who route.
    void set_conditions(std::string_view adapter, std::vector<Condition> conditions);
    // Says whether this is news.
    bool set(std::string_view adapter, std::vector<InstanceStatus> instances);
    // After the instances of that version were set. No news: it changes with the row alone.
    void note_row_version(std::string_view adapter, std::uint64_t version);
    bool erase(std::string_view adapter);

  private:
    mutable std::mutex mutex_;
    std::map<std::string, InstanceList, std::less<>> by_adapter_;
    std::map<std::string, ConditionList, std::less<>> conditions_;
    std::map<std::string, std::uint64_t, std::less<>> row_versions_;
    std::uint64_t version_ = 0;
};

}  // namespace mcpgw::reconcile
