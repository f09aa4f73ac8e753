// What the control plane tells the data plane: everything needed to serve, and nothing else.
//
// A Snapshot is complete; a Delta turns version `from` into version `to`. Versions only grow within
// one epoch; an epoch is the identity of a control plane's store, so that a data plane which meets
// another store takes a full snapshot. Decoding checks everything (names, ranges, ids, addresses,
// limits) and says what is wrong: a broken snapshot is refused as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/contract/access.h"
#include "common/result.h"

namespace mcpgw::contract {

enum class Transport : std::uint8_t { streamable_http, sse };  // stdio servers come as streamable
enum class Affinity : std::uint8_t { session, none };
enum class InstanceState : std::uint8_t { ready, not_ready, draining };

struct Instance {
    std::string name;        // "x-0"
    std::uint64_t id = 0;    // instance_identity(...); in JSON 16 hexadecimal digits
    std::string host;        // numeric IPv4 or IPv6 address (never a name: the data plane asks no
                             // DNS), or an absolute path of a Unix socket
    std::uint16_t port = 0;  // 0 for Unix sockets and only for them
    std::string authority;   // value of Host towards it, e.g. "127.0.0.1:8000"
    std::string path;        // request target of its endpoint, e.g. "/mcp"
    InstanceState state = InstanceState::not_ready;
    bool operator==(const Instance&) const = default;
};

struct Timeouts {
    std::uint32_t connect_ms = 5000;
    std::uint32_t first_byte_ms = 300000;
    std::uint32_t idle_ms = 0;  // 0 = none, for each
    std::uint32_t session_idle_seconds = 1800;
    bool operator==(const Timeouts&) const = default;
};

struct Adapter {
    std::string name;
    Transport transport = Transport::streamable_http;
    Affinity affinity = Affinity::session;
    std::string created_by;
    std::vector<std::string> required_roles;
    std::string tenant;  // whose limits its requests count against; empty: the caller's
    std::vector<std::string> required_scopes;
    std::vector<AccessRule> access_rules;
    LimitPair limits;
    bool identity_assertion = false;  // its servers get one with each request
    Timeouts timeouts;
    std::vector<std::pair<std::string, std::string>> request_headers;  // resolved secrets included
    std::vector<Instance> instances;
    bool operator==(const Adapter&) const = default;
};

struct SealingKey {
    std::string id;   // 1...limits::key_id_bytes_max of [A-Za-z0-9]; appears in the sealed value
    std::string key;  // 32 bytes, raw; base64url in JSON
    bool current = false;  // exactly one key of a snapshot seals, the others only open
    bool shared = false;   // other gateways have it, too; may be missing in JSON
    bool operator==(const SealingKey&) const = default;
};

struct Snapshot {
    std::string epoch;
    std::uint64_t version = 0;
    std::vector<SealingKey> keys;
    std::vector<Adapter> adapters;  // names are unique
    Access access = {};             // may be missing in JSON
};

struct Delta {
    std::string epoch;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::vector<SealingKey> keys;  // empty: unchanged
    std::vector<Adapter> upserts;  // whole adapters
    std::vector<std::string> removals;
    std::optional<Access> access = {};  // nothing: unchanged
};

// JSON with "type":"snapshot" / "type":"delta".
[[nodiscard]] std::string encode(const Snapshot& snapshot);
[[nodiscard]] std::string encode(const Delta& delta);
[[nodiscard]] Result<Snapshot> decode_snapshot(std::string_view json);
[[nodiscard]] Result<Delta> decode_delta(std::string_view json);

// First 8 bytes (big endian) of SHA-256 over adapter, instance name and uid, each followed by a
// zero byte. The uid is new for every start of a server, and is the URL for `url` adapters, so that
// gateways that share keys agree. Never 0.
[[nodiscard]] std::uint64_t instance_identity(std::string_view adapter, std::string_view instance,
                                              std::string_view uid);

}  // namespace mcpgw::contract
