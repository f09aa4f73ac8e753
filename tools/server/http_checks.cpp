// The reading of Host, Origin, Accept, Content-Type and MCP-Protocol-Version.
#include "tools/server/http_checks.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include "common/bytes.h"

namespace mcpgw::server {
namespace {

constexpr std::array<std::string_view, 5> kVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                       "2024-11-05", "2024-10-07"};

bool is_port(std::string_view text) {
    return text.size() <= 5 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_loopback_v4(std::string_view host) {
    in_addr address = {};
    return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
           (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

bool is_loopback_authority(std::string_view authority) {
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos || authority.substr(1, end - 1) != "::1") return false;
        const auto rest = authority.substr(end + 1);
        return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1)));
    }
    if (authority == "::1") return true;
    const auto colon = authority.find(':');
    if (colon != std::string_view::npos) {
        if (!is_port(authority.substr(colon + 1))) return false;
        authority = authority.substr(0, colon);
    }
    return equals_ignoring_case(authority, "localhost") || is_loopback_v4(authority);
}

std::string_view authority_of_origin(std::string_view origin) {
    const auto scheme = origin.find("://");
    return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool is_media_type(std::string_view content_type, std::string_view type) {
    return equals_ignoring_case(without_blanks(content_type.substr(0, content_type.find(';'))),
                                type);
}

bool accepts(const httplib::Request& request, std::string_view type) {
    const std::size_t count = request.get_header_value_count("Accept");
    for (std::size_t i = 0; i < count; ++i) {
        const std::string value = request.get_header_value("Accept", i);
        std::string_view rest = value;
        while (!rest.empty()) {
            const auto comma = rest.find(',');
            if (is_media_type(rest.substr(0, comma), type)) return true;
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
    return false;
}

bool is_supported_version(std::string_view version) {
    return std::ranges::find(kVersions, version) != kVersions.end();
}

std::string supported_versions() {
    std::string list;
    for (const std::string_view version : kVersions) {
        if (!list.empty()) list += ", ";
        list += version;
    }
    return list;
}

}  // namespace mcpgw::server
