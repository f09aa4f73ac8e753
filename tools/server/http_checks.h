// What is looked at in the head of an MCP request before its body: pure functions over headers.
// What follows from them (which refusal, in which order) is the endpoint's business.
#pragma once

#include <string>
#include <string_view>

#include <httplib.h>

namespace mcpgw::server {

// A name or address that only this machine can mean: localhost, 127.0.0.0/8, ::1, with or without
// port and brackets.
[[nodiscard]] bool is_loopback_authority(std::string_view authority);
// The authority in an Origin; empty if it has none ("null", or no scheme).
[[nodiscard]] std::string_view authority_of_origin(std::string_view origin);
// The media type before the parameters, e.g. "application/json" in "Application/JSON; charset=x".
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view type);
// Whether the Accept headers list this type by name; wildcards do not count, as with the SDK
// servers.
[[nodiscard]] bool accepts(const httplib::Request& request, std::string_view type);
// The revisions that a session may claim in MCP-Protocol-Version.
[[nodiscard]] bool is_supported_version(std::string_view version);
[[nodiscard]] std::string supported_versions();

}  // namespace mcpgw::server
