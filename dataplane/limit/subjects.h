// Whose limits a request counts against: its adapter, its tenant, and the caller within each.
//
// The tenant is the adapter's, else the one that the caller belongs to, else the tenant `default`,
// if there is one. Views point into the route table and the request; they are good for one tick.
#pragma once

#include <array>
#include <string_view>

#include "common/contract/access.h"
#include "dataplane/observe/metrics.h"
#include "dataplane/route/route_table.h"

namespace mcpgw::limit {

inline constexpr std::string_view kDefaultTenant = "default";

// From the narrow to the wide: the order in which limits are counted (limiter.h).
inline constexpr std::array kScopes = {LimitScope::adapter_user, LimitScope::tenant_user,
                                       LimitScope::adapter, LimitScope::tenant};

struct Subjects {
    const Adapter* adapter = nullptr;
    const contract::Tenant* tenant = nullptr;  // nullptr: none of which anything is known
    std::string_view tenant_name;              // may be empty
    std::string_view user;                     // may be empty: then only limits of all count

    // nullptr: none.
    [[nodiscard]] const contract::Limits* limits_of(LimitScope scope) const;
    [[nodiscard]] bool are_limited() const {
        return !adapter->limits.all.none() || !adapter->limits.per_user.none() ||
               (tenant != nullptr &&
                (!tenant->limits.all.none() || !tenant->limits.per_user.none()));
    }
};

[[nodiscard]] const contract::Tenant* find_tenant(const contract::Access& access,
                                                  std::string_view id);

// `tenant` and `user` are the caller's.
[[nodiscard]] Subjects subjects_of(const contract::Access& access, const Adapter& adapter,
                                   std::string_view tenant, std::string_view user);

}  // namespace mcpgw::limit
