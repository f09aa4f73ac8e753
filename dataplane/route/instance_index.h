// The instances of a route table by their id, for threads that meet ids without knowing of which
// adapter they are (the janitor, lists of sessions). Workers have no need of it.
//
// Made anew when the table is another one; what find() returns is valid as long as that table is
// announced. Of one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "dataplane/route/route_table.h"

namespace mcpgw {

class InstanceIndex {
  public:
    struct Place {
        const Adapter* adapter;
        const Instance* instance;
    };

    // True if it is another table than before.
    bool follow(const RouteTable& table);
    // nullptr if the adapter has no such instance (any more).
    [[nodiscard]] const Place* find(std::uint64_t adapter, std::uint64_t instance) const;
    [[nodiscard]] const Adapter* find_adapter(std::uint64_t adapter) const;

  private:
    std::unordered_map<std::uint64_t, Place> places_;
    std::unordered_map<std::uint64_t, const Adapter*> adapters_;
    const RouteTable* table_ = nullptr;
    std::uint64_t version_ = 0;
    std::string epoch_;
};

}  // namespace mcpgw
