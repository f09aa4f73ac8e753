// Pure decisions; nothing here looks anything up.
#include "controlplane/identity/principal.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::identity {
namespace {

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

bool Principal::has_role(std::string_view role) const {
    return std::any_of(roles.begin(), roles.end(),
                       [role](const std::string& own) { return equals_ignoring_case(own, role); });
}

bool Principal::has_any_role(const std::vector<std::string>& wanted) const {
    return std::any_of(wanted.begin(), wanted.end(),
                       [this](const std::string& role) { return has_role(role); });
}

Result<Principal> principal_of(std::string_view user_id, std::string_view roles,
                               std::string_view tenant) {
    Principal who;
    who.user_id = without_blanks(user_id);
    if (who.user_id.empty() || who.user_id.size() > limits::principal_bytes_max ||
        has_control(who.user_id))
        return failure(Code::permission_denied, "the request does not say who asks", Side::client);
    if (roles.size() > limits::roles_bytes_max || has_control(roles))
        return failure(Code::permission_denied, "the roles of the request are not usable",
                       Side::client);
    if (tenant.size() > limits::tenant_bytes_max || has_control(tenant))
        return failure(Code::permission_denied, "the tenant of the request is not usable",
                       Side::client);
    who.tenant = without_blanks(tenant);
    while (!roles.empty()) {
        const std::size_t comma = roles.find(',');
        const std::string_view role = without_blanks(roles.substr(0, comma));
        if (!role.empty()) who.roles.emplace_back(role);
        roles = comma == std::string_view::npos ? std::string_view() : roles.substr(comma + 1);
    }
    return who;
}

bool AccessRules::may_create(const Principal& who) const {
    return create_roles.empty() || is_admin(who) || who.has_any_role(create_roles);
}

bool AccessRules::may_use_workload_identity(const Principal& who) const {
    return is_admin(who) || who.has_any_role(workload_identity_roles);
}

bool AccessRules::may_read(const Principal& who, const model::Adapter& adapter) const {
    return may_write(who, adapter) || who.has_any_role(adapter.required_roles);
}

bool AccessRules::may_write(const Principal& who, const model::Adapter& adapter) const {
    return who.user_id == adapter.created_by || is_admin(who);
}

}  // namespace mcpgw::identity
