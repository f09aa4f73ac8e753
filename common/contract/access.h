// Who may come in, what they may use, and how much: what the control plane tells the data plane of
// identity providers, API tokens, tenants and the keys of identity assertions.
//
// Part of every Snapshot; a Delta has it only when it has changed, and then as a whole. Decoding
// checks everything, as in snapshot.h. Rules and limits of one adapter are with the adapter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mcpgw::contract {

// --- Limits -------------------------------------------------------------------------------------

// Zeros are "no limit", in every member.
struct Limits {
    std::uint64_t quota_requests = 0;       // in each window of
    std::uint32_t quota_seconds = 0;        // 1...limits::quota_seconds_max; 0 with 0 requests
    std::uint32_t requests_per_second = 0;  // 0...limits::rate_per_second_max
    std::uint32_t burst = 0;                // 1...limits::rate_burst_max; 0 without a rate
    std::uint32_t sessions_max = 0;         // open at a time
    std::uint32_t streams_max = 0;          // event streams open at a time
    bool operator==(const Limits&) const = default;

    [[nodiscard]] bool none() const { return *this == Limits{}; }
};

// The limits of all together, and of each user.
struct LimitPair {
    Limits all;
    Limits per_user;
    bool operator==(const LimitPair&) const = default;
};

struct Tenant {
    std::string id;  // 1...limits::tenant_bytes_max of visible ASCII
    LimitPair limits;
    bool operator==(const Tenant&) const = default;
};

// --- Rules --------------------------------------------------------------------------------------

// One line of an adapter's access rules. It speaks of methods or of tools, never of both; `*` in a
// pattern stands for any characters, none included.
struct AccessRule {
    enum class Effect : std::uint8_t { allow, deny };
    Effect effect = Effect::allow;
    std::vector<std::string> roles;    // whom it concerns; empty: everybody
    std::vector<std::string> methods;  // MCP methods; or
    std::vector<std::string> tools;    // names of tools
    bool operator==(const AccessRule&) const = default;
};

// --- Identity -----------------------------------------------------------------------------------

// A public key that an issuer signs with.
struct VerifyingKey {
    std::string id;         // `kid`; empty if the issuer has given none
    std::string algorithm;  // `alg`; empty: whatever fits the key
    std::string spki;       // SubjectPublicKeyInfo in DER; base64url in JSON
    bool operator==(const VerifyingKey&) const = default;
};

struct Issuer {
    std::string issuer;  // compared with `iss` byte by byte
    std::vector<VerifyingKey> keys;
    // The authorization-server metadata of the issuer as JSON text, for clients that ask the
    // gateway for it; empty: they get 404.
    std::string metadata;
    bool operator==(const Issuer&) const = default;
};

// Where in a token the gateway finds what. A name is that of a member, or, if there is no such
// member, a path of members with dots (`realm_access.roles`). For `user`, `name` and `tenant` the
// first that is there counts, for `roles` and `scopes` all of them together.
struct ClaimNames {
    std::vector<std::string> user = {"sub"};
    std::vector<std::string> name = {"name", "preferred_username"};
    std::vector<std::string> roles = {"roles", "realm_access.roles", "groups"};
    std::vector<std::string> tenant = {"tid"};
    std::vector<std::string> scopes = {"scope", "scp"};
    bool operator==(const ClaimNames&) const = default;
};

// An API token for machines. The token itself is known to nobody but its owner.
struct ApiToken {
    std::string hash;  // SHA-256 of the token, 32 bytes; base64url in JSON
    std::string id;    // for logs and people
    std::string user;
    std::vector<std::string> roles;
    std::string tenant;
    std::vector<std::string> scopes;
    std::vector<std::string> adapters;  // it opens only these; empty: everything
    std::uint64_t expires_unix_s = 0;   // 0: never
    bool operator==(const ApiToken&) const = default;
};

// Signs what the gateway asserts about callers (ES256).
struct AssertionKey {
    std::string id;        // `kid`, as sealing keys have it
    std::string pkcs8;     // the private key in DER; base64url in JSON
    bool current = false;  // signs; the others are only published. At most one
    bool operator==(const AssertionKey&) const = default;
};

struct Access {
    std::vector<Issuer> issuers;         // `issuer` is unique; users of the first have plain ids
    std::vector<std::string> audiences;  // accepted beside resources under the public origin
    ClaimNames claims;
    std::vector<std::string> scopes;  // to ask for, where an adapter names none
    std::string resource;             // instead of the URL in metadata; empty: the URL
    std::uint32_t clock_skew_seconds = 60;
    std::vector<ApiToken> tokens;  // ascending by hash, each once
    std::vector<Tenant> tenants;   // ascending by id, each once
    std::vector<AssertionKey> assertion_keys;
    bool operator==(const Access&) const = default;
};

}  // namespace mcpgw::contract
