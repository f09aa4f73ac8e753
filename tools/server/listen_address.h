// "127.0.0.1:8000", "[::1]:8000", "localhost:0" as host and port; and the two ways a server of
// tools/ is told its address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::server {

struct ListenAddress {
    std::string host;  // without brackets
    std::uint16_t port = 0;
};

[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);
[[nodiscard]] Result<std::uint16_t> parse_port(std::string_view text);
// The variable PORT; error not_found when it is not set.
[[nodiscard]] Result<std::uint16_t> port_from_environment();
// host:port, with brackets where the host has colons.
[[nodiscard]] std::string authority(std::string_view host, std::uint16_t port);

}  // namespace mcpgw::server
