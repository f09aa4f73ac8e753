// Development identities and the rule of read access.
#include "dataplane/auth/identity.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kDefaultUser = "dev";
constexpr std::string_view kDefaultRoles = "mcp.dev";

// What a request of development says of its sender.
struct Claim {
    std::string_view header;
    std::string_view Identity::* member;
    std::size_t bytes_max;
    bool may_have_spaces;
};
constexpr Claim kClaims[] = {
    {"X-Dev-UserId", &Identity::user, limits::principal_bytes_max, false},
    {"X-Dev-Roles", &Identity::roles, limits::roles_bytes_max, true},
    {"X-Dev-Name", &Identity::name, limits::user_name_bytes_max, true},
    {"X-Dev-Tenant", &Identity::tenant, limits::tenant_bytes_max, false},
    {"X-Dev-Scopes", &Identity::scopes, limits::scopes_bytes_max, true},
};

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool identify_developer(const http::Fields& fields, Identity& out) {
    out = {kDefaultUser, kDefaultRoles};
    out.has_every_scope = true;
    const bool is_named = fields.has(http::FieldName::x_dev_user_id) ||
                          fields.has(http::FieldName::x_dev_roles) ||
                          fields.has(http::FieldName::x_dev);
    if (!is_named) return true;
    for (const Claim& claim : kClaims) {
        const http::Field* field = fields.find(claim.header);
        if (field == nullptr) continue;
        const bool is_text = claim.may_have_spaces ? is_printable_ascii(field->value)
                                                   : http::is_visible_ascii(field->value);
        if (!is_text || field->value.size() > claim.bytes_max || fields.count_of(claim.header) != 1)
            return false;
        out.*claim.member = field->value;
        if (claim.member == &Identity::scopes) out.has_every_scope = false;
    }
    return true;
}

bool has_role(std::string_view roles, std::string_view role) {
    while (!roles.empty()) {
        const std::size_t comma = std::min(roles.find(','), roles.size());
        if (equals_ignoring_case(without_blanks(roles.substr(0, comma)), role))
            return !role.empty();
        roles.remove_prefix(std::min(comma + 1, roles.size()));
    }
    return false;
}

bool has_scopes(const Identity& identity, std::span<const std::string> required) {
    if (identity.has_every_scope) return true;
    return std::ranges::all_of(required, [&identity](const std::string& scope) {
        std::string_view rest = identity.scopes;
        while (!rest.empty()) {
            const std::size_t space = std::min(rest.find(' '), rest.size());
            if (rest.substr(0, space) == scope) return true;
            rest.remove_prefix(std::min(space + 1, rest.size()));
        }
        return false;
    });
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
