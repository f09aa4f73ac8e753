// One function per rule.
#include "controlplane/model/identity_rules.h"

#include <algorithm>
#include <string>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::model {
namespace {

bool is_visible_text(std::string_view text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, is_visible);
}

std::size_t bytes_of(const std::vector<std::string>& texts) {
    std::size_t total = 0;
    for (const std::string& text : texts)
        total += text.size() + 1;
    return total;
}

// A name or an address of this machine, as it stands in a URL.
bool is_loopback(std::string_view host) {
    const auto is_numeric = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
    return equals_ignoring_case(host, "localhost") || host == "[::1]" ||
           (host.starts_with("127.") && std::ranges::all_of(host, is_numeric));
}

Complaint url_complaint(std::string_view url, std::string_view forbidden) {
    const bool is_tls = url.starts_with("https://");
    if (!is_tls && !url.starts_with("http://")) return "must be an https:// URL";
    if (!is_visible_text(url, limits::issuer_bytes_max))
        return "must be at most 1024 visible ASCII characters";
    if (url.find_first_of(forbidden) != std::string_view::npos)
        return "must be a URL without a user, a query and a fragment";
    const std::string_view rest = url.substr(url.find("://") + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    if (authority.empty() || authority.find_first_of("@\\") != std::string_view::npos)
        return "must be a URL with a host and without a user";
    const std::size_t port = authority.find(
        ':', authority.rfind(']') == std::string_view::npos ? 0 : authority.rfind(']'));
    const std::string_view host = authority.substr(0, port);
    if (host.empty()) return "must be a URL with a host and without a user";
    if (!is_tls && !is_loopback(host))
        return "must be an https:// URL; http:// is for loopback addresses only";
    return nullptr;
}

}  // namespace

Complaint issuer_complaint(std::string_view url) {
    return url_complaint(url, "?#");
}

Complaint provider_url_complaint(std::string_view url) {
    return url_complaint(url, "#");
}

Complaint audience_complaint(std::string_view audience) {
    return is_visible_text(audience, limits::issuer_bytes_max)
               ? nullptr
               : "must be 1 to 1024 visible ASCII characters";
}

Complaint claim_complaint(std::string_view name) {
    return is_visible_text(name, limits::claim_names_bytes_max)
               ? nullptr
               : "must be the name of a claim in visible ASCII characters";
}

Complaint scope_complaint(std::string_view scope) {
    const bool is_good = is_visible_text(scope, limits::principal_bytes_max) &&
                         scope.find_first_of("\"\\") == std::string_view::npos;
    return is_good ? nullptr
                   : "must be 1 to 256 visible ASCII characters without quotes and backslashes";
}

Complaint user_complaint(std::string_view user) {
    return is_visible_text(user, limits::principal_bytes_max)
               ? nullptr
               : "must be 1 to 256 visible ASCII characters";
}

Complaint tenant_id_complaint(std::string_view id) {
    const auto is_good = [](char c) {
        const char lower = to_lower(c);
        return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~:@!$&'()*+;=").find(c) != std::string_view::npos;
    };
    if (id.empty() || id.size() > limits::tenant_bytes_max || id == "." || id == ".." ||
        !std::ranges::all_of(id, is_good))
        return "must be 1 to 256 letters, digits and characters of -._~:@!$&'()*+;=";
    return nullptr;
}

Complaint audiences_complaint(const std::vector<std::string>& audiences) {
    return bytes_of(audiences) > limits::audiences_bytes_max ? "must have at most 16 KiB in all"
                                                             : nullptr;
}

Complaint claims_complaint(const std::vector<std::string>& names) {
    return bytes_of(names) > limits::claim_names_bytes_max ? "must have at most 1024 bytes in all"
                                                           : nullptr;
}

Complaint scopes_complaint(const std::vector<std::string>& scopes) {
    return bytes_of(scopes) > limits::roles_bytes_max ? "must have at most 2048 bytes in all"
                                                      : nullptr;
}

Complaint token_adapters_complaint(const std::vector<std::string>& names) {
    return bytes_of(names) > limits::token_adapters_bytes_max ? "must have at most 4 KiB in all"
                                                              : nullptr;
}

}  // namespace mcpgw::model
