// Tenants in and out of JSON.
#include "controlplane/model/tenant.h"

#include <string_view>

#include "common/time.h"
#include "controlplane/model/access_json.h"
#include "controlplane/model/identity_rules.h"

namespace mcpgw::model {

TenantReading read_tenant(const picojson::value& document) {
    TenantReading reading;
    FieldReader in(document, "", reading.errors);
    if (!document.is<picojson::object>()) return reading;
    if (in.string("id", reading.tenant.id)) in.judge("id", tenant_id_complaint(reading.tenant.id));
    read_limit_members(in, reading.tenant.limits);
    for (const std::string_view key : {"createdBy", "createdAt", "lastUpdatedAt", "version", "used",
                                       "resetsAt", "sessions", "streams"})
        static_cast<void>(in.take(key));
    in.refuse_unknown();
    return reading;
}

void write_tenant_members(JsonWriter& out, const Tenant& tenant) {
    out.key("id").string(tenant.id);
    write_limit_members(out, tenant.limits);
    out.key("createdBy").string(tenant.created_by);
    out.key("createdAt").string(rfc3339(tenant.created_at_unix_ms));
    out.key("lastUpdatedAt").string(rfc3339(tenant.last_updated_at_unix_ms));
    out.key("version").number(tenant.version);
}

}  // namespace mcpgw::model
