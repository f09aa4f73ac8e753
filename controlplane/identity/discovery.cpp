// URLs, and a handful of members.
#include "controlplane/identity/discovery.h"

#include <picojson.h>

#include "controlplane/model/identity_rules.h"
#include "controlplane/model/json.h"

namespace mcpgw::identity {
namespace {

using model::text_of;

std::string_view without_slash(std::string_view text) {
    if (text.ends_with('/')) text.remove_suffix(1);
    return text;
}

std::unexpected<Error> refuse(std::string_view issuer, std::string why) {
    return failure(Code::protocol, "the metadata of " + std::string(issuer) + " " + std::move(why));
}

}  // namespace

std::vector<std::string> metadata_urls(std::string_view issuer) {
    const std::string base(without_slash(issuer));
    const std::size_t host = base.find("://") + 3;
    const std::size_t path = std::min(base.find('/', host), base.size());
    return {base + "/.well-known/openid-configuration",
            base.substr(0, path) + "/.well-known/oauth-authorization-server" + base.substr(path)};
}

Result<Metadata> read_metadata(std::string_view text, std::string_view issuer) {
    const auto document = model::parse_json(text);
    if (!document) return refuse(issuer, "is not JSON: " + document.error().detail);
    if (!document->is<picojson::object>()) return refuse(issuer, "is not a JSON object");
    const std::string* name = text_of(*document, "issuer");
    if (name == nullptr) return refuse(issuer, "has no issuer");
    if (*name != issuer) {
        std::string why = "is that of " + *name;
        if (without_slash(*name) == without_slash(issuer))
            why += "; a slash at the end counts, so say --oidc-issuer " + *name;
        return refuse(issuer, std::move(why));
    }
    const std::string* keys = text_of(*document, "jwks_uri");
    if (keys == nullptr) return refuse(issuer, "has no jwks_uri");
    if (const model::Complaint complaint = model::provider_url_complaint(*keys))
        return refuse(issuer, std::string("has a jwks_uri that ") + complaint);
    return Metadata{*keys, document->serialize()};
}

}  // namespace mcpgw::identity
