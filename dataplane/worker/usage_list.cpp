// One item after the other.
#include "dataplane/worker/usage_list.h"

#include "common/time.h"
#include "dataplane/exchange/services.h"

namespace mcpgw::worker {

void UsageList::list(const contract::UsageQuery& query, contract::UsagePage& page) {
    const std::size_t reader = publication_.list_reader();
    const RouteTable* table = publication_.refresh(reader);
    const limit::Now now{monotonic_now(), static_cast<std::uint32_t>(unix_seconds_now())};
    for (const std::string& name : query.tenants) {
        contract::TenantUsage& item = page.items.emplace_back();
        item.tenant = name;
        item.sessions = sessions_.table.sessions_of_tenant(exchange::session_name_of(name));
        const contract::Tenant* tenant =
            table == nullptr ? nullptr : limit::find_tenant(*table->access(), name);
        if (tenant == nullptr) continue;
        const limit::Usage usage = limiter_.usage_of(*tenant, now);
        item.used = usage.used;
        item.resets_unix_seconds = usage.resets_unix_seconds;
        item.streams = limiter_.streams_of(*tenant);
    }
    publication_.leave(reader);
}

}  // namespace mcpgw::worker
