// One function per route; access first, then the request, then the store.
#include "controlplane/api/tenant_routes.h"

#include <array>

#include "common/json_writer.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/time.h"
#include "controlplane/api/conditions.h"
#include "controlplane/api/json_body.h"
#include "controlplane/model/identity_rules.h"

namespace mcpgw::api {
namespace {

constexpr std::string_view kTenants = "/tenants";

Answer no_such_tenant(const std::string& id) {
    return problem(404, "there is no tenant " + id);
}
Answer administrators_only() {
    return problem(403, "only administrators may change tenants");
}
Answer has_changed() {
    return problem(412, "the tenant has changed since you read it");
}
Answer changes_all_the_time() {
    return problem(503, "the tenant is being changed by others all the time");
}

store::AuditRecord audit_of(const Call& call, std::string_view action, const std::string& id) {
    return {0, unix_millis_now(), call.who.user_id, std::string(action), id, ""};
}

// Windows begin at multiples of their length, whether somebody uses them or not. 0: no quota.
std::uint64_t resets_at(const model::Tenant& tenant, const TenantUsage& usage) {
    const std::uint64_t window_ms = tenant.limits.all.quota_seconds * std::uint64_t{1000};
    if (window_ms == 0) return 0;
    if (usage.resets_at_unix_ms > 0) return usage.resets_at_unix_ms;
    const std::uint64_t now = unix_millis_now();
    return now - now % window_ms + window_ms;
}

Answer answer_with(int status, const model::Tenant& tenant,
                   const std::optional<TenantUsage>& usage = {}) {
    JsonWriter out;
    out.object();
    model::write_tenant_members(out, tenant);
    if (usage) {
        out.key("used").number(usage->used);
        if (const std::uint64_t resets = resets_at(tenant, *usage); resets > 0)
            out.key("resetsAt").string(rfc3339(resets));
        out.key("sessions").number(usage->sessions);
        out.key("streams").number(usage->streams);
    }
    out.end();
    Answer answer = json_answer(status, out.take());
    answer.headers.emplace_back("ETag", etag_of(tenant.version));
    return answer;
}

}  // namespace

bool is_tenants_path(std::string_view path) {
    return path == kTenants || path.starts_with("/tenants/");
}

bool TenantRoutes::may_read(const Call& call, std::string_view id) const {
    return access_.is_admin(call.who) || (!id.empty() && call.who.tenant == id);
}

Answer TenantRoutes::answer(const Call& call) {
    std::string_view path = call.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    const bool is_get = call.method == "GET" || call.method == "HEAD";
    if (path == kTenants) {
        if (!is_get) return wrong_method("GET, HEAD");
        return list(call);
    }
    const std::string id(path.substr(kTenants.size() + 1));
    if (id.empty() || id.find('/') != std::string::npos) return no_such_path();
    if (!is_get && call.method != "PUT" && call.method != "DELETE")
        return wrong_method("GET, HEAD, PUT, DELETE");
    if (const auto errors = parameter_errors(call, {}); !errors.empty())
        return wrong_parameters(errors);
    if (is_get) return get(call, id);
    return call.method == "PUT" ? put(call, id) : remove(call, id);
}

Result<std::vector<model::Tenant>> TenantRoutes::readable(const Call& call, std::string_view after,
                                                          std::size_t count_max) {
    if (access_.is_admin(call.who)) return services_.store->tenants(after, count_max);
    auto own = services_.store->tenant(call.who.tenant);
    if (!own && own.error().code != Code::not_found) return std::unexpected(own.error());
    std::vector<model::Tenant> rows;
    if (own && own->id > after) rows.push_back(std::move(*own));
    return rows;
}

Answer TenantRoutes::list(const Call& call) {
    const auto page = page_of(call, model::tenant_id_complaint);
    if (!page) return answer_of(page.error());
    if (const auto errors = parameter_errors(call, kListParameters); !errors.empty())
        return wrong_parameters(errors);
    // One more than fits tells whether there is a next page.
    auto rows = readable(call, page->after, page->limit + 1);
    if (!rows) return answer_of(rows.error());
    const bool has_more = rows->size() > page->limit;
    if (has_more) rows->pop_back();
    JsonWriter out;
    out.array();
    for (const model::Tenant& tenant : *rows) {
        out.object();
        model::write_tenant_members(out, tenant);
        out.end();
    }
    out.end();
    Answer answer = json_answer(200, out.take());
    if (has_more)
        answer.headers.emplace_back(
            "Link", "<" + std::string(kTenants) + "?limit=" + std::to_string(page->limit) +
                        "&cursor=" + cursor_of(rows->back().id) + ">; rel=\"next\"");
    return answer;
}

Answer TenantRoutes::get(const Call& call, const std::string& id) {
    if (!may_read(call, id)) return no_such_tenant(id);
    const auto tenant = services_.store->tenant(id);
    if (!tenant) return answer_of(tenant.error());
    return answer_with(200, *tenant, services_.usage ? services_.usage(id) : std::nullopt);
}

Answer TenantRoutes::put(const Call& call, const std::string& id) {
    // It might make one, so the answer says nothing about what there is.
    if (!access_.is_admin(call.who)) return administrators_only();
    const auto document = json_of(call);
    if (!document) return document.error();
    auto reading = model::read_tenant(*document);
    if (const model::Complaint complaint = model::tenant_id_complaint(id))
        reading.errors["id"].push_back(complaint);
    else if (!reading.tenant.id.empty() && reading.tenant.id != id)
        reading.errors["id"].push_back("must be " + id + ", the id in the URL");
    if (!reading.errors.empty()) return broken_rules("tenant", reading.errors);
    reading.tenant.id = id;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt)
        if (auto answer = put_once(call, reading.tenant)) return std::move(*answer);
    return changes_all_the_time();
}

