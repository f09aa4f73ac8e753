// The URL of the gateway as clients see it: what the metadata of protected resources names, and
// what the audience of a token is compared with.
//
// Set once (`--public-origin`), it is that, whatever a request says. Else it is what a trusted
// proxy says, else http and the Host of the request, if that is a name of the loopback on a
// loopback listener or one that the operator has listed. Else it is not known.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/limits.h"
#include "dataplane/auth/origin.h"
#include "dataplane/auth/proxy_words.h"

namespace mcpgw::auth {

// scheme://host[:port][/prefix], without a slash at its end.
class PublicUrl {
  public:
    // Nothing if it is no such URL, or has user, query or fragment. Scheme and host become lower
    // case, the port of the scheme is left out.
    [[nodiscard]] static std::optional<std::string> normalised(std::string_view url);

    PublicUrl(std::string_view scheme, std::string_view host, std::string_view prefix);
    // Must be normalised.
    explicit PublicUrl(std::string_view url);
    PublicUrl() = default;  // not known

    [[nodiscard]] std::string_view whole() const { return {text_.data(), bytes_}; }
    // Up to the path, and from there.
    [[nodiscard]] std::string_view origin() const { return whole().substr(0, origin_bytes_); }
    [[nodiscard]] std::string_view prefix() const { return whole().substr(origin_bytes_); }

  private:
    std::array<char, limits::public_origin_bytes_max> text_;
    std::size_t bytes_ = 0;
    std::size_t origin_bytes_ = 0;
};

// `configured` is empty or normalised.
[[nodiscard]] PublicUrl public_url(std::string_view configured, const ProxyWords& words,
                                   std::string_view host, const OriginRules& rules);

}  // namespace mcpgw::auth
