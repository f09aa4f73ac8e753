// Who asks. In development mode (`--auth dev`) the request says so itself; the listener is then a
// loopback one, or the operator forced it.
//
//   X-Dev-UserId  user id, default "dev"        X-Dev-Roles   comma-separated, default "mcp.dev"
//   X-Dev-Name    for people; may be absent     X-Dev-Tenant  tenant; may be absent
//   X-Dev-Scopes  separated by spaces; default: every scope that is asked for
//
// Views point into the request head, or to where the verdict on a token is kept.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/protocol/http_message.h"

namespace mcpgw::auth {

struct Identity {
    std::string_view user;           // visible ASCII
    std::string_view roles;          // comma-separated
    std::string_view name = {};      // for people, printable ASCII; may be empty
    std::string_view tenant = {};    // visible ASCII; empty: not known
    std::string_view scopes = {};    // separated by single spaces
    std::string_view token_id = {};  // of an API token, for logs; else empty
    bool has_every_scope = false;    // scopes are not looked at
};

// False if a header is repeated, empty, longer than limits.h has it or holds something else than
// visible ASCII (roles, name and scopes: and spaces).
[[nodiscard]] bool identify_developer(const http::Fields& fields, Identity& out);

// Whether one of the comma-separated roles equals `role`, ignoring case (CONTRACT section 7).
[[nodiscard]] bool has_role(std::string_view roles, std::string_view role);

// Whether all of `required` are among the caller's scopes; scopes compare byte by byte (RFC 6749
// section 3.3).
[[nodiscard]] bool has_scopes(const Identity& identity, std::span<const std::string> required);

// CONTRACT section 4: the creator, administrators, and holders of any required role.
[[nodiscard]] bool may_read(const Identity& identity, std::string_view created_by,
                            std::span<const std::string> required_roles,
                            std::string_view admin_role);

}  // namespace mcpgw::auth
