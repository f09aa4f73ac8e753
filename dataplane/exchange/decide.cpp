// The order of checks; each step either refuses or narrows.
#include "dataplane/exchange/decide.h"

#include "common/protocol/routing_headers.h"
#include "dataplane/exchange/authenticate.h"
#include "dataplane/exchange/rule_check.h"
#include "dataplane/route/pick.h"

namespace mcpgw::exchange {
namespace {

Decision refuse(Refusal refusal, Decision so_far = {}) {
    so_far.kind = Decision::Kind::refuse;
    so_far.refusal = refusal;
    return so_far;
}

// Whether `method` is among the comma-separated methods of an Allow value.
bool is_allowed(std::string_view method, std::string_view allow) {
    while (!allow.empty()) {
        const std::size_t comma = std::min(allow.find(','), allow.size());
        std::string_view item = allow.substr(0, comma);
        while (item.starts_with(' '))
            item.remove_prefix(1);
        if (item == method) return true;
        allow.remove_prefix(std::min(comma + 1, allow.size()));
    }
    return false;
}

const Instance* pick(const Question& question, Services& services, const Adapter& adapter,
                     decltype(&pick_for_request) way) {
    return way(adapter, {services.random.next(), services.now_seconds(),
                         question.except == 0 ? nullptr : adapter.find(question.except)});
}

// What a sealed id holds, if it is one of this user and adapter and its session has not ended.
std::optional<SealedParts> open_session(std::string_view sealed, Services& services,
                                        Decision& decision, std::span<std::byte> scratch) {
    const auto parts = services.sealer.open(sealed, decision.identity.user, scratch);
    if (!parts || parts->adapter != decision.adapter->id) return std::nullopt;
    decision.session_mark = EndedSessions::mark_of(nonce_of(sealed));
    decision.session_instance = parts->instance;
    if (services.sessions.ended.contains(decision.session_mark)) return std::nullopt;
    return parts;
}

Decision decide_session(const Question& question, Services& services, Decision decision,
                        std::span<std::byte> scratch) {
    const Adapter& adapter = *decision.adapter;
    const std::string_view sealed =
        question.head.fields.value_or_empty(http::FieldName::mcp_session_id);
    const bool repeated = question.head.fields.repeats(http::FieldName::mcp_session_id);
    const auto parts = repeated ? std::nullopt : open_session(sealed, services, decision, scratch);
    if (!parts) return refuse(Refusal::session_not_found, decision);
    decision.server_session_id = parts->server_id;
    if (adapter.affinity == contract::Affinity::none) {
        decision.instance = pick(question, services, adapter, pick_for_request);
        if (decision.instance == nullptr) return refuse(Refusal::no_ready_instance, decision);
        return decision;
    }
    decision.session_bound = true;
    decision.instance = adapter.find(parts->instance);
    if (decision.instance == nullptr) return refuse(Refusal::session_of_gone_instance, decision);
    return decision;
}

// The value of the query parameter that names an HTTP+SSE session; empty if it is not there.
std::string_view endpoint_parameter(std::string_view query) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        if (pair.starts_with(kEndpointParameter)) return pair.substr(kEndpointParameter.size());
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return {};
}

// A message of an HTTP+SSE session goes to the instance that holds its stream, to the target that
// the stream's endpoint event has named.
Decision decide_message(const Question& question, Services& services, Decision decision,
                        std::span<std::byte> scratch) {
    const auto parts =
        open_session(endpoint_parameter(question.head.query), services, decision, scratch);
    if (!parts || !parts->server_id.starts_with('/'))
        return refuse(Refusal::session_not_found, decision);
    decision.server_target = parts->server_id;
    decision.session_bound = true;
    decision.instance = decision.adapter->find(parts->instance);
    if (decision.instance == nullptr) return refuse(Refusal::session_of_gone_instance, decision);
    return decision;
}

// What the server speaks decides which of an adapter's paths there are. Clients of 2024-11-05 may
// also ask for the stream where clients of later revisions post (S25 transports, backwards
// compatibility): the 405 for their POST tells them to.
Decision check_transport(const Question& question, Decision decision) {
    if (decision.kind != Decision::Kind::forward) return decision;
    const bool at_mcp = question.target.kind == Target::Kind::adapter_mcp;
    if (decision.adapter->transport != contract::Transport::sse)
        return at_mcp ? decision : refuse(Refusal::no_sse_server, decision);
    if (question.target.kind == Target::Kind::adapter_messages) return decision;
    if (question.head.method != http::Method::get) {
        decision.allow = "GET, OPTIONS";
        return refuse(Refusal::method_not_allowed, decision);
    }
    decision.opens_sse = true;
    return decision;
}

Decision find_adapter(const Question& question, Services& services, Decision decision) {
    if (services.table == nullptr) return refuse(Refusal::no_ready_instance, decision);
    const Adapter* adapter = services.table->find(question.target.adapter);
    if (adapter == nullptr ||
        !auth::may_read(decision.identity, adapter->created_by, adapter->required_roles,
                        services.settings.admin_role))
        return refuse(Refusal::unknown_adapter, decision);
    decision.adapter = adapter;
    if (!auth::has_scopes(decision.identity, adapter->required_scopes))
        return refuse(Refusal::insufficient_scope, decision);
    decision.kind = Decision::Kind::forward;
    return decision;
}

// Modern requests: POST only, and the headers that repeat the body must not say something else
// (MCP 2026-07-28, streamable HTTP: who processes the body checks that).
std::optional<Refusal> check_modern(const Question& question) {
    using http::FieldName;
    if (question.head.method != http::Method::post) return Refusal::method_not_allowed;
    const http::Fields& fields = question.head.fields;
    for (const FieldName routing :
         {FieldName::mcp_protocol_version, FieldName::mcp_method, FieldName::mcp_name})
        if (fields.repeats(routing)) return Refusal::header_contradicts_body;
    const mcp::RoutingHeaders headers{fields.value_or_empty(FieldName::mcp_protocol_version),
                                      fields.value_or_empty(FieldName::mcp_method),
                                      fields.value_or_empty(FieldName::mcp_name)};
    const bool agrees = question.peek == nullptr || mcp::agrees(headers, *question.peek);
    return agrees ? std::nullopt : std::optional(Refusal::header_contradicts_body);
}

// The instance that has begun the task which the request is about, if that is known.
const Instance* instance_of_task(const Question& question, const Services& services,
                                 const Adapter& adapter) {
    const bool is_about_task = adapter.instances.size() > 1 && question.peek != nullptr &&
                               question.peek->method().starts_with("tasks/");
    if (!is_about_task || question.peek->name().empty()) return nullptr;
    return adapter.find(services.sessions.tasks.find(adapter.id, question.peek->name()));
}

Decision decide_modern(const Question& question, Services& services, Decision decision) {
    if (const auto refusal = check_modern(question)) {
        decision.allow = "POST, OPTIONS";
        return refuse(*refusal, decision);
    }
    const Adapter& adapter = *decision.adapter;
    decision.instance = instance_of_task(question, services, adapter);
    if (decision.instance == nullptr || decision.instance->id == question.except)
        decision.instance = pick(question, services, adapter, pick_for_request);
    if (decision.instance == nullptr) return refuse(Refusal::no_ready_instance, decision);
    return decision;
}

Decision choose_instance(const Question& question, Services& services, Decision decision,
                         std::span<std::byte> scratch) {
    const jsonrpc::Peek* peek = question.peek;
    if (question.target.kind == Target::Kind::adapter_messages)
        return decide_message(question, services, decision, scratch);
    decision.era =
        mcp::era_of(question.head.fields.value_or_empty(http::FieldName::mcp_protocol_version),
                    peek == nullptr ? std::string_view() : peek->meta_version());
    if (decision.era == mcp::Era::modern) return decide_modern(question, services, decision);
    // A client of 2024-11-05 knows no session header; the stream it asks for is a new session.
    if (!decision.opens_sse && question.head.fields.has(http::FieldName::mcp_session_id))
        return decide_session(question, services, decision, scratch);
    const bool initializes = peek != nullptr && peek->method() == "initialize";
    const bool opens = initializes || decision.opens_sse;
    if (opens)
        decision.sessions_full = why_sessions_are_full(
            services, subjects_of(services, *decision.adapter, decision.identity.tenant,
                                  decision.identity.user));
    if (decision.sessions_full) return refuse(Refusal::too_many_sessions, decision);
    decision.instance =
        pick(question, services, *decision.adapter, opens ? pick_for_session : pick_for_request);
    if (decision.instance == nullptr) return refuse(Refusal::no_ready_instance, decision);
    return decision;
}

// Roles are looked at anew for every request, and so are the rules.
Decision keep_rules(const Question& question, Decision decision) {
    const auth::Rules rules = decision.adapter->access_rules;
    decision.rules_concerning = auth::rules_concerning(rules, decision.identity.roles);
    switch (check_rules(question, rules, decision.rules_concerning)) {
        case RuleVerdict::allowed:
            break;
        case RuleVerdict::more_needed:
            decision.kind = Decision::Kind::hold;
            return decision;
        case RuleVerdict::not_allowed:
            return refuse(Refusal::not_allowed, decision);
        case RuleVerdict::unclear:
            return refuse(Refusal::unclear_message, decision);
    }
    decision.checks_body = !question.body_complete;
    decision.filters_tools = asks_for_tools(question) && auth::lists_depend_on(rules);
    return decision;
}

Decision decide_on_admin_listener(const Question& question) {
    Decision decision;
    const std::string_view path = question.head.path;
    const bool known =
        path == "/metrics" || path == "/healthz" || path == "/readyz" || path == "/debug/state";
    if (!known) return refuse(Refusal::unknown_path);
    if (!is_allowed(question.head.method_text, kAdminAllow))
        return refuse(Refusal::method_not_allowed);
    decision.kind = Decision::Kind::local;
    return decision;
}

}  // namespace

