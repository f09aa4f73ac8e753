// A tenant: whose requests are counted together, and how much they may use (CONTRACT section 4).
//
// A tenant need not be a resource to be in somebody's token; one that is not has no limits. One
// that came through here or out of the store obeys every rule.
#pragma once

#include <cstdint>
#include <string>

#include <picojson.h>

#include "common/contract/access.h"
#include "common/json_writer.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::model {

struct Tenant {
    std::string id;  // tenant_id_complaint()
    contract::LimitPair limits;
    std::string created_by;
    std::uint64_t created_at_unix_ms = 0;
    std::uint64_t last_updated_at_unix_ms = 0;
    std::uint64_t version = 0;  // the ETag; grows and never comes back
    bool operator==(const Tenant&) const = default;
};

struct TenantReading {
    Tenant tenant;  // only good if `errors` is empty
    FieldErrors errors;
};
// What the gateway itself sets may stand in the document and is not read.
[[nodiscard]] TenantReading read_tenant(const picojson::value& document);

// Its members, into an object that is open: more may follow.
void write_tenant_members(JsonWriter& out, const Tenant& tenant);

}  // namespace mcpgw::model
