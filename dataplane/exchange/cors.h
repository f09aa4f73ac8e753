// What browsers need to let a page of another origin use MCP (the Fetch standard, CORS protocol;
// MCP reference 2.4). Pure functions over fields.
//
// Grants name one origin, never `*`, and never allow credentials of the browser's own (cookies):
// clients send their tokens themselves. Whether an origin is granted at all is auth/origin's
// decision.
#pragma once

#include <array>
#include <string_view>

#include "common/limits.h"
#include "common/protocol/http_message.h"
#include "dataplane/route/target.h"

namespace mcpgw::exchange {

// The targets that pages may use: MCP, and what clients read to find out how to log in.
[[nodiscard]] bool is_for_browsers(Target::Kind kind);

// The browser asks whether it may send a request (its method is named). Whoever may not gets the
// same answer without the grant.
[[nodiscard]] bool is_preflight(const http::RequestHead& head);

// A field that only the gateway sets towards browsers.
[[nodiscard]] bool is_cors_field(std::string_view name);

// For any answer to a page of that origin. False if there are too many fields.
[[nodiscard]] bool add_grant(std::string_view origin, http::Fields& out);

using AllowedHeaders = std::array<char, limits::cors_allowed_headers_bytes_max>;
// For the answer to a preflight, beside the grant: `methods` is the value of Allow. Of the headers
// that are asked for, those of tools' parameters (Mcp-Param-*) are allowed by name, as far as there
// is room.
[[nodiscard]] bool add_preflight(const http::RequestHead& head, std::string_view methods,
                                 AllowedHeaders& room, http::Fields& out);

}  // namespace mcpgw::exchange
