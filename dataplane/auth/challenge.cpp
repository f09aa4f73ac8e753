// Parameters of a challenge, members of a document.
#include "dataplane/auth/challenge.h"

#include <algorithm>
#include <utility>

#include "common/json_writer.h"

namespace mcpgw::auth {
namespace {

// A scope without quotes and backslashes (RFC 6749 section 3.3), as all are that can be asked for.
bool is_scope(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c <= '~' && c != '"' && c != '\\';
    });
}

class Parameters {
  public:
    void begin(std::string_view name) {
        text_ += is_first_ ? " " : ", ";
        is_first_ = false;
        text_ += name;
        text_ += "=\"";
    }
    void put(std::string_view part) { text_ += part; }
    void end() { text_ += '"'; }
    void add(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        begin(name);
        put(value);
        end();
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_ = "Bearer";
    bool is_first_ = true;
};

}  // namespace

std::string challenge_text(const Challenge& challenge) {
    Parameters out;
    out.add("error", challenge.error);
    out.add("error_description", challenge.description);
    std::string scopes;
    for (const std::string& scope : challenge.scopes)
        if (is_scope(scope)) scopes += (scopes.empty() ? "" : " ") + scope;
    const bool names_scopes_first = challenge.error == kInsufficientScope;
    if (names_scopes_first) out.add("scope", scopes);
    if (challenge.has_metadata && !challenge.url.whole().empty()) {
        out.begin("resource_metadata");
        out.put(challenge.url.origin());
        out.put(kProtectedResource);
        out.put(challenge.url.prefix());
        out.put(challenge.path);
        out.end();
    }
    if (!names_scopes_first) out.add("scope", scopes);
    return out.take();
}

std::string resource_metadata(const contract::Access& access, const PublicUrl& url,
                              std::string_view path) {
    JsonWriter out;
    out.object();
    out.key("resource");
    if (access.resource.empty())
        out.string(std::string(url.whole()).append(path));
    else
        out.string(access.resource);
    out.key("authorization_servers");
    out.array();
    for (const contract::Issuer& issuer : access.issuers)
        out.string(issuer.issuer);
    out.end();
    if (!access.scopes.empty()) {
        out.key("scopes_supported");
        out.array();
        for (const std::string& scope : access.scopes)
            out.string(scope);
        out.end();
    }
    out.key("bearer_methods_supported");
    out.array();
    out.string("header");
    out.end();
    out.end();
    return out.take();
}

}  // namespace mcpgw::auth
