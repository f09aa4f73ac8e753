// Snapshots and deltas as JSON. Members are named like the fields of the structs; enums are words;
// ids are hexadecimal, because a JSON number does not carry 64 bits everywhere; keys are base64url.
//
// The data plane builds addresses, request targets and header fields from what is decoded here
// without looking again, so whatever could bend a request is refused in this file.
#include "common/contract/snapshot.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_set>

#include <arpa/inet.h>
#include <openssl/sha.h>

#include "common/bytes.h"
#include "common/contract/access_coding.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/protocol/http1_head.h"
#include "common/protocol/mcp.h"

namespace mcpgw::contract {
namespace {

using Words2 = std::array<std::string_view, 2>;
using Words3 = std::array<std::string_view, 3>;
constexpr Words2 kTransports = {"streamable-http", "sse"};
constexpr Words2 kAffinities = {"session", "none"};
constexpr Words3 kStates = {"ready", "not_ready", "draining"};

constexpr std::size_t kKeyBytes = 32;

// Fields that the data plane writes itself because they frame the message, concern one connection,
// or carry what the gateway vouches for.
constexpr std::array<std::string_view, 14> kOwnFields = {
    "Host",       "Content-Length", "Transfer-Encoding", "Connection",
    "Keep-Alive", "Upgrade",        "Proxy-Connection",  "TE",
    "Trailer",    "Expect",         "Mcp-Session-Id",    "MCP-Protocol-Version",
    "Mcp-Method", "Mcp-Name"};

// --- Encoding -----------------------------------------------------------------------------------

void write_instance(JsonWriter& out, const Instance& instance) {
    out.object();
    out.key("name").string(instance.name);
    out.key("id").string(to_hex(instance.id));
    out.key("host").string(instance.host);
    out.key("port").number(std::uint64_t{instance.port});
    out.key("authority").string(instance.authority);
    out.key("path").string(instance.path);
    out.key("state").string(kStates[static_cast<std::size_t>(instance.state)]);
    out.end();
}

void write_timeouts(JsonWriter& out, const Timeouts& timeouts) {
    out.object();
    out.key("connect_ms").number(std::uint64_t{timeouts.connect_ms});
    out.key("first_byte_ms").number(std::uint64_t{timeouts.first_byte_ms});
    out.key("idle_ms").number(std::uint64_t{timeouts.idle_ms});
    out.key("session_idle_seconds").number(std::uint64_t{timeouts.session_idle_seconds});
    out.end();
}

void write_adapter(JsonWriter& out, const Adapter& adapter) {
    out.object();
    out.key("name").string(adapter.name);
    out.key("transport").string(kTransports[static_cast<std::size_t>(adapter.transport)]);
    out.key("affinity").string(kAffinities[static_cast<std::size_t>(adapter.affinity)]);
    out.key("created_by").string(adapter.created_by);
    write_texts(out, "required_roles", adapter.required_roles);
    out.key("tenant").string(adapter.tenant);
    write_texts(out, "required_scopes", adapter.required_scopes);
    write_rules(out.key("access_rules"), adapter.access_rules);
    write_limits(out, "limits", adapter.limits);
    out.key("identity_assertion").boolean(adapter.identity_assertion);
    write_timeouts(out.key("timeouts"), adapter.timeouts);
    out.key("request_headers").array();
    for (const auto& [name, value] : adapter.request_headers)
        out.object().key("name").string(name).key("value").string(value).end();
    out.end();
    out.key("instances").array();
    for (const Instance& instance : adapter.instances)
        write_instance(out, instance);
    out.end();
    out.end();
}

void write_adapters(JsonWriter& out, const std::vector<Adapter>& adapters) {
    out.array();
    for (const Adapter& adapter : adapters)
        write_adapter(out, adapter);
    out.end();
}

void write_keys(JsonWriter& out, const std::vector<SealingKey>& keys) {
    out.array();
    for (const SealingKey& key : keys) {
        std::string text(base64url_size(key.key.size()), '\0');
        base64url_encode(as_bytes(key.key), text.data());
        out.object().key("id").string(key.id).key("key").string(text);
        out.key("current").boolean(key.current).key("shared").boolean(key.shared).end();
    }
    out.end();
}

// --- Decoding: leaves ---------------------------------------------------------------------------

std::string read_name(ObjectReader& in, std::string_view member) {
    const std::string_view name = in.text(member, limits::name_bytes_max);
    if (!mcp::is_resource_name(name)) in.refuse(member, "is not a resource name");
    return std::string(name);
}

std::uint32_t read_duration(ObjectReader& in, std::string_view member, std::uint32_t max,
                            std::uint32_t fallback) {
    return static_cast<std::uint32_t>(in.number_or(member, {0, max}, fallback));
}

bool is_numeric_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

void read_address(ObjectReader& in, Instance& out) {
    out.host = in.text("host", limits::socket_path_bytes_max);
    const std::uint64_t port = in.number("port", {0, std::numeric_limits<std::uint16_t>::max()});
    out.port = static_cast<std::uint16_t>(port);
    if (out.host.starts_with('/')) {
        if (port != 0) in.refuse("port", "is not 0, as for a Unix socket");
        return;
    }
    if (!is_numeric_address(out.host))
        in.refuse("host", "is neither an IP address nor an absolute path");
    if (port == 0) in.refuse("port", "is 0, which only a Unix socket has");
}

Instance read_instance(ObjectReader& in) {
    Instance out;
    out.name = read_visible(in, "name", limits::instance_name_bytes_max);
    out.id = in.identity("id");
    read_address(in, out);
    out.authority = read_visible(in, "authority", limits::frame_text_bytes_max);
    out.path = read_visible(in, "path", limits::path_bytes_max);
    if (!out.path.starts_with('/')) in.refuse("path", "does not begin with /");
    out.state = static_cast<InstanceState>(in.choice("state", kStates));
    return out;
}

Timeouts read_timeouts(ObjectReader& in) {
    constexpr std::uint32_t ms_max = limits::timeout_ms_max;
    Timeouts out;
    out.connect_ms = read_duration(in, "connect_ms", ms_max, out.connect_ms);
    out.first_byte_ms = read_duration(in, "first_byte_ms", ms_max, out.first_byte_ms);
    out.idle_ms = read_duration(in, "idle_ms", ms_max, out.idle_ms);
    out.session_idle_seconds = read_duration(
        in, "session_idle_seconds", limits::session_idle_seconds_max, out.session_idle_seconds);
    return out;
}

SealingKey read_key(ObjectReader& in) {
    SealingKey out;
    out.id = in.text("id", limits::key_id_bytes_max);
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    };
    if (!std::all_of(out.id.begin(), out.id.end(), is_alphanumeric))
        in.refuse("id", "has characters other than letters and digits");
    const std::string_view text = in.text("key", limits::frame_text_bytes_max);
    out.key.resize(text.size());
    const auto bytes = base64url_decode(text, reinterpret_cast<std::byte*>(out.key.data()));
    if (bytes != kKeyBytes) in.refuse("key", "is not 32 bytes in base64url");
    out.key.resize(kKeyBytes);
    out.current = in.boolean("current");
    out.shared = in.optional_boolean("shared");
    return out;
}

// --- Decoding: lists ----------------------------------------------------------------------------

std::vector<SealingKey> read_keys(ObjectReader& in) {
    std::vector<SealingKey> keys;
    in.each_object("keys", limits::sealing_keys_max, [&keys](ObjectReader& item) {
        SealingKey key = read_key(item);
        for (const SealingKey& other : keys)
            if (other.id == key.id) item.refuse("id", "is there twice");
        keys.push_back(std::move(key));
    });
    const auto current =
        std::count_if(keys.begin(), keys.end(), [](const SealingKey& key) { return key.current; });
    if (!keys.empty() && current != 1) in.refuse("keys", "not exactly one is current");
    return keys;
}

void read_request_headers(ObjectReader& in, Adapter& adapter) {
    auto& headers = adapter.request_headers;
    std::size_t bytes = 0;
    in.each_object("request_headers", limits::request_headers_max, [&](ObjectReader& item) {
        const std::string_view name = item.text("name", limits::request_headers_bytes_max);
        const std::string_view value =
            item.optional_text("value", limits::request_headers_bytes_max);
        if (!http::is_token(name)) item.refuse("name", "is not a token");
        for (const std::string_view own : kOwnFields)
            if (equals_ignoring_case(own, name)) item.refuse("name", "belongs to the gateway");
        for (const auto& header : headers)
            if (equals_ignoring_case(header.first, name)) item.refuse("name", "is there twice");
        bytes += name.size() + value.size();
        headers.emplace_back(name, value);
    });
    if (bytes > limits::request_headers_bytes_max)
        in.refuse(
            "request_headers",
            "are longer than " + std::to_string(limits::request_headers_bytes_max) + " bytes");
}

void read_instances(ObjectReader& in, std::vector<Instance>& instances) {
    in.each_object("instances", limits::instances_per_adapter_max,
                   [&](ObjectReader& item) { instances.push_back(read_instance(item)); });
    // Names are for people: one that is replaced and its successor have the same.
    std::unordered_set<std::uint64_t> ids;
    if (instances.size() < 2) return;
    for (const Instance& instance : instances)
        if (!ids.insert(instance.id).second) in.refuse("instances", "two have the same id");
}

Adapter read_route(ObjectReader& in) {
    Adapter out;
    out.name = read_name(in, "name");
    out.transport = static_cast<Transport>(in.choice("transport", kTransports));
    out.affinity = static_cast<Affinity>(in.choice("affinity", kAffinities));
    out.created_by = in.optional_text("created_by", limits::principal_bytes_max);
    out.required_roles = read_texts(in, "required_roles", limits::roles_bytes_max);
    out.tenant = in.optional_text("tenant", limits::tenant_bytes_max);
    out.required_scopes = read_texts(in, "required_scopes", limits::roles_bytes_max);
    out.access_rules = read_rules(in, "access_rules");
    out.limits = read_limits(in, "limits");
    out.identity_assertion = in.optional_boolean("identity_assertion");
    in.object("timeouts", [&out](ObjectReader& item) { out.timeouts = read_timeouts(item); });
    read_request_headers(in, out);
    read_instances(in, out.instances);
    return out;
}

std::vector<Adapter> read_adapters(ObjectReader& in, std::string_view member) {
    std::vector<Adapter> adapters;
    in.each_object(member, limits::adapters_max,
                   [&adapters](ObjectReader& item) { adapters.push_back(read_route(item)); });
    std::unordered_set<std::string_view> names;
    for (const Adapter& adapter : adapters)
        if (!names.insert(adapter.name).second)
            in.refuse(member, "two have the name " + adapter.name);
    return adapters;
}

Snapshot read_snapshot(ObjectReader& in) {
    Snapshot out;
    out.epoch = in.text("epoch", limits::frame_text_bytes_max);
    out.version = in.number("version", {.min = 1});
    out.keys = read_keys(in);
    out.adapters = read_adapters(in, "adapters");
    if (in.has("access"))
        in.object("access", [&out](ObjectReader& item) { out.access = read_access(item); });
    return out;
}

Delta read_delta(ObjectReader& in) {
    Delta out;
    out.epoch = in.text("epoch", limits::frame_text_bytes_max);
    out.from = in.number("from", {.min = 1});
    out.to = in.number("to", {.min = 1});
    if (out.to <= out.from) in.refuse("to", "is not after from");
    out.keys = read_keys(in);
    out.upserts = read_adapters(in, "upserts");
    std::unordered_set<std::string_view> names;
    for (const Adapter& adapter : out.upserts)
        names.insert(adapter.name);
    in.each_text("removals", limits::adapters_max, [&](std::string_view name) {
        if (!mcp::is_resource_name(name)) in.refuse("removals", "one is not a resource name");
        // The views of the set that come from here lie in the frame.
        if (!names.insert(name).second) in.refuse("removals", "one is there twice or in upserts");
        out.removals.emplace_back(name);
    });
    if (in.has("access"))
        in.object("access", [&out](ObjectReader& item) { out.access = read_access(item); });
    return out;
}

}  // namespace