std::optional<Answer> TenantRoutes::put_once(const Call& call, const model::Tenant& wanted) {
    const auto present = services_.store->tenant(wanted.id);
    if (!present && present.error().code != Code::not_found) return answer_of(present.error());
    // What is not there has no entity tag: no condition holds for it.
    const auto matches = if_match_holds(call.if_match, present ? etag_of(present->version) : "");
    if (!matches) return answer_of(matches.error());
    if (!*matches || (!present && !call.if_match.empty())) return has_changed();
    model::Tenant tenant = wanted;
    tenant.last_updated_at_unix_ms = unix_millis_now();
    tenant.created_by = present ? present->created_by : call.who.user_id;
    tenant.created_at_unix_ms =
        present ? present->created_at_unix_ms : tenant.last_updated_at_unix_ms;
    const std::string_view action = present ? "tenant.replace" : "tenant.create";
    const auto expected = present ? std::optional(present->version) : std::nullopt;
    const auto stored =
        services_.store->put_tenant(tenant, expected, audit_of(call, action, tenant.id));
    if (!stored) {
        const Code code = stored.error().code;
        if (code == Code::conflict || code == Code::not_found) return std::nullopt;
        return answer_of(stored.error());
    }
    changed(call, action, tenant.id);
    Answer answer = answer_with(present ? 200 : 201, *stored);
    if (!present) answer.headers.emplace_back("Location", std::string(kTenants) + "/" + tenant.id);
    return answer;
}

Answer TenantRoutes::remove(const Call& call, const std::string& id) {
    if (!may_read(call, id)) return no_such_tenant(id);
    if (!access_.is_admin(call.who)) return administrators_only();
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto present = services_.store->tenant(id);
        if (!present) return answer_of(present.error());
        const auto matches = if_match_holds(call.if_match, etag_of(present->version));
        if (!matches) return answer_of(matches.error());
        if (!*matches) return has_changed();
        const auto removed = services_.store->remove_tenant(id, present->version,
                                                            audit_of(call, "tenant.remove", id));
        if (removed) {
            changed(call, "tenant.remove", id);
            Answer answer;
            answer.status = 204;
            return answer;
        }
        if (removed.error().code != Code::conflict) return answer_of(removed.error());
    }
    return changes_all_the_time();
}

void TenantRoutes::changed(const Call& call, std::string_view action, const std::string& id) const {
    log_info("a tenant was changed",
             {{"action", action}, {"tenant", id}, {"user", call.who.user_id}});
    services_.changed();
}

}  // namespace mcpgw::api
