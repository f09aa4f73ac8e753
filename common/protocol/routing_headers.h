// The headers of a 2026-07-28 request that repeat its body, so that proxies can route without
// reading it (MCP 2026-07-28, streamable HTTP; SEP-2243): MCP-Protocol-Version, Mcp-Method and
// Mcp-Name. Who routes by them must see that they say what the body says.
#pragma once

#include <string_view>

#include "common/protocol/jsonrpc_peek.h"

namespace mcpgw::mcp {

// Values without surrounding white space; empty: the header is not there.
struct RoutingHeaders {
    std::string_view version;
    std::string_view method;
    std::string_view name;  // plain, or as =?base64?...?= where it is not plain ASCII
};

// False if a header contradicts what is known of the body. A header that is missing, and what the
// body does not tell (or what is too long to be kept), contradicts nothing: such requests are the
// server's to refuse. Values are compared byte by byte; headers of notifications have no rule.
[[nodiscard]] bool agrees(const RoutingHeaders& headers, const jsonrpc::Peek& body);

}  // namespace mcpgw::mcp
