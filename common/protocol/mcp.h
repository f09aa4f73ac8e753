// The rules of the Model Context Protocol that a gateway needs: revisions, the era of a request,
// the closed list of methods, header names, and the JSON-RPC error bodies of CONTRACT section 5.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mcpgw::mcp {

inline constexpr std::string_view kSessionId = "Mcp-Session-Id";
inline constexpr std::string_view kProtocolVersion = "MCP-Protocol-Version";
inline constexpr std::string_view kMethodHeader = "Mcp-Method";
inline constexpr std::string_view kNameHeader = "Mcp-Name";
inline constexpr std::string_view kFirstModernRevision = "2026-07-28";

// JSON-RPC codes the gateway itself uses.
inline constexpr int kServerError = -32000;
inline constexpr int kSessionNotFound = -32001;
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kInternalError = -32603;

enum class Era : std::uint8_t { legacy, modern };

// mcp-protocol.md section 2.3: the header decides if it is a date from kFirstModernRevision on
// (plain string order), else the body's _meta version, else legacy. Either may be empty.
[[nodiscard]] Era era_of(std::string_view version_header, std::string_view meta_version);

// The closed list for metric labels (all revisions, both directions). Index 0 is "other", index 1
// is "none" (GET, DELETE and unreadable bodies).
[[nodiscard]] std::uint8_t method_index(std::string_view method);
[[nodiscard]] std::string_view method_label(std::uint8_t index);
[[nodiscard]] std::size_t method_count();
inline constexpr std::uint8_t kMethodOther = 0;
inline constexpr std::uint8_t kMethodNone = 1;

// {"jsonrpc":"2.0","id":<id>,"error":{"code":<code>,"message":"<message>"}} into `out`; `id` is raw
// JSON, empty means null. Returns the bytes written, 0 if it does not fit.
std::size_t write_error(std::span<char> out, std::string_view id, int code,
                        std::string_view message);

// The same as a complete SSE event: "event: message\ndata: ...\n\n".
std::size_t write_error_event(std::span<char> out, std::string_view id, int code,
                              std::string_view message);

// CONTRACT section 4: ^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$
[[nodiscard]] bool is_resource_name(std::string_view name);
// mcp, toolgateway, gateway.
[[nodiscard]] bool is_reserved_name(std::string_view name);

}  // namespace mcpgw::mcp
