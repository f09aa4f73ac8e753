// Reads addresses from the command line and the environment.
#include "tools/server/listen_address.h"

#include <charconv>
#include <cstdlib>

namespace mcpgw::server {

Result<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        return failure(Code::invalid_argument,
                       "\"" + std::string(text) + "\" is not a port (0 to 65535)");
    return port;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto colon = text.rfind(':');
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        host = {};
    if (colon == std::string_view::npos || host.empty())
        return failure(Code::invalid_argument,
                       "\"" + std::string(text) + "\" is not an address like 127.0.0.1:8000");
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::unexpected(port.error());
    return ListenAddress{std::string(host), *port};
}

Result<std::uint16_t> port_from_environment() {
    const char* text = std::getenv("PORT");
    if (text == nullptr || *text == '\0') return failure(Code::not_found, "PORT is not set");
    auto port = parse_port(text);
    if (!port) port.error().detail.insert(0, "PORT: ");
    return port;
}

std::string authority(std::string_view host, std::uint16_t port) {
    const bool brackets = host.find(':') != std::string_view::npos;
    std::string text = brackets ? "[" + std::string(host) + "]" : std::string(host);
    return text + ":" + std::to_string(port);
}

}  // namespace mcpgw::server
