// Field by field, in the order of the table in CONTRACT section 4.
#include "controlplane/model/adapter_json.h"

#include <array>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/access_json.h"
#include "controlplane/model/identity_rules.h"
#include "controlplane/model/rules.h"
#include "controlplane/model/tool_definition.h"
#include "controlplane/model/url.h"

namespace mcpgw::model {
namespace {

constexpr std::string_view kMask = "***";
// In the order of the enumerators.
constexpr std::array<std::string_view, 3> kTransportNames = {"streamable-http", "sse", "stdio"};
constexpr std::array<std::string_view, 2> kAffinityNames = {"session", "none"};
constexpr std::array<std::string_view, 5> kSetByTheGateway = {"id", "createdBy", "createdAt",
                                                              "lastUpdatedAt", "version"};

template <class Array>
std::vector<std::string_view> words_of(const Array& names) {
    return {names.begin(), names.end()};
}

// {secret: NAME, key: KEY}; the key is the variable's own name unless it is said.
void read_secret_variable(FieldReader reference, const std::string& variable, Adapter& adapter) {
    SecretKey& out = adapter.secret_variables[variable];
    out.key = variable;
    if (!reference.has("secret"))
        reference.complain("secret", "is required");
    else if (reference.string("secret", out.secret))
        reference.judge("secret", object_name_complaint(out.secret));
    static_cast<void>(reference.string("key", out.key));
    reference.judge("key", secret_key_complaint(out.key));
    reference.refuse_unknown();
}

void read_environment(FieldReader& in, Adapter& adapter, FieldErrors& errors) {
    const picojson::value* member = in.take("environmentVariables");
    if (member == nullptr) return;
    FieldReader variables(*member, in.path_of("environmentVariables"), errors);
    if (!member->is<picojson::object>()) return;
    for (const auto& [name, value] : member->get<picojson::object>()) {
        variables.judge(name, environment_name_complaint(name));
        if (value.is<picojson::object>()) {
            read_secret_variable({value, variables.path_of(name), errors}, name, adapter);
            if (adapter.image_name.empty())
                variables.complain(name, "can name a secret with imageName only");
            continue;
        }
        std::string text;
        if (!variables.string(name, text)) continue;
        if (text.find('\0') != std::string::npos)
            variables.complain(name, "must not contain NUL characters");
        adapter.environment_variables[name] = std::move(text);
    }
    in.judge("environmentVariables", environment_complaint(adapter));
}

void read_header(const picojson::value& value, FieldReader& headers, HeaderValue& out,
                 const std::string& name, FieldErrors& errors) {
    if (value.is<picojson::object>()) {
        FieldReader reference(value, headers.path_of(name), errors);
        out.is_secret_name = true;
        if (!reference.has("secret"))
            reference.complain("secret", "is required");
        else if (reference.string("secret", out.text))
            reference.judge("secret", secret_name_complaint(out.text));
        reference.refuse_unknown();
    } else if (headers.string(name, out.text)) {
        headers.judge(name, header_value_complaint(out.text));
    }
}

void read_headers(FieldReader& in, Adapter& adapter, FieldErrors& errors) {
    const picojson::value* member = in.take("requestHeaders");
    if (member == nullptr) return;
    FieldReader headers(*member, in.path_of("requestHeaders"), errors);
    if (!member->is<picojson::object>()) return;
    for (const auto& [name, value] : member->get<picojson::object>()) {
        headers.judge(name, header_name_complaint(name));
        read_header(value, headers, adapter.request_headers[name], name, errors);
    }
    in.judge("requestHeaders", headers_complaint(adapter.request_headers));
}

void read_image(FieldReader& in, Adapter& adapter) {
    const bool has_image = in.string("imageName", adapter.image_name);
    if (has_image) in.judge("imageName", image_name_complaint(adapter.image_name));
    if (in.string("imageVersion", adapter.image_version)) {
        in.judge("imageVersion", image_version_complaint(adapter.image_version));
        if (!in.has("imageName")) in.complain("imageVersion", "needs imageName");
    } else if (has_image && !in.has("imageVersion")) {
        in.complain("imageVersion", "is required with imageName");
    }
}

void read_source(FieldReader& in, Adapter& adapter) {
    read_image(in, adapter);
    if (in.strings("command", adapter.command))
        in.judge("command", command_complaint(adapter.command));
    if (in.string("url", adapter.url)) {
        if (const auto url = parse_server_url(adapter.url); !url)
            in.complain("url", url.error().detail);
    }
    std::string given;
    int sources = 0;
    for (const std::string_view source : {"imageName", "command", "url"}) {
        if (!in.has(source)) continue;
        given.append(sources++ == 0 ? "" : " and ").append(source);
    }
    if (sources == 0) {
        for (const std::string_view source : {"imageName", "command", "url"})
            in.complain(source, "exactly one of imageName, command and url is required");
    } else if (sources > 1) {
        for (const std::string_view source : {"imageName", "command", "url"})
            if (in.has(source))
                in.complain(source,
                            "exactly one of imageName, command and url is allowed, not " + given);
    }
}

// `port` and `path` are where the endpoint really is: the URL wins over the fields.
void read_endpoint(FieldReader& in, Adapter& adapter) {
    std::size_t index = 0;
    if (in.word("transport", words_of(kTransportNames), index))
        adapter.transport = static_cast<Transport>(index);
    if (adapter.transport == Transport::stdio && in.has("url"))
        in.complain("transport", "stdio needs command or imageName: a url cannot speak it");
    if (adapter.transport == Transport::sse) adapter.path = "/sse";
    in.integer("port", {1, 65535}, adapter.port);
    if (in.string("path", adapter.path)) in.judge("path", path_complaint(adapter.path));
    const auto url = parse_server_url(adapter.url);
    if (!url) return;
    adapter.port = url->port;
    if (!url->path.empty()) adapter.path = url->path;
}

// A tool says in its definition where it is called; a URL wins over that, too.
void read_call(FieldReader& in, std::string_view text, Adapter& adapter) {
    ToolDefinition& definition = adapter.tool_definition.emplace();
    read_tool_definition(in, text, adapter.name, definition);
    std::string transport;
    if (in.string("transport", transport) &&
        transport != transport_name(Transport::streamable_http))
        in.complain("transport", "a tool is called by POST: streamable-http, or leave it out");
    std::uint16_t port = definition.port;
    std::string path = definition.path;
    in.integer("port", {1, 65535}, port);
    static_cast<void>(in.string("path", path));
    const auto url = parse_server_url(adapter.url);
    if (url) {
        definition.port = url->port;
        if (!url->path.empty()) definition.path = url->path;
        // What is kept has to be good when it is read again.
        in.judge("url", tool_path_complaint(definition.path));
    } else {
        if (port != definition.port)
            in.complain("port", "must be that of toolDefinition, or be left out");
        if (path != definition.path)
            in.complain("path", "must be that of toolDefinition, or be left out");
    }
    adapter.port = definition.port;
    adapter.path = definition.path;
}

void read_health_check(FieldReader& in, Adapter& adapter, FieldErrors& errors) {
    const picojson::value* member = in.take("healthCheck");
    if (member == nullptr) return;
    HealthCheck& check = adapter.health_check.emplace();
    FieldReader fields(*member, in.path_of("healthCheck"), errors);
    if (fields.string("path", check.path)) fields.judge("path", path_complaint(check.path));
    fields.integer("intervalMs", {100, 3'600'000}, check.interval_ms);
    fields.integer("timeoutMs", {1, 600'000}, check.timeout_ms);
    fields.integer("unhealthyAfter", {1, 1000}, check.unhealthy_after);
    fields.integer("healthyAfter", {1, 1000}, check.healthy_after);
    fields.refuse_unknown();
}

void read_timeouts(FieldReader& in, Adapter& adapter, FieldErrors& errors) {
    const picojson::value* member = in.take("timeouts");
    if (member == nullptr) return;
    FieldReader fields(*member, in.path_of("timeouts"), errors);
    const IntegerRange milliseconds{0, limits::timeout_ms_max};
    fields.integer("connectMs", milliseconds, adapter.timeouts.connect_ms);
    fields.integer("firstByteMs", milliseconds, adapter.timeouts.first_byte_ms);
    fields.integer("idleMs", milliseconds, adapter.timeouts.idle_ms);
    fields.integer("sessionIdleSeconds", {0, limits::session_idle_seconds_max},
                   adapter.timeouts.session_idle_seconds);
    fields.refuse_unknown();
}

void read_amounts(FieldReader& fields, Amounts& out) {
    if (fields.string("cpu", out.cpu)) fields.judge("cpu", cpu_complaint(out.cpu));
    if (fields.string("memory", out.memory)) fields.judge("memory", memory_complaint(out.memory));
}

// {cpu, memory} says both at once; {requests: {...}, limits: {...}} says them apart.
void read_resources(FieldReader& in, Adapter& adapter, FieldErrors& errors) {
    const picojson::value* member = in.take("resources");
    if (member == nullptr) return;
    FieldReader fields(*member, in.path_of("resources"), errors);
    Resources& out = adapter.resources;
    if (!fields.has("requests") && !fields.has("limits")) {
        read_amounts(fields, out.limits);
        out.requests = out.limits;
    } else {
        for (const auto& [key, amounts] :
             {std::pair{"requests", &out.requests}, std::pair{"limits", &out.limits}}) {
            const picojson::value* part = fields.take(key);
            if (part == nullptr) continue;
            FieldReader inner(*part, fields.path_of(key), errors);
            read_amounts(inner, *amounts);
            inner.refuse_unknown();
        }
    }
    fields.refuse_unknown();
}

void read_access(FieldReader& in, Kind kind, Adapter& adapter) {
    if (in.string("tenant", adapter.tenant)) in.judge("tenant", tenant_complaint(adapter.tenant));
    read_texts(in, "requiredScopes", {scope_complaint, scopes_complaint}, adapter.required_scopes);
    if (kind == Kind::tool && in.has("accessRules"))
        in.complain("accessRules", "tell tools of an adapter apart: a tool has requiredRoles");
    else
        read_access_rules(in, "accessRules", adapter.access_rules);
    if (const picojson::value* member = in.take("limits")) {
        FieldReader fields(*member, in.path_of("limits"), in.errors());
        read_limit_members(fields, adapter.limits);
        fields.refuse_unknown();
    }
    in.boolean("identityAssertion", adapter.identity_assertion);
}

void write_access(JsonWriter& out, const Adapter& adapter) {
    if (!adapter.tenant.empty()) out.key("tenant").string(adapter.tenant);
    write_texts(out, "requiredScopes", adapter.required_scopes);
    if (!adapter.tool_definition) write_access_rules(out.key("accessRules"), adapter.access_rules);
    if (adapter.limits != contract::LimitPair{}) {
        write_limit_members(out.key("limits").object(), adapter.limits);
        out.end();
    }
    out.key("identityAssertion").boolean(adapter.identity_assertion);
}

}  // namespace

std::string_view transport_name(Transport transport) {
    return kTransportNames[static_cast<std::size_t>(transport)];
}

AdapterReading read_adapter(const picojson::value& document) {
    return read_resource(Kind::adapter, document, "");
}

AdapterReading read_resource(Kind kind, const picojson::value& document, std::string_view text) {
    AdapterReading reading;
    Adapter& adapter = reading.adapter;
    FieldReader in(document, "", reading.errors);
    if (!document.is<picojson::object>()) return reading;
    if (!in.has("name"))
        in.complain("name", "is required");
    else if (in.string("name", adapter.name))
        in.judge("name", name_complaint(adapter.name));
    read_source(in, adapter);
    read_environment(in, adapter, reading.errors);
    in.integer("replicaCount", {0, limits::replicas_max}, adapter.replica_count);
    if (in.string("description", adapter.description))
        in.judge("description", description_complaint(adapter.description));
    in.boolean("useWorkloadIdentity", adapter.use_workload_identity);
    read_texts(in, "requiredRoles", {role_complaint, roles_complaint}, adapter.required_roles);
    if (kind == Kind::tool)
        read_call(in, text, adapter);
    else
        read_endpoint(in, adapter);
    if (kind == Kind::adapter && in.has("toolDefinition"))
        in.complain("toolDefinition", "makes it a tool: tools are under /tools");
    std::size_t index = 0;
    if (in.word("affinity", words_of(kAffinityNames), index))
        adapter.affinity = static_cast<Affinity>(index);
    read_health_check(in, adapter, reading.errors);
    read_headers(in, adapter, reading.errors);
    read_timeouts(in, adapter, reading.errors);
    read_access(in, kind, adapter);
    in.boolean("aggregate", adapter.aggregate);
    read_resources(in, adapter, reading.errors);
    for (const std::string_view key : kSetByTheGateway)
        static_cast<void>(in.take(key));
    in.refuse_unknown();
    adapter.id = adapter.name;
    return reading;
}

namespace {

void write_source(JsonWriter& out, const Adapter& adapter) {
    switch (adapter.source()) {
        case Source::image:
            out.key("imageName").string(adapter.image_name);
            out.key("imageVersion").string(adapter.image_version);
            return;
        case Source::command:
            write_texts(out, "command", adapter.command);
            return;
        case Source::url:
            out.key("url").string(adapter.url);
            return;
    }
}

void write_environment(JsonWriter& out, const Adapter& adapter, Audience audience) {
    out.object();
    for (const auto& [name, value] : adapter.environment_variables)
        out.key(name).string(audience == Audience::writer ? std::string_view(value) : kMask);
    for (const auto& [name, place] : adapter.secret_variables) {
        out.key(name).object();
        out.key("secret").string(place.secret);
        out.key("key").string(place.key);
        out.end();
    }
    out.end();
}

void write_headers(JsonWriter& out, const Adapter& adapter, Audience audience) {
    out.object();
    for (const auto& [name, value] : adapter.request_headers) {
        out.key(name);
        if (value.is_secret_name)
            out.object().key("secret").string(value.text).end();
        else
            out.string(audience == Audience::writer ? std::string_view(value.text) : kMask);
    }
    out.end();
}

void write_health_check(JsonWriter& out, const HealthCheck& check) {
    out.object();
    out.key("path").string(check.path);
    out.key("intervalMs").number(std::uint64_t{check.interval_ms});
    out.key("timeoutMs").number(std::uint64_t{check.timeout_ms});
    out.key("unhealthyAfter").number(std::uint64_t{check.unhealthy_after});
    out.key("healthyAfter").number(std::uint64_t{check.healthy_after});
    out.end();
}

void write_timeouts(JsonWriter& out, const Timeouts& timeouts) {
    out.object();
    out.key("connectMs").number(std::uint64_t{timeouts.connect_ms});
    out.key("firstByteMs").number(std::uint64_t{timeouts.first_byte_ms});
    out.key("idleMs").number(std::uint64_t{timeouts.idle_ms});
    out.key("sessionIdleSeconds").number(std::uint64_t{timeouts.session_idle_seconds});
    out.end();
}

void write_amounts(JsonWriter& out, const Amounts& amounts) {
    if (!amounts.cpu.empty()) out.key("cpu").string(amounts.cpu);
    if (!amounts.memory.empty()) out.key("memory").string(amounts.memory);
}

void write_resources(JsonWriter& out, const Resources& resources) {
    if (resources == Resources{}) return;
    out.key("resources").object();
    if (resources.requests == resources.limits) {
        write_amounts(out, resources.limits);
    } else {
        write_amounts(out.key("requests").object(), resources.requests);
        write_amounts(out.end().key("limits").object(), resources.limits);
        out.end();
    }
    out.end();
}

}  // namespace

void write_adapter(JsonWriter& out, const Adapter& adapter, Audience audience) {
    out.object();
    out.key("id").string(adapter.name);
    out.key("name").string(adapter.name);
    write_source(out, adapter);
    write_environment(out.key("environmentVariables"), adapter, audience);
    out.key("replicaCount").number(std::uint64_t{adapter.replica_count});
    out.key("description").string(adapter.description);
    out.key("useWorkloadIdentity").boolean(adapter.use_workload_identity);
    write_texts(out, "requiredRoles", adapter.required_roles);
    if (adapter.tool_definition) {
        write_tool_definition(out.key("toolDefinition"), *adapter.tool_definition);
    } else {
        out.key("transport").string(transport_name(adapter.transport));
        out.key("port").number(std::uint64_t{adapter.port});
        out.key("path").string(adapter.path);
    }
    out.key("affinity").string(kAffinityNames[static_cast<std::size_t>(adapter.affinity)]);
    if (adapter.health_check) write_health_check(out.key("healthCheck"), *adapter.health_check);
    write_headers(out.key("requestHeaders"), adapter, audience);
    write_timeouts(out.key("timeouts"), adapter.timeouts);
    write_access(out, adapter);
    out.key("aggregate").boolean(adapter.aggregate);
    write_resources(out, adapter.resources);
    out.key("createdBy").string(adapter.created_by);
    out.key("createdAt").string(rfc3339(adapter.created_at_unix_ms));
    out.key("lastUpdatedAt").string(rfc3339(adapter.last_updated_at_unix_ms));
    out.key("version").number(adapter.version);
    out.end();
}

}  // namespace mcpgw::model
