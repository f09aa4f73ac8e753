// What a reverse proxy says of the client behind it: `Forwarded` (RFC 7239), or else X-Forwarded-
// For, -Proto, -Host and -Prefix.
//
// Only what a trusted proxy has written counts. Each proxy adds to the right, so the lists are
// read from the right: the client is the last address that is not itself a trusted proxy; scheme,
// host and prefix are the last ones. Whoever is no trusted proxy says nothing. Views into the
// head.
#pragma once

#include <span>
#include <string_view>

#include "common/protocol/http_message.h"
#include "dataplane/transport/peer_address.h"

namespace mcpgw::auth {

struct ProxyWords {
    transport::PeerAddress client;  // the peer itself, if nothing is said of another one
    std::string_view scheme;        // http or https; empty: not said
    std::string_view host;          // with a port, if it has one
    std::string_view prefix;        // of paths, "/x/y" without a slash at its end; or empty
};

[[nodiscard]] ProxyWords proxy_words(const http::Fields& fields, const transport::PeerAddress& peer,
                                     std::span<const transport::Network> trusted);

// Characters that a host with a port may have; not whether there is such a host.
[[nodiscard]] bool is_authority(std::string_view text);
// "/a/b": segments of unreserved characters, and no slash at the end; or empty.
[[nodiscard]] bool is_path_prefix(std::string_view text);

}  // namespace mcpgw::auth
