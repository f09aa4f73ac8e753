// GET of one document of an identity provider, by libcurl, which is known here only.
//
// https with a verified certificate, or http on loopback. Whose certificates are believed is the
// system's matter, unless a file says it: then nobody else's are. Nothing is redirected: a provider
// whose documents are elsewhere says so in its metadata. Size and time are bounded (limits.h), and
// a stop ends the wait at once.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::identity {

struct Fetched {
    std::string body;
    // What Cache-Control allows; nothing: it does not say.
    std::optional<std::uint32_t> max_age_seconds;
};

// A 200. Errors: invalid_argument (no URL to be asked), not_found (404), unavailable (no answer),
// limit_exceeded (too large), protocol (any other status), cancelled; `detail` is a sentence.
// `authorities` is the path of a file that check_authorities() has found good, and is read anew
// each time; empty: those of the system.
[[nodiscard]] Result<Fetched> fetch(const std::string& url, const std::stop_token& stop,
                                    const std::string& authorities = {});

// RFC 9111 section 5.2.2: the first max-age, or 0 for no-store and no-cache.
[[nodiscard]] std::optional<std::uint32_t> max_age_of(std::string_view cache_control);

}  // namespace mcpgw::identity
