// Comparison of claims with the body.
#include "common/protocol/routing_headers.h"

#include <array>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::mcp {
namespace {

constexpr std::string_view kEncodedBegin = "=?base64?";
constexpr std::string_view kEncodedEnd = "?=";

// Whether `encoded` is the base64 of `text` with padding (RFC 4648 section 4), as it must be.
bool is_base64_of(std::string_view encoded, std::string_view text) {
    std::array<char, base64url_size(limits::mcp_name_bytes_max)> room;
    const std::size_t size = base64url_encode(as_bytes(text), room.data());
    const std::size_t padding = (4 - size % 4) % 4;
    if (encoded.size() != size + padding) return false;
    for (std::size_t i = 0; i < size; ++i) {
        const char expected = room[i] == '-' ? '+' : room[i] == '_' ? '/' : room[i];
        if (encoded[i] != expected) return false;
    }
    return encoded.substr(size) == std::string_view("==").substr(0, padding);
}

bool names(std::string_view header, std::string_view name) {
    const bool is_encoded = header.size() >= kEncodedBegin.size() + kEncodedEnd.size() &&
                            header.starts_with(kEncodedBegin) && header.ends_with(kEncodedEnd);
    if (!is_encoded) return header == name;
    header.remove_prefix(kEncodedBegin.size());
    header.remove_suffix(kEncodedEnd.size());
    return is_base64_of(header, name);
}

// The methods whose requests carry Mcp-Name.
bool has_name(std::string_view method) {
    return method == "tools/call" || method == "prompts/get" || method == "resources/read" ||
           method == "tasks/get" || method == "tasks/update" || method == "tasks/cancel";
}

bool contradicts(std::string_view header, std::string_view body) {
    return !header.empty() && !body.empty() && header != body;
}

}  // namespace

bool agrees(const RoutingHeaders& headers, const jsonrpc::Peek& body) {
    if (body.kind() == jsonrpc::Kind::notification) return true;
    if (contradicts(headers.version, body.meta_version())) return false;
    if (contradicts(headers.method, body.method())) return false;
    if (headers.name.empty() || body.name().empty() || !has_name(body.method())) return true;
    return names(headers.name, body.name());
}

}  // namespace mcpgw::mcp
