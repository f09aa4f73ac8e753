// What has become of a bearer token: a fault, or who its owner is and where it is good.
//
// The texts lie behind each other in one string, so that a verdict is two pieces of memory; the
// identity is views into it. Whether a token is meant for the resource that is asked for depends on
// the request and is asked for each one: is_meant_for.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/contract/access.h"
#include "dataplane/auth/identity.h"
#include "dataplane/auth/token_fault.h"

namespace mcpgw::auth {

struct Verdict {
    enum Text : std::uint8_t { user, roles, name, tenant, scopes, resources, texts };

    TokenFault fault = TokenFault::malformed;
    bool is_for_all = false;        // the audience is one of those that are good everywhere
    std::uint64_t ends_unix_s = 0;  // the first second in which it no longer holds
    std::uint64_t issuer = 0;       // fnv1a of who could be asked for the key (unknown_key)
    const contract::ApiToken* api_token = nullptr;  // if it is one; of the access in force
    std::array<std::uint16_t, texts> sizes{};
    std::string text;

    [[nodiscard]] std::string_view view(Text which) const;
    [[nodiscard]] Identity identity() const;
    // `origin` is the URL of the gateway without a slash at its end, as clients see it; empty if
    // that is not known. The audience must be it, or a resource below it that has `path` as itself
    // or below itself; a slash at the end says nothing. Audiences are separated by LF.
    [[nodiscard]] bool is_meant_for(std::string_view origin, std::string_view path) const;
    // Whether an API token opens this adapter; an empty name stands for everything else.
    [[nodiscard]] bool opens(std::string_view adapter) const;
};

}  // namespace mcpgw::auth