std::string encode(const Snapshot& snapshot) {
    JsonWriter out;
    out.object().key("type").string("snapshot");
    out.key("epoch").string(snapshot.epoch);
    out.key("version").number(snapshot.version);
    write_keys(out.key("keys"), snapshot.keys);
    write_adapters(out.key("adapters"), snapshot.adapters);
    write_access(out.key("access"), snapshot.access);
    out.end();
    return out.take();
}

std::string encode(const Delta& delta) {
    JsonWriter out;
    out.object().key("type").string("delta");
    out.key("epoch").string(delta.epoch);
    out.key("from").number(delta.from);
    out.key("to").number(delta.to);
    write_keys(out.key("keys"), delta.keys);
    write_adapters(out.key("upserts"), delta.upserts);
    out.key("removals").array();
    for (const std::string& name : delta.removals)
        out.string(name);
    out.end();
    if (delta.access) write_access(out.key("access"), *delta.access);
    out.end();
    return out.take();
}

Result<Snapshot> decode_snapshot(std::string_view json) {
    return decode<Snapshot>(json, "snapshot", read_snapshot);
}

Result<Delta> decode_delta(std::string_view json) {
    return decode<Delta>(json, "delta", read_delta);
}

std::uint64_t instance_identity(std::string_view adapter, std::string_view instance,
                                std::string_view uid) {
    std::string text;
    text.reserve(adapter.size() + instance.size() + uid.size() + 3);
    for (const std::string_view part : {adapter, instance, uid}) {
        text.append(part);
        text.push_back('\0');
    }
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::uint64_t identity = 0;
    for (std::size_t i = 0; i < sizeof identity; ++i)
        identity = identity << 8 | digest[i];
    return identity == 0 ? 1 : identity;
}

}  // namespace mcpgw::contract
