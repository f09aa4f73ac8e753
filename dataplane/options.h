// Command line and environment of mcp-gateway-dataplane.
//
// Each flag has a variable MCP_GATEWAY_...; the flag wins. Configuration files are read by
// `mcp-gateway up`, which hands their settings over as flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/limits.h"

namespace mcpgw {

struct DataplaneOptions {
    std::string listen = "127.0.0.1:8000";
    std::string admin_listen = "127.0.0.1:8001";
    std::string data_dir;
    std::string contract_socket;               // default: <data dir>/contract.sock
    std::string api_socket;                    // default: <data dir>/api.sock
    std::size_t workers = 0;                   // 0: one per core this process may use
    std::string auth = "dev";                  // or "oidc"
    std::string public_origin;                 // scheme://host[:port][/prefix]; empty: not said
    std::vector<std::string> trusted_proxies;  // addresses and networks
    bool dev_auth_on_any_address = false;
    std::string admin_role = "mcp.admin";
    std::vector<std::string> allowed_hosts;
    std::vector<std::string> allowed_origins;
    std::uint32_t drain_seconds = limits::drain_seconds;
    std::size_t max_connections = 16384;
    std::uint32_t max_connections_per_address = 0;  // 0: no limit
    std::uint32_t max_sessions = limits::sessions_max_default;
    std::optional<std::uint32_t> max_sessions_per_user;  // 0: no limit; default: a share of all
    std::size_t max_head_bytes = limits::head_bytes_max;
    std::size_t max_body_bytes = limits::body_bytes_max;
    std::uint32_t head_timeout_ms = limits::head_timeout_ms;
    std::uint32_t body_idle_timeout_ms = limits::body_idle_timeout_ms;
    std::uint32_t client_idle_timeout_ms = limits::client_idle_timeout_ms;
    std::uint32_t send_stall_timeout_ms = limits::send_stall_timeout_ms;
    std::uint32_t poll_us = 0;
    std::uint32_t linger_timeout_ms = limits::linger_timeout_ms;
    std::string audit_log;  // empty: none
    std::uint64_t audit_log_max_bytes = limits::audit_log_bytes_max;
    std::uint32_t audit_log_files = limits::audit_log_files_max;
    std::string log_format = "json";
    std::string log_level = "info";
};

// Nothing when the program shall end now with `exit_code` (help, version, or wrong usage: 2).
[[nodiscard]] std::optional<DataplaneOptions> parse_options(int argc, char** argv, int& exit_code);

}  // namespace mcpgw
