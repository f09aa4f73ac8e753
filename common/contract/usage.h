// How much tenants have used: questions of the control plane, and the answers of a data plane.
//
//   usage_query {request, tenants} ────▶
//                     ◀──── usage_page {request, items}
//
// As with sessions (sessions.h), `request` comes back, and answers may come late or never. Each
// data plane counts for itself; who wants to know the whole adds up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::contract {

struct UsageQuery {
    std::uint64_t request = 0;
    std::vector<std::string> tenants = {};  // at most limits::usage_tenants_max
    bool operator==(const UsageQuery&) const = default;
};

// One for each tenant that was asked for, in that order; all zero for those that are not known.
struct TenantUsage {
    std::string tenant;
    std::uint64_t used = 0;                 // of its quota, in the window that runs
    std::uint64_t resets_unix_seconds = 0;  // when that ends; 0: nothing is used
    std::uint32_t sessions = 0;             // open now
    std::uint32_t streams = 0;              // open now, if streams are limited
    bool operator==(const TenantUsage&) const = default;
};

struct UsagePage {
    std::uint64_t request = 0;
    std::vector<TenantUsage> items = {};
    bool operator==(const UsagePage&) const = default;
};

// What two data planes together have seen of the same tenants.
void add_usage(UsagePage& sum, const UsagePage& one);

[[nodiscard]] std::string encode(const UsageQuery& query);  // "type":"usage_query"
[[nodiscard]] std::string encode(const UsagePage& page);    // "type":"usage_page"
[[nodiscard]] Result<UsageQuery> decode_usage_query(std::string_view json);
[[nodiscard]] Result<UsagePage> decode_usage_page(std::string_view json);

}  // namespace mcpgw::contract
