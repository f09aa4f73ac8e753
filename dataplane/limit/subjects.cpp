// Which tenant, and which of the four limits there are.
#include "dataplane/limit/subjects.h"

#include <algorithm>

namespace mcpgw::limit {

const contract::Tenant* find_tenant(const contract::Access& access, std::string_view id) {
    const auto at = std::ranges::lower_bound(
        access.tenants, id, {},
        [](const contract::Tenant& tenant) { return std::string_view(tenant.id); });
    return at != access.tenants.end() && at->id == id ? &*at : nullptr;
}

Subjects subjects_of(const contract::Access& access, const Adapter& adapter,
                     std::string_view tenant, std::string_view user) {
    Subjects subjects{&adapter, nullptr, tenant, user};
    if (!adapter.tenant.empty()) subjects.tenant_name = adapter.tenant;
    if (access.tenants.empty()) return subjects;
    if (subjects.tenant_name.empty()) {
        subjects.tenant = find_tenant(access, kDefaultTenant);
        if (subjects.tenant != nullptr) subjects.tenant_name = subjects.tenant->id;
    } else {
        subjects.tenant = find_tenant(access, subjects.tenant_name);
    }
    return subjects;
}

const contract::Limits* Subjects::limits_of(LimitScope scope) const {
    const contract::Limits* limits = nullptr;
    switch (scope) {
        case LimitScope::adapter_user:
            if (!user.empty()) limits = &adapter->limits.per_user;
            break;
        case LimitScope::tenant_user:
            if (tenant != nullptr && !user.empty()) limits = &tenant->limits.per_user;
            break;
        case LimitScope::adapter:
            limits = &adapter->limits.all;
            break;
        case LimitScope::tenant:
            if (tenant != nullptr) limits = &tenant->limits.all;
            break;
    }
    return limits != nullptr && !limits->none() ? limits : nullptr;
}

}  // namespace mcpgw::limit
