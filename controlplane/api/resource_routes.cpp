// One function per route; access first, then the request, then the store.
#include "controlplane/api/resource_routes.h"

#include <array>
#include <span>

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

constexpr std::string_view kLogParameters[] = {"instance", "tail", "since", "follow", "previous"};

std::unexpected<Error> no_such(const model::KindWords& words, std::string_view name) {
    return failure(Code::not_found,
                   "there is no " + std::string(words.noun) + " " + std::string(name),
                   Side::client);
}

Answer has_changed(const model::KindWords& words) {
    return problem(412, "the " + std::string(words.noun) + " has changed since you read it");
}
Answer changes_all_the_time(const model::KindWords& words) {
    return problem(503,
                   "the " + std::string(words.noun) + " is being changed by others all the time");
}

std::string summary_of(const model::Adapter& adapter) {
    constexpr std::array<std::string_view, 3> kSources = {"image", "command", "url"};
    return std::string(kSources[static_cast<std::size_t>(adapter.source())]) + ", " +
           std::to_string(adapter.replica_count) + " replicas";
}

std::string action_of(const model::Adapter& adapter, std::string_view verb) {
    return std::string(words_of(adapter.kind()).noun) + "." + std::string(verb);
}

store::AuditRecord audit_of(const Call& call, std::string_view verb,
                            const model::Adapter& adapter) {
    return {0,
            unix_millis_now(),
            call.who.user_id,
            action_of(adapter, verb),
            adapter.name,
            summary_of(adapter)};
}

}  // namespace

std::optional<ResourceRoutes::Route> ResourceRoutes::route_of(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    Route route;
    route.kind = path.starts_with(words_of(model::Kind::tool).collection) ? model::Kind::tool
                                                                          : model::Kind::adapter;
    if (!path.starts_with(route.words().collection)) return {};
    path.remove_prefix(route.words().collection.size());
    if (path.empty()) return route;
    if (path.front() != '/') return {};
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    route.name = path.substr(0, slash);
    route.part = Part::resource;
    if (route.name.empty()) return {};
    if (slash == std::string_view::npos) return route;
    const std::string_view part = path.substr(slash + 1);
    if (part != "status" && part != "logs") return {};
    route.part = part == "status" ? Part::status : Part::logs;
    return route;
}

Answer ResourceRoutes::answer(const Call& call) {
    const auto route = route_of(call.path);
    if (!route) return no_such_path();
    const bool is_get = call.method == "GET" || call.method == "HEAD";
    const bool is_collection = route->part == Part::collection;
    const bool is_resource = route->part == Part::resource;
    const bool is_write = (is_collection && call.method == "POST") ||
                          (is_resource && (call.method == "PUT" || call.method == "DELETE"));
    if (!is_get && !is_write)
        return wrong_method(is_collection ? "GET, HEAD, POST"
                            : is_resource ? "GET, HEAD, PUT, DELETE"
                                          : "GET, HEAD");
    std::span<const std::string_view> parameters;
    if (is_get && is_collection) parameters = kListParameters;
    if (route->part == Part::logs) parameters = kLogParameters;
    if (const auto errors = parameter_errors(call, parameters); !errors.empty())
        return wrong_parameters(errors);
    switch (route->part) {
        case Part::collection:
            return is_get ? list(call, *route) : create(call, *route);
        case Part::resource:
            if (is_get) return get(call, *route);
            return call.method == "PUT" ? replace(call, *route) : remove(call, *route);
        case Part::status:
            return status(call, *route);
        case Part::logs:
            return logs(call, *route);
    }
    return no_such_path();
}

Answer ResourceRoutes::resource(int status, const model::Adapter& adapter,
                                const identity::Principal& who) const {
    JsonWriter out;
    model::write_adapter(out, adapter,
                         services_.access.may_write(who, adapter) ? model::Audience::writer
                                                                  : model::Audience::reader);
    Answer answer = json_answer(status, out.take());
    answer.headers.emplace_back("ETag", etag_of(adapter.version));
    return answer;
}

Result<model::Adapter> ResourceRoutes::readable(const Call& call, const Route& route) {
    auto adapter = services_.store->get(route.name);
    if (!adapter && adapter.error().code != Code::not_found) return adapter;
    if (!adapter || adapter->kind() != route.kind || !services_.access.may_read(call.who, *adapter))
        return no_such(route.words(), route.name);
    return adapter;
}

Result<model::Adapter> ResourceRoutes::writable(const Call& call, const Route& route) {
    auto adapter = readable(call, route);
    if (adapter && !services_.access.may_write(call.who, *adapter))
        return failure(Code::permission_denied,
                       "only its creator and administrators may change the " +
                           std::string(route.words().noun) + " " + adapter->name,
                       Side::client);
    return adapter;
}

void ResourceRoutes::changed(const Call& call, std::string_view verb,
                             const model::Adapter& adapter) const {
    const model::KindWords& words = words_of(adapter.kind());
    log_info(std::string(words.with_an) + " was changed", {{"action", action_of(adapter, verb)},
                                                           {words.noun, adapter.name},
                                                           {"user", call.who.user_id},
                                                           {"version", adapter.version}});
    services_.wake(adapter.name);
}

std::optional<Answer> ResourceRoutes::name_conflict(const model::Adapter& adapter) const {
    if (adapter.source() != model::Source::image || !services_.name_obstacle) return {};
    const auto obstacle = services_.name_obstacle(adapter.name);
    if (!obstacle) return {};
    return problem(409, *obstacle);
}

