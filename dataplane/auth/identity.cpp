// Development identities and the rule of read access.
#include "dataplane/auth/identity.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kUserHeader = "X-Dev-UserId";
constexpr std::string_view kRolesHeader = "X-Dev-Roles";
constexpr std::string_view kDefaultUser = "dev";
constexpr std::string_view kDefaultRoles = "mcp.dev";

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

}  // namespace

bool identify_developer(const http::Fields& fields, Identity& out) {
    out = {kDefaultUser, kDefaultRoles};
    if (const http::Field* user = fields.find(http::FieldName::x_dev_user_id)) {
        if (fields.count_of(kUserHeader) != 1 || !http::is_visible_ascii(user->value) ||
            user->value.size() > limits::principal_bytes_max)
            return false;
        out.user = user->value;
    }
    if (const http::Field* roles = fields.find(http::FieldName::x_dev_roles)) {
        if (fields.count_of(kRolesHeader) != 1 || !is_printable_ascii(roles->value) ||
            roles->value.size() > limits::roles_bytes_max)
            return false;
        out.roles = roles->value;
    }
    return true;
}

bool has_role(std::string_view roles, std::string_view role) {
    while (!roles.empty()) {
        const std::size_t comma = std::min(roles.find(','), roles.size());
        if (equals_ignoring_case(trim(roles.substr(0, comma)), role)) return !role.empty();
        roles.remove_prefix(std::min(comma + 1, roles.size()));
    }
    return false;
}

bool may_read(const Identity& identity, std::string_view created_by,
              std::span<const std::string> required_roles, std::string_view admin_role) {
    if (identity.user == created_by) return true;
    if (has_role(identity.roles, admin_role)) return true;
    return std::ranges::any_of(required_roles, [&identity](const std::string& role) {
        return has_role(identity.roles, role);
    });
}

}  // namespace mcpgw::auth
