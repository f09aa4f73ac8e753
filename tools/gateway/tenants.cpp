// The verbs of `mcp-gateway tenants`.
#include "tools/gateway/tenants.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/json_writer.h"
#include "common/limits.h"
#include "controlplane/model/access_json.h"
#include "controlplane/model/identity_rules.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

struct TenantWishes {
    GatewayAccess access;
    std::string id;
    contract::LimitPair limits;
};

std::string number_of(const JsonValue& object, std::string_view key) {
    const JsonValue* value = object.find(key);
    return value == nullptr ? std::string() : value->text;
}

// "1000/3600s", or "" without a quota.
std::string quota_of(const JsonValue& tenant) {
    const JsonValue* quota = tenant.find("quota");
    if (quota == nullptr) return {};
    return number_of(*quota, "requests") + "/" + number_of(*quota, "perSeconds") + "s";
}

std::string rate_of(const JsonValue& tenant) {
    const JsonValue* rate = tenant.find("rateLimit");
    if (rate == nullptr) return {};
    return number_of(*rate, "requestsPerSecond") + "/s, burst " + number_of(*rate, "burst");
}

void show(const JsonValue& document, const TenantWishes& wishes) {
    if (wishes.access.as_json) return print_json(document);
    JsonValue one = json_array();
    one.items.push_back(document);
    print(tenants_table(one));
}

int list(GatewayClient& client, const TenantWishes& wishes) {
    const auto all = get_list(client, "/tenants?limit=1000");
    if (!all) return all.error();
    if (wishes.access.as_json)
        print_json(*all);
    else
        print(tenants_table(*all));
    return kSuccess;
}

int get(GatewayClient& client, const TenantWishes& wishes) {
    const auto document = get_document(client, "/tenants/" + wishes.id);
    if (!document) return document.error();
    show(*document, wishes);
    return kSuccess;
}

// What the flags cannot say by themselves; "" if there is nothing.
std::string complaint_about(const contract::Limits& limits, const std::string& prefix) {
    if ((limits.quota_requests == 0) != (limits.quota_seconds == 0))
        return "--" + prefix + "requests and --" + prefix + "per belong together";
    if (limits.burst > 0 && limits.requests_per_second == 0)
        return "--" + prefix + "burst needs --" + prefix + "rate";
    return {};
}

int set(GatewayClient& client, TenantWishes& wishes) {
    for (const auto& [limits, prefix] :
         {std::pair(&wishes.limits.all, ""), std::pair(&wishes.limits.per_user, "user-")}) {
        if (const std::string wrong = complaint_about(*limits, prefix); !wrong.empty()) {
            complain("tenants set: " + wrong);
            return kUsage;
        }
        if (limits->burst == 0) limits->burst = limits->requests_per_second;
    }
    JsonWriter body;
    body.object();
    model::write_limit_members(body, wishes.limits);
    body.end();
    Request request;
    request.method = "PUT";
    request.path = "/tenants/" + wishes.id;
    request.body = body.take();
    const auto response = call(client, request);
    if (!response) return response.error();
    if (const auto document = parse_json_tree(response->body)) show(*document, wishes);
    return kSuccess;
}

int remove(GatewayClient& client, const TenantWishes& wishes) {
    Request request;
    request.method = "DELETE";
    request.path = "/tenants/" + wishes.id;
    const auto response = call(client, request);
    if (!response) return response.error();
    if (wishes.access.as_json) {
        JsonValue result = json_object();
        add_member(result, "id", json_string(wishes.id));
        add_member(result, "result", json_string("deleted"));
        print_json(result);
    } else {
        print("deleted " + wishes.id + "\n");
    }
    return kSuccess;
}

// The same four limits for all together and for each user.
void define_limits(CLI::App& app, const std::string& prefix, const std::string& whose,
                   contract::Limits& limits) {
    const auto add = [&](const char* name, auto& value, std::uint64_t max, const char* help) {
        app.add_option("--" + prefix + name, value, std::string(help) + whose)
            ->check(CLI::Range(std::uint64_t{1}, max))
            ->type_name("N");
    };
    add("requests", limits.quota_requests, limits::quota_requests_max, "requests in each window");
    add("per", limits.quota_seconds, limits::quota_seconds_max, "seconds of a window");
    add("rate", limits.requests_per_second, limits::rate_per_second_max, "requests a second");
    add("burst", limits.burst, limits::rate_burst_max, "requests at once (default: --rate)");
    add("max-sessions", limits.sessions_max, UINT32_MAX, "open sessions");
    add("max-streams", limits.streams_max, UINT32_MAX, "open streams");
}

// An id stands in the path as it is.
CLI::Validator tenant_id() {
    return CLI::Validator(
        [](const std::string& text) {
            const model::Complaint complaint = model::tenant_id_complaint(text);
            return complaint == nullptr ? std::string() : std::string(complaint);
        },
        "");
}

}  // namespace

std::string tenants_table(const JsonValue& tenants) {
    Table table(
        {"ID", "QUOTA", "USED", "RESETS", "RATE", "SESSIONS MAX", "STREAMS MAX", "PER USER"});
    for (const JsonValue& item : tenants.items) {
        const JsonValue* per_user = item.find("perUser");
        table.add({std::string(item.string_or("id", "")), quota_of(item), number_of(item, "used"),
                   std::string(item.string_or("resetsAt", "")), rate_of(item),
                   number_of(item, "maxSessions"), number_of(item, "maxStreams"),
                   per_user == nullptr ? "" : to_json(*per_user)});
    }
    return table.empty() ? "no tenants\n" : table.text();
}

int run_tenants(int argc, char** argv) {
    TenantWishes wishes;
    CLI::App app("Tenants: who is counted together, and how much they may use.",
                 "mcp-gateway tenants");
    add_access_flags(app, wishes.access);
    app.require_subcommand(1);
    CLI::App* lists = app.add_subcommand("list", "all tenants that you may see")->fallthrough();
    CLI::App* gets = app.add_subcommand("get", "a tenant, and what it uses")->fallthrough();
    CLI::App* sets = app.add_subcommand("set",
                                        "make a tenant, or replace its limits: what is "
                                        "not said is not limited")
                         ->fallthrough();
    CLI::App* deletes = app.add_subcommand("delete", "forget its limits")->fallthrough();
    for (CLI::App* one : {gets, sets, deletes})
        one->add_option("ID", wishes.id, "of the tenant")->required()->check(tenant_id());
    define_limits(*sets, "", "", wishes.limits.all);
    define_limits(*sets, "user-", ", of each user", wishes.limits.per_user);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("tenants: ") + mistake.what() + " (see mcp-gateway tenants --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    if (lists->parsed()) return list(*client, wishes);
    if (gets->parsed()) return get(*client, wishes);
    return sets->parsed() ? set(*client, wishes) : remove(*client, wishes);
}

}  // namespace mcpgw::cli