Answer ResourceRoutes::list(const Call& call, const Route& route) {
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
        const auto rows = services_.store->list(route.kind, after, limits::list_items_max);
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
        answer.headers.emplace_back("Link", "<" + std::string(route.words().collection) +
                                                "?limit=" + std::to_string(page->limit) +
                                                "&cursor=" + cursor_of(last) + ">; rel=\"next\"");
    return answer;
}

Answer ResourceRoutes::create(const Call& call, const Route& route) {
    const model::KindWords& words = route.words();
    if (!services_.access.may_create(call.who))
        return problem(
            403, "creating " + std::string(words.plural) + " needs a role that you do not have");
    auto adapter = read_body(call, services_.runners, route.kind);
    if (!adapter) return adapter.error();
    if (adapter->use_workload_identity && !services_.access.may_use_workload_identity(call.who))
        return problem(403, "useWorkloadIdentity needs a role that you do not have");
    if (auto conflict = name_conflict(*adapter)) return std::move(*conflict);
    adapter->created_by = call.who.user_id;
    adapter->created_at_unix_ms = adapter->last_updated_at_unix_ms = unix_millis_now();
    const auto stored = services_.store->create(*adapter, audit_of(call, "create", *adapter));
    if (!stored) return answer_of(stored.error());
    changed(call, "create", *stored);
    Answer answer = resource(201, *stored, call.who);
    answer.headers.emplace_back("Location", std::string(words.collection) + "/" + stored->name);
    return answer;
}

Answer ResourceRoutes::get(const Call& call, const Route& route) {
    const auto adapter = readable(call, route);
    if (!adapter) return answer_of(adapter.error());
    return resource(200, *adapter, call.who);
}

Answer ResourceRoutes::replace(const Call& call, const Route& route) {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto present = writable(call, route);
        if (!present) return answer_of(present.error());
        bool was_changed_meanwhile = false;
        Answer answer = replace_once(call, *present, was_changed_meanwhile);
        if (!was_changed_meanwhile) return answer;
    }
    return changes_all_the_time(route.words());
}

Answer ResourceRoutes::replace_once(const Call& call, const model::Adapter& present,
                                    bool& was_changed_meanwhile) {
    const std::string noun(words_of(present.kind()).noun);
    auto adapter = read_body(call, services_.runners, present.kind());
    if (!adapter) return adapter.error();
    model::FieldErrors errors;
    if (adapter->name != present.name)
        errors["name"].push_back("must be " + present.name + ", the name in the URL");
    if (adapter->use_workload_identity != present.use_workload_identity)
        errors["useWorkloadIdentity"].push_back("cannot be changed; delete the " + noun +
                                                " and create it again");
    if (!errors.empty())
        return problem(400, "the " + noun + " cannot be changed like that", errors);
    const auto matches = if_match_holds(call.if_match, etag_of(present.version));
    if (!matches) return answer_of(matches.error());
    if (!*matches) return has_changed(words_of(present.kind()));
    if (present.source() != model::Source::image)
        if (auto conflict = name_conflict(*adapter)) return std::move(*conflict);
    adapter->created_by = present.created_by;
    adapter->created_at_unix_ms = present.created_at_unix_ms;
    adapter->last_updated_at_unix_ms = unix_millis_now();
    const auto stored =
        services_.store->replace(*adapter, present.version, audit_of(call, "replace", *adapter));
    if (!stored) {
        was_changed_meanwhile = stored.error().code == Code::conflict;
        return answer_of(stored.error());
    }
    changed(call, "replace", *stored);
    return resource(200, *stored, call.who);
}

Answer ResourceRoutes::remove(const Call& call, const Route& route) {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto present = writable(call, route);
        if (!present) return answer_of(present.error());
        const auto matches = if_match_holds(call.if_match, etag_of(present->version));
        if (!matches) return answer_of(matches.error());
        if (!*matches) return has_changed(route.words());
        const auto removed = services_.store->remove(route.name, present->version,
                                                     audit_of(call, "remove", *present));
        if (removed) {
            changed(call, "remove", *present);
            Answer answer;
            answer.status = 204;
            return answer;
        }
        if (removed.error().code != Code::conflict) return answer_of(removed.error());
    }
    return changes_all_the_time(route.words());
}

Answer ResourceRoutes::status(const Call& call, const Route& route) {
    const auto adapter = readable(call, route);
    if (!adapter) return answer_of(adapter.error());
    // In this order: what is seen of the instances is at least that new.
    const std::uint64_t version = services_.observations->row_version_of(route.name);
    const reconcile::InstanceList instances = services_.observations->of(route.name);
    const reconcile::ConditionList conditions = services_.observations->conditions_of(route.name);
    return json_answer(200, status_json(*adapter, *instances, *conditions, version));
}

Answer ResourceRoutes::logs(const Call& call, const Route& route) {
    const auto adapter = readable(call, route);
    if (!adapter) return answer_of(adapter.error());
    model::FieldErrors errors;
    deploy::LogQuery query = read_log_query(call, unix_millis_now(), errors);
    if (!errors.empty()) return wrong_parameters(errors);
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

Answer ResourceRoutes::follow_logs(const model::Adapter& adapter, const deploy::LogQuery& query) {
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
