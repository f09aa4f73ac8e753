// Questions about usage as JSON, and their sum.
#include "common/contract/usage.h"

#include <algorithm>

#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"

namespace mcpgw::contract {
namespace {

TenantUsage read_usage(ObjectReader& in) {
    TenantUsage out;
    out.tenant = in.text("tenant", limits::tenant_bytes_max);
    out.used = in.number("used", {});
    out.resets_unix_seconds = in.number("resets_unix_seconds", {});
    out.sessions = static_cast<std::uint32_t>(in.number("sessions", {0, UINT32_MAX}));
    out.streams = static_cast<std::uint32_t>(in.number("streams", {0, UINT32_MAX}));
    return out;
}

}  // namespace

void add_usage(UsagePage& sum, const UsagePage& one) {
    for (const TenantUsage& item : one.items) {
        const auto known = std::ranges::find(sum.items, item.tenant, &TenantUsage::tenant);
        if (known == sum.items.end()) {
            sum.items.push_back(item);
            continue;
        }
        known->used += item.used;
        known->resets_unix_seconds = std::max(known->resets_unix_seconds, item.resets_unix_seconds);
        known->sessions += item.sessions;
        known->streams += item.streams;
    }
}

std::string encode(const UsageQuery& query) {
    JsonWriter out;
    out.object().key("type").string("usage_query");
    out.key("request").number(query.request);
    out.key("tenants").array();
    for (const std::string& tenant : query.tenants)
        out.string(tenant);
    out.end().end();
    return out.take();
}

std::string encode(const UsagePage& page) {
    JsonWriter out;
    out.object().key("type").string("usage_page");
    out.key("request").number(page.request);
    out.key("items").array();
    for (const TenantUsage& item : page.items) {
        out.object().key("tenant").string(item.tenant);
        out.key("used").number(item.used);
        out.key("resets_unix_seconds").number(item.resets_unix_seconds);
        out.key("sessions").number(std::uint64_t{item.sessions});
        out.key("streams").number(std::uint64_t{item.streams}).end();
    }
    out.end().end();
    return out.take();
}

Result<UsageQuery> decode_usage_query(std::string_view json) {
    return decode<UsageQuery>(json, "usage_query", [](ObjectReader& in) {
        UsageQuery out;
        out.request = in.number("request", {});
        in.each_text("tenants", limits::usage_tenants_max, [&](std::string_view tenant) {
            if (tenant.size() > limits::tenant_bytes_max) in.refuse("tenants", "one is too long");
            out.tenants.emplace_back(tenant);
        });
        return out;
    });
}

Result<UsagePage> decode_usage_page(std::string_view json) {
    return decode<UsagePage>(json, "usage_page", [](ObjectReader& in) {
        UsagePage out;
        out.request = in.number("request", {});
        in.each_object("items", limits::usage_tenants_max,
                       [&out](ObjectReader& item) { out.items.push_back(read_usage(item)); });
        return out;
    });
}

}  // namespace mcpgw::contract
