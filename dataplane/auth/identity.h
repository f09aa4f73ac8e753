// Who asks. In development mode (`--auth dev`) the request says so itself; the listener is then a
// loopback one, or the operator forced it.
//
//   X-Dev-UserId  user id, default "dev"        X-Dev-Roles  comma-separated, default "mcp.dev"
//
// Views point into the request head.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/protocol/http_message.h"

namespace mcpgw::auth {

struct Identity {
    std::string_view user;
    std::string_view roles;  // comma-separated
};

// False if a header is repeated, empty, too long (limits::principal_bytes_max, roles_bytes_max) or
// holds something else than visible ASCII (roles: and spaces).
[[nodiscard]] bool identify_developer(const http::Fields& fields, Identity& out);

// Whether one of the comma-separated roles equals `role`, ignoring case (CONTRACT section 7).
[[nodiscard]] bool has_role(std::string_view roles, std::string_view role);

// CONTRACT section 4: the creator, administrators, and holders of any required role.
[[nodiscard]] bool may_read(const Identity& identity, std::string_view created_by,
                            std::span<const std::string> required_roles,
                            std::string_view admin_role);

}  // namespace mcpgw::auth