Decision decide_by_head(const Question& question, Services& services) {
    const http::RequestHead& head = question.head;
    const auth::OriginRules rules = origin_rules(services.settings, question.loopback_listener);
    if (!auth::host_is_allowed(head.host, rules)) return refuse(Refusal::host_not_allowed);
    if (!auth::origin_is_allowed(head.fields.value_or_empty(http::FieldName::origin), rules))
        return refuse(Refusal::origin_not_allowed);
    if (services.admin_pages != nullptr) return decide_on_admin_listener(question);

    Decision decision;
    // What is not served are plain, anonymous 404s, as clients that probe expect them.
    if (question.target.kind == Target::Kind::unknown ||
        (question.target.kind == Target::Kind::well_known && !is_served(question, services)))
        return refuse(Refusal::unknown_path);
    if (!is_allowed(head.method_text, question.target.allow))
        return refuse(Refusal::method_not_allowed);
    if (question.target.kind == Target::Kind::router_mcp) return refuse(Refusal::unknown_path);
    if (target_facts(question.target.kind).is_own_page || head.method == http::Method::options) {
        decision.kind = Decision::Kind::local;
        return decision;
    }
    // The description of the interface is for everybody: who asks is not looked at.
    if (head.path == "/openapi.json") {
        decision.kind = Decision::Kind::forward;
        return decision;
    }
    if (const auto refusal = authenticate(question, services, decision))
        return refuse(*refusal, decision);
    if (question.target.kind == Target::Kind::management) {
        decision.kind = Decision::Kind::forward;
        return decision;
    }
    return check_transport(question, find_adapter(question, services, decision));
}

Decision decide(const Question& question, Services& services, std::span<std::byte> scratch) {
    Decision decision = decide_by_head(question, services);
    if (decision.kind != Decision::Kind::forward || decision.adapter == nullptr) return decision;
    if (!decision.adapter->access_rules.empty()) decision = keep_rules(question, decision);
    if (decision.kind != Decision::Kind::forward) return decision;
    return choose_instance(question, services, decision, scratch);
}

}  // namespace mcpgw::exchange
