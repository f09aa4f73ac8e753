// The management API of API tokens: /tokens and /tokens/{id}, for administrators.
//
// The text of a token is in one answer only, that to the POST which made it; nothing that is kept
// leads back to it. A token is never changed: one that is to be different is made anew, and the old
// one revoked by DELETE.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controlplane/api/answer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/store/access_store.h"

namespace mcpgw::api {

struct TokenServices {
    store::AccessStore* store = nullptr;  // outlives the routes
    std::function<void()> changed;        // data planes are to be told
};

[[nodiscard]] bool is_tokens_path(std::string_view path);

class TokenRoutes {
  public:
    TokenRoutes(TokenServices services, identity::AccessRules access)
        : services_(std::move(services)), access_(std::move(access)) {}

    // Any thread; for paths of is_tokens_path.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    [[nodiscard]] Answer list(const Call& call);
    [[nodiscard]] Answer create(const Call& call);
    [[nodiscard]] Answer get(const std::string& id);
    [[nodiscard]] Answer remove(const Call& call, const std::string& id);
    void changed(const Call& call, std::string_view action, const std::string& id) const;

    const TokenServices services_;
    const identity::AccessRules access_;
};

}  // namespace mcpgw::api
