// One function per route; access first, then the request, then the store.
#include "controlplane/api/adapter_routes.h"

#include <array>

#include "common/json_writer.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/time.h"
#include "controlplane/api/conditions.h"
#include "controlplane/api/log_request.h"
#include "controlplane/api/status_json.h"
#include "controlplane/model/adapter_json.h"

namespace mcpgw::api {
namespace {

constexpr std::string_view kCollection = "/adapters";
// A change that meets another one at the same moment is tried again; this often is never needed.
constexpr int kAttemptsMax = 16;

std::unexpected<Error> no_such_adapter(std::string_view name) {
    return failure(Code::not_found, "there is no adapter " + std::string(name), Side::client);
}

std::string summary_of(const model::Adapter& adapter) {
    constexpr std::array<std::string_view, 3> kSources = {"image", "command", "url"};
    return std::string(kSources[static_cast<std::size_t>(adapter.source())]) + ", " +
           std::to_string(adapter.replica_count) + " replicas";
}

store::AuditRecord audit_of(const Call& call, std::string_view action,
                            const model::Adapter& adapter) {
    return {0,
            unix_millis_now(),
            call.who.user_id,
            std::string(action),
            adapter.name,
            summary_of(adapter)};
}

}  // namespace

Answer AdapterRoutes::answer(const Call& call) {
    std::string_view path = call.path;
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    const bool is_get = call.method == "GET" || call.method == "HEAD";
    if (path == kCollection) {
        if (is_get) return list(call);
        if (call.method == "POST") return create(call);
        return wrong_method("GET, HEAD, POST");
    }
    if (!path.starts_with("/adapters/")) return no_such_path();
    path.remove_prefix(kCollection.size() + 1);
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty()) return no_such_path();
    if (slash == std::string_view::npos) {
        if (is_get) return get(call, name);
        if (call.method == "PUT") return replace(call, name);
        if (call.method == "DELETE") return remove(call, name);
        return wrong_method("GET, HEAD, PUT, DELETE");
    }
    const std::string_view part = path.substr(slash + 1);
    if (part != "status" && part != "logs") return no_such_path();
    if (!is_get) return wrong_method("GET, HEAD");
    return part == "status" ? status(call, name) : logs(call, name);
}

Answer AdapterRoutes::resource(int status, const model::Adapter& adapter,
                               const identity::Principal& who) const {
    JsonWriter out;
    model::write_adapter(out, adapter,
                         services_.access.may_write(who, adapter) ? model::Audience::writer
                                                                  : model::Audience::reader);
    Answer answer = json_answer(status, out.take());
    answer.headers.emplace_back("ETag", etag_of(adapter.version));
    return answer;
}

Result<model::Adapter> AdapterRoutes::readable(const Call& call, std::string_view name) {
    auto adapter = services_.store->get(name);
    if (adapter && !services_.access.may_read(call.who, *adapter)) return no_such_adapter(name);
    return adapter;
}

Result<model::Adapter> AdapterRoutes::writable(const Call& call, std::string_view name) {
    auto adapter = readable(call, name);
    if (adapter && !services_.access.may_write(call.who, *adapter))
        return failure(
            Code::permission_denied,
            "only its creator and administrators may change the adapter " + std::string(name),
            Side::client);
    return adapter;
}

void AdapterRoutes::changed(const Call& call, std::string_view action,
                            const model::Adapter& adapter) const {
    log_info("an adapter was changed", {{"action", action},
                                        {"adapter", adapter.name},
                                        {"user", call.who.user_id},
                                        {"version", adapter.version}});
    services_.wake(adapter.name);
}

std::optional<Answer> AdapterRoutes::name_conflict(const model::Adapter& adapter) const {
    if (adapter.source() != model::Source::image || !services_.name_obstacle) return {};
    const auto obstacle = services_.name_obstacle(adapter.name);
    if (!obstacle) return {};
    return problem(409, *obstacle);
}

Answer AdapterRoutes::list(const Call& call) {
    const auto page = page_of(call);
    if (!page) return answer_of(page.error());
    JsonWriter out;
    out.array();
    std::string after = page->after;
    std::string last;
    std::size_t listed = 0;
    bool has_more = false;
    // What the caller may not read does not count, so rows are fetched until the page is full.
    for (bool at_end = false; !at_end && !has_more;) {
        const auto rows = services_.store->list(after, limits::list_items_max);
        if (!rows) return answer_of(rows.error());
        at_end = rows->size() < limits::list_items_max;
        for (const model::Adapter& row : *rows) {
            after = row.name;
            if (!services_.access.may_read(call.who, row)) continue;
            if (listed == page->limit) {
                has_more = true;
                break;
            }
            const bool writes = services_.access.may_write(call.who, row);
            model::write_adapter(out, row,
                                 writes ? model::Audience::writer : model::Audience::reader);
            last = row.name;
            ++listed;
        }
    }
    out.end();
    Answer answer = json_answer(200, out.take());
    if (has_more)
        answer.headers.emplace_back("Link", "</adapters?limit=" + std::to_string(page->limit) +
                                                "&cursor=" + cursor_of(last) + ">; rel=\"next\"");
    return answer;
}

