// The management API of the audit log: GET /audit (CONTRACT sections 3 and 7), for administrators.
//
// Newest first. A cursor is the id of the last record of a page, so a page is the same however many
// records come in meanwhile. `before` and `after` are documents as the store has written them.
#pragma once

#include <string_view>

#include "controlplane/api/answer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/store/store.h"

namespace mcpgw::api {

[[nodiscard]] bool is_audit_path(std::string_view path);

class AuditRoutes {
  public:
    // `store` outlives the routes.
    AuditRoutes(identity::AccessRules access, store::Store* store)
        : access_(std::move(access)), store_(store) {}

    // Any thread; for paths of is_audit_path.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    [[nodiscard]] Answer list(const Call& call);

    const identity::AccessRules access_;
    store::Store* const store_;
};

}  // namespace mcpgw::api
