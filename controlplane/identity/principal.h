// Who asks, and what that person may do with an adapter (CONTRACT sections 4 and 6).
//
// The data plane has established the identity and passes it on in X-Mcp-UserId, X-Mcp-Roles and
// X-Mcp-Tenant; the socket on which it does so is open to nobody else. Roles and the
// administrator's role compare case-insensitively (CONTRACT section 7), user ids exactly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::identity {

struct Principal {
    std::string user_id;
    std::vector<std::string> roles;
    std::string tenant = {};  // empty: of none

    [[nodiscard]] bool has_role(std::string_view role) const;
    [[nodiscard]] bool has_any_role(const std::vector<std::string>& wanted) const;
};

// Roles are separated by commas; spaces around them and empty ones do not count. permission_denied
// when there is no usable user id.
[[nodiscard]] Result<Principal> principal_of(std::string_view user_id, std::string_view roles,
                                             std::string_view tenant = {});

struct AccessRules {
    std::string admin_role = "mcp.admin";
    std::vector<std::string> create_roles;             // empty: everybody may create
    std::vector<std::string> workload_identity_roles;  // besides administrators

    [[nodiscard]] bool is_admin(const Principal& who) const { return who.has_role(admin_role); }
    [[nodiscard]] bool may_create(const Principal& who) const;
    [[nodiscard]] bool may_use_workload_identity(const Principal& who) const;
    [[nodiscard]] bool may_read(const Principal& who, const model::Adapter& adapter) const;
    [[nodiscard]] bool may_write(const Principal& who, const model::Adapter& adapter) const;
};

}  // namespace mcpgw::identity