Answer AdapterRoutes::create(const Call& call) {
    if (!services_.access.may_create(call.who))
        return problem(403, "creating adapters needs a role that you do not have");
    auto adapter = read_body(call, services_.runners);
    if (!adapter) return adapter.error();
    if (adapter->use_workload_identity && !services_.access.may_use_workload_identity(call.who))
        return problem(403, "useWorkloadIdentity needs a role that you do not have");
    if (auto conflict = name_conflict(*adapter)) return std::move(*conflict);
    adapter->created_by = call.who.user_id;
    adapter->created_at_unix_ms = adapter->last_updated_at_unix_ms = unix_millis_now();
    const auto stored =
        services_.store->create(*adapter, audit_of(call, "adapter.create", *adapter));
    if (!stored) return answer_of(stored.error());
    changed(call, "adapter.create", *stored);
    Answer answer = resource(201, *stored, call.who);
    answer.headers.emplace_back("Location", "/adapters/" + stored->name);
    return answer;
}

Answer AdapterRoutes::get(const Call& call, std::string_view name) {
    const auto adapter = readable(call, name);
    if (!adapter) return answer_of(adapter.error());
    return resource(200, *adapter, call.who);
}

Answer AdapterRoutes::replace(const Call& call, std::string_view name) {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto present = writable(call, name);
        if (!present) return answer_of(present.error());
        bool was_changed_meanwhile = false;
        Answer answer = replace_once(call, *present, was_changed_meanwhile);
        if (!was_changed_meanwhile) return answer;
    }
    return problem(503, "the adapter is being changed by others all the time");
}

Answer AdapterRoutes::replace_once(const Call& call, const model::Adapter& present,
                                   bool& was_changed_meanwhile) {
    auto adapter = read_body(call, services_.runners);
    if (!adapter) return adapter.error();
    model::FieldErrors errors;
    if (adapter->name != present.name)
        errors["name"].push_back("must be " + present.name + ", the name in the URL");
    if (adapter->use_workload_identity != present.use_workload_identity)
        errors["useWorkloadIdentity"].emplace_back(
            "cannot be changed; delete the adapter and create it again");
    if (!errors.empty()) return problem(400, "the adapter cannot be changed like that", errors);
    const auto matches = if_match_holds(call.if_match, etag_of(present.version));
    if (!matches) return answer_of(matches.error());
    if (!*matches) return problem(412, "the adapter has changed since you read it");
    if (present.source() != model::Source::image)
        if (auto conflict = name_conflict(*adapter)) return std::move(*conflict);
    adapter->created_by = present.created_by;
    adapter->created_at_unix_ms = present.created_at_unix_ms;
    adapter->last_updated_at_unix_ms = unix_millis_now();
    const auto stored = services_.store->replace(*adapter, present.version,
                                                 audit_of(call, "adapter.replace", *adapter));
    if (!stored) {
        was_changed_meanwhile = stored.error().code == Code::conflict;
        return answer_of(stored.error());
    }
    changed(call, "adapter.replace", *stored);
    return resource(200, *stored, call.who);
}

Answer AdapterRoutes::remove(const Call& call, std::string_view name) {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto present = writable(call, name);
        if (!present) return answer_of(present.error());
        const auto matches = if_match_holds(call.if_match, etag_of(present->version));
        if (!matches) return answer_of(matches.error());
        if (!*matches) return problem(412, "the adapter has changed since you read it");
        const auto removed = services_.store->remove(name, present->version,
                                                     audit_of(call, "adapter.remove", *present));
        if (removed) {
            changed(call, "adapter.remove", *present);
            Answer answer;
            answer.status = 204;
            return answer;
        }
        if (removed.error().code != Code::conflict) return answer_of(removed.error());
    }
    return problem(503, "the adapter is being changed by others all the time");
}

Answer AdapterRoutes::status(const Call& call, std::string_view name) {
    const auto adapter = readable(call, name);
    if (!adapter) return answer_of(adapter.error());
    const reconcile::InstanceList instances = services_.observations->of(name);
    return json_answer(200, status_json(*adapter, *instances));
}

Answer AdapterRoutes::logs(const Call& call, std::string_view name) {
    const auto adapter = readable(call, name);
    if (!adapter) return answer_of(adapter.error());
    model::FieldErrors errors;
    deploy::LogQuery query = read_log_query(call, unix_millis_now(), errors);
    if (!errors.empty()) return problem(400, "the query has parameters that are wrong", errors);
    if (query.follow && call.method == "GET") return follow_logs(*adapter, query);
    query.follow = false;
    Answer answer;
    answer.content_type = "text/plain; charset=utf-8";
    const auto done = services_.logs(*adapter, query, [&answer](std::string_view text) {
        answer.body += text;
        return true;
    });
    if (!done) return answer_of(done.error());
    return answer;
}

Answer AdapterRoutes::follow_logs(const model::Adapter& adapter, const deploy::LogQuery& query) {
    // Whether there is such an instance must be known before the answer begins.
    deploy::LogQuery look = query;
    look.follow = false;
    look.tail = 0;
    const auto found = services_.logs(adapter, look, [](std::string_view) { return false; });
    if (!found) return answer_of(found.error());
    Answer answer;
    answer.content_type = "text/plain; charset=utf-8";
    answer.stream = [this, adapter, query](const deploy::LogSink& sink) {
        if (log_streams_.fetch_add(1) < limits::log_streams_max)
            static_cast<void>(services_.logs(adapter, query, sink));
        log_streams_.fetch_sub(1);
    };
    if (log_streams_ >= limits::log_streams_max)
        return problem(503, "too many log streams are open; try again later");
    return answer;
}

}  // namespace mcpgw::api
