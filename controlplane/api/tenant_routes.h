// The management API of tenants: /tenants and /tenants/{id} (CONTRACT sections 3 and 4).
//
// Administrators read and write all of them; everybody else may read the tenant that he is in, and
// is not told of others. How much of a quota is used is known to data planes alone: a UsageSource
// asks them, and where there is none the members are absent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/answer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/store/access_store.h"

namespace mcpgw::api {

// What a tenant uses at the moment.
struct TenantUsage {
    std::uint64_t used = 0;               // requests of the present window
    std::uint64_t resets_at_unix_ms = 0;  // when the next one begins; 0: nothing was used yet
    std::uint64_t sessions = 0;
    std::uint64_t streams = 0;
};

// Any thread; may take a while. Nothing: nobody can tell.
using UsageSource = std::function<std::optional<TenantUsage>(const std::string& tenant)>;

struct TenantServices {
    store::AccessStore* store = nullptr;  // outlives the routes
    std::function<void()> changed;        // data planes are to be told
    UsageSource usage;                    // may be empty
};

[[nodiscard]] bool is_tenants_path(std::string_view path);

class TenantRoutes {
  public:
    TenantRoutes(TenantServices services, identity::AccessRules access)
        : services_(std::move(services)), access_(std::move(access)) {}

    // Any thread; for paths of is_tenants_path.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    [[nodiscard]] bool may_read(const Call& call, std::string_view id) const;
    // Up to so many that the caller may read, whose ids come after `after`.
    [[nodiscard]] Result<std::vector<model::Tenant>> readable(const Call& call,
                                                              std::string_view after,
                                                              std::size_t count_max);
    [[nodiscard]] Answer list(const Call& call);
    [[nodiscard]] Answer get(const Call& call, const std::string& id);
    [[nodiscard]] Answer put(const Call& call, const std::string& id);
    // Nothing: somebody else was faster.
    [[nodiscard]] std::optional<Answer> put_once(const Call& call, const model::Tenant& wanted);
    [[nodiscard]] Answer remove(const Call& call, const std::string& id);
    void changed(const Call& call, std::string_view action, const std::string& id) const;

    const TenantServices services_;
    const identity::AccessRules access_;
};

}  // namespace mcpgw::api
