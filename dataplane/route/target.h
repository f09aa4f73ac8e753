// What a request path means: the table of CONTRACT section 3 as one pure function.
//
// Paths are compared byte by byte: percent-encoded octets are not decoded and dot segments are not
// resolved, so a path that has either is unknown. Only the endpoint `mcp` may end in a slash.
// Whether an adapter of that name exists, and whether the method fits, is for the caller.
#pragma once

#include <cstdint>
#include <string_view>

namespace mcpgw {

struct Target {
    enum class Kind : std::uint8_t {
        adapter_mcp,       // /adapters/{name}/mcp
        adapter_sse,       // /adapters/{name}/sse
        adapter_messages,  // /adapters/{name}/messages
        router_mcp,        // /mcp
        management,        // answered by the control plane
        ping,
        healthz,
        readyz,
        jwks,          // /.well-known/mcp-gateway/jwks.json
        well_known,    // /.well-known/oauth-protected-resource[/path], and of authorization servers
        whole_server,  // *, of OPTIONS only (RFC 9112 section 3.2.4)
        unknown,
    };
    Kind kind = Kind::unknown;
    std::string_view adapter;   // of the first three, as sent; may break the rule for names
    std::string_view allow;     // value for Allow (RFC 9110 section 10.2.1); empty for unknown
    std::string_view resource;  // of well_known: the path behind, with its slash; may be empty
    bool of_issuer = false;     // of well_known: metadata of the authorization server
};

// What is said of a kind in more than one place.
struct TargetFacts {
    // Of what speaks MCP: how the path of the resource ends that it belongs to. Clients of HTTP+SSE
    // know the URL of the stream only; what they post belongs to that.
    std::string_view endpoint = {};
    bool is_resource = false;  // has metadata of its own (RFC 9728)
    bool is_own_page = false;  // the worker answers, whoever asks

    [[nodiscard]] bool is_mcp() const { return !endpoint.empty(); }
};
[[nodiscard]] TargetFacts target_facts(Target::Kind kind);

// `path` is without query, as in http::RequestHead. The views point into it or to constants.
[[nodiscard]] Target classify(std::string_view path);

}  // namespace mcpgw
