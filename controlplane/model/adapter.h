// An adapter: a logical MCP server as people describe it (CONTRACT section 4). A tool is one, too,
// with a definition of the tool: a server that is called by POST, and no MCP server itself.
//
// This is the desired state and nothing else: what runs is in reconcile/observation.h. A value of
// this type that came through adapter_json.h or out of the store obeys every rule of CONTRACT
// section 4 (names, ranges, exactly one source), so other rooms need not check again. `id`, the
// authorship, the times and `version` are set by api/ and store/, never by a request body.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/contract/access.h"
#include "controlplane/model/kind.h"

namespace mcpgw::model {

// Where the server comes from; exactly one of image_name, command and url is set.
enum class Source : std::uint8_t { image, command, url };
// What the server speaks. A stdio server is run behind `mcp-gateway bridge`.
enum class Transport : std::uint8_t { streamable_http, sse, stdio };
enum class Affinity : std::uint8_t { session, none };

// Absent on an adapter: readiness by TCP connect.
struct HealthCheck {
    std::string path = "/healthz";
    std::uint32_t interval_ms = 10'000;
    std::uint32_t timeout_ms = 2'000;
    std::uint32_t unhealthy_after = 3;  // failed probes in a row
    std::uint32_t healthy_after = 1;    // good probes in a row
    bool operator==(const HealthCheck&) const = default;
};

// 0 = none, for each.
struct Timeouts {
    std::uint32_t connect_ms = 5'000;
    std::uint32_t first_byte_ms = 300'000;
    std::uint32_t idle_ms = 0;
    std::uint32_t session_idle_seconds = 1'800;
    bool operator==(const Timeouts&) const = default;
};

// The value of a header towards the server: the text itself, or the name of a secret.
struct HeaderValue {
    std::string text;
    bool is_secret_name = false;
    bool operator==(const HeaderValue&) const = default;
};

// Where the value of a variable is kept on a cluster: a key of a Secret in the servers' namespace.
struct SecretKey {
    std::string secret;
    std::string key;
    bool operator==(const SecretKey&) const = default;
};

// Kubernetes quantities as given, e.g. "500m", "256Mi"; empty = not said.
struct Amounts {
    std::string cpu;
    std::string memory;
    bool operator==(const Amounts&) const = default;
};
struct Resources {
    Amounts requests;
    Amounts limits;
    bool operator==(const Resources&) const = default;
};

// What makes a tool; kept by tool_definition.h.
struct ToolDefinition {
    std::string tool;  // JSON text of the protocol's Tool, as given but for white space
    std::uint16_t port = 8000;
    std::string path = "/score";
    bool operator==(const ToolDefinition&) const = default;
};

struct Adapter {
    std::string name;
    std::string image_name;
    std::string image_version;
    std::map<std::string, std::string> environment_variables;
    std::map<std::string, SecretKey> secret_variables;  // of images only; names differ from those
    std::uint32_t replica_count = 1;
    std::string description;
    bool use_workload_identity = false;
    std::vector<std::string> required_roles;

    std::vector<std::string> command;  // argv; "{port}" in an argument stands for the port
    std::string url;                   // "http://host[:port][/path]"
    Transport transport = Transport::streamable_http;
    // Of a tool those of its definition.
    std::uint16_t port = 8000;
    std::string path = "/mcp";  // "/sse" by default for Transport::sse
    Affinity affinity = Affinity::session;
    std::optional<HealthCheck> health_check;
    std::map<std::string, HeaderValue> request_headers;
    Timeouts timeouts;
    std::string tenant;
    std::vector<std::string> required_scopes;        // of every token that is to open it
    std::vector<contract::AccessRule> access_rules;  // of adapters only
    contract::LimitPair limits;
    bool identity_assertion = false;  // its servers are told by a signature who calls
    bool aggregate = false;
    Resources resources;
    std::optional<ToolDefinition> tool_definition;  // of tools only

    std::string id;  // = name
    std::string created_by;
    std::uint64_t created_at_unix_ms = 0;
    std::uint64_t last_updated_at_unix_ms = 0;
    // Grows with every change of the row and never comes back, not even when an adapter is deleted
    // and made again; the ETag.
    std::uint64_t version = 0;

    [[nodiscard]] Kind kind() const { return tool_definition ? Kind::tool : Kind::adapter; }
    [[nodiscard]] Source source() const {
        if (!url.empty()) return Source::url;
        return command.empty() ? Source::image : Source::command;
    }
    [[nodiscard]] bool names_secrets() const {
        for (const auto& [header, value] : request_headers)
            if (value.is_secret_name) return true;
        return false;
    }
    bool operator==(const Adapter&) const = default;
};

// An http URL in its parts. For a `url` adapter the port and path of its URL win over the fields
// `port` and `path`; only a URL that says no path at all leaves it to the field.
struct Endpoint {
    std::string host;  // a name or an address, without the brackets of IPv6
    std::uint16_t port = 80;
    std::string path;       // "/mcp"
    std::string authority;  // value of Host, e.g. "127.0.0.1:8000"; the default port 80 is left out
};
// The endpoint of a `url` adapter (source() == Source::url).
[[nodiscard]] Endpoint endpoint_of_url(const Adapter& adapter);

}  // namespace mcpgw::model
