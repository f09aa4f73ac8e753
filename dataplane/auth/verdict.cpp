// Views into a verdict, and what it is good for.
#include "dataplane/auth/verdict.h"

#include <algorithm>

namespace mcpgw::auth {
namespace {

std::string_view without_slash(std::string_view url) {
    while (url.ends_with('/'))
        url.remove_suffix(1);
    return url;
}

bool is_at_or_below(std::string_view path, std::string_view resource) {
    return path.starts_with(resource) &&
           (path.size() == resource.size() || path[resource.size()] == '/');
}

}  // namespace

std::string_view Verdict::view(Text which) const {
    std::size_t from = 0;
    for (std::size_t i = 0; i < which; ++i)
        from += sizes[i];
    return std::string_view(text).substr(from, sizes[which]);
}

Identity Verdict::identity() const {
    Identity identity;
    identity.user = view(Text::user);
    identity.roles = view(Text::roles);
    identity.name = view(Text::name);
    identity.tenant = view(Text::tenant);
    identity.scopes = view(Text::scopes);
    if (api_token != nullptr) identity.token_id = api_token->id;
    return identity;
}

bool Verdict::is_meant_for(std::string_view origin, std::string_view path) const {
    if (is_for_all) return true;
    if (origin.empty()) return false;
    std::string_view rest = view(Text::resources);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view resource = without_slash(rest.substr(0, end));
        if (is_at_or_below(resource, origin) &&
            is_at_or_below(without_slash(path), resource.substr(origin.size())))
            return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

bool Verdict::opens(std::string_view adapter) const {
    if (api_token == nullptr || api_token->adapters.empty()) return true;
    return std::ranges::find(api_token->adapters, adapter) != api_token->adapters.end();
}

}  // namespace mcpgw::auth
