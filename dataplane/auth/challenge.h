// What the gateway tells clients about logging in: challenges (RFC 6750 section 3, RFC 9728
// section 5.1) and the metadata of protected resources (RFC 9728 section 3).
//
// One challenge, `Bearer` first, values quoted without escapes: the official clients read it with
// simple expressions. `error` stands there only when a token was sent. What has no place in a
// quoted value is left out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/contract/access.h"
#include "dataplane/auth/public_url.h"
#include "dataplane/auth/token_fault.h"

namespace mcpgw::auth {

// The path behind the origin at which metadata of resources is.
inline constexpr std::string_view kProtectedResource = "/.well-known/oauth-protected-resource";

inline constexpr std::string_view kInvalidToken = "invalid_token";
inline constexpr std::string_view kInvalidRequest = "invalid_request";
inline constexpr std::string_view kInsufficientScope = "insufficient_scope";

struct Challenge {
    std::string_view error;        // empty: no token was sent
    std::string_view description;  // empty: none
    std::span<const std::string> scopes;
    const PublicUrl& url;   // of the gateway
    std::string_view path;  // of the resource, "/adapters/a/mcp"
    bool has_metadata;      // there is an authorization server to be named
};
[[nodiscard]] std::string challenge_text(const Challenge& challenge);

// The document of the resource at `path` (empty: of the whole gateway), whose URL is known.
[[nodiscard]] std::string resource_metadata(const contract::Access& access, const PublicUrl& url,
                                            std::string_view path);

}  // namespace mcpgw::auth
