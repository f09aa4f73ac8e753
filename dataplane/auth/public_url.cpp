// Parts of a URL, put together.
#include "dataplane/auth/public_url.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"
#include "common/protocol/authority.h"

namespace mcpgw::auth {
namespace {

constexpr std::string_view kBehindScheme = "://";

bool is_listed(std::string_view host, std::span<const std::string> hosts) {
    return std::ranges::any_of(hosts, [host](const std::string& listed) {
        return equals_ignoring_case(listed, host) ||
               equals_ignoring_case(listed, http::host_of(host));
    });
}

}  // namespace

std::optional<std::string> PublicUrl::normalised(std::string_view url) {
    const std::size_t colon = url.find(kBehindScheme);
    if (colon == std::string_view::npos || url.size() > limits::public_origin_bytes_max)
        return std::nullopt;
    std::string scheme;
    for (const char c : url.substr(0, colon))
        scheme += to_lower(c);
    if (scheme != "https" && scheme != "http") return std::nullopt;
    url.remove_prefix(colon + kBehindScheme.size());
    const std::size_t slash = std::min(url.find('/'), url.size());
    std::string_view host = url.substr(0, slash);
    std::string_view prefix = url.substr(slash);
    while (prefix.ends_with('/'))
        prefix.remove_suffix(1);
    const std::string_view default_port = scheme == "https" ? ":443" : ":80";
    if (host.ends_with(default_port)) host.remove_suffix(default_port.size());
    if (!is_authority(host) || host.ends_with(':') || !is_path_prefix(prefix)) return std::nullopt;
    std::string out = scheme.append(kBehindScheme);
    for (const char c : host)
        out += to_lower(c);
    return out.append(prefix);
}

PublicUrl::PublicUrl(std::string_view scheme, std::string_view host, std::string_view prefix) {
    if (scheme.size() + kBehindScheme.size() + host.size() + prefix.size() > text_.size()) return;
    const auto put = [this](std::string_view part) {
        for (const char c : part)
            text_[bytes_++] = to_lower(c);
    };
    put(scheme);
    put(kBehindScheme);
    put(host);
    origin_bytes_ = bytes_;
    bytes_ += prefix.copy(text_.data() + bytes_, prefix.size());
}

PublicUrl::PublicUrl(std::string_view url) {
    const std::size_t scheme = url.find(kBehindScheme);
    check(scheme != std::string_view::npos && url.size() <= text_.size(), "a normalised URL");
    bytes_ = url.copy(text_.data(), url.size());
    origin_bytes_ = std::min(url.find('/', scheme + kBehindScheme.size()), url.size());
}

PublicUrl public_url(std::string_view configured, const ProxyWords& words, std::string_view host,
                     const OriginRules& rules) {
    if (!configured.empty()) return PublicUrl(configured);
    const std::string_view scheme = words.scheme.empty() ? "http" : words.scheme;
    if (!words.host.empty()) return {scheme, words.host, words.prefix};
    const bool is_ours = (rules.loopback_listener && http::names_loopback(host)) ||
                         is_listed(host, rules.allowed_hosts);
    if (!is_ours || !is_authority(host)) return {};
    return {scheme, host, words.prefix};
}

}  // namespace mcpgw::auth
