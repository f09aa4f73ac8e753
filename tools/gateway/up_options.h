// The settings of `mcp-gateway up`: one table for flags, environment, configuration file and help.
//
// Each setting has a key K: the flag is --K, the variable MCP_GATEWAY_K (upper case, '_' for '-'),
// the key of the TOML file K. The first of flag, environment, file, default that says something
// counts. A problem is a sentence that begins with where the value came from: "--workers: ...",
// "MCP_GATEWAY_WORKERS: ...", "gateway.toml:3: workers: ...". Nothing here touches the machine:
// environment and file come as text.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/limits.h"
#include "tools/gateway/listen_address.h"

namespace mcpgw::cli {

struct UpOptions {
    ListenAddress listen{"127.0.0.1", 8000, false};
    ListenAddress admin_listen{"127.0.0.1", 8001, false};
    std::string data_dir;  // empty: default_data_dir()
    unsigned workers = 0;  // 0: one for each core that this process may use
    std::string auth = "dev";
    bool dev_auth_on_any_address = false;
    std::string public_origin;                 // empty: not said
    std::vector<std::string> trusted_proxies;  // addresses and networks
    std::string deployer = "process";
    std::string systemd_scope = "auto";
    std::vector<std::string> imports;
    std::string session_keys;  // empty: the control plane's own keys
    std::uint32_t session_key_days = limits::session_key_days;
    std::uint32_t drain_seconds = limits::drain_seconds;
    // Flags that only the control plane uses, in the order of their settings, when they are given.
    std::vector<std::pair<std::string, std::string>> controlplane_flags;
    std::optional<std::uint64_t> max_connections;  // the data plane knows the default
    // Flags that the data plane alone knows more about, in the order of their settings: passed on
    // when they are given.
    std::vector<std::pair<std::string, std::uint64_t>> dataplane_limits;
    std::uint64_t max_head_bytes = limits::head_bytes_max;
    std::uint64_t max_body_bytes = limits::body_bytes_max;
    std::string admin_role;  // empty: the planes know the default
    std::string audit_log;   // empty: none
    std::string log_format;  // empty: text on a terminal, json otherwise
    std::string log_level = "info";
    std::vector<std::string> allowed_hosts;
    std::vector<std::string> allowed_origins;
};

enum class Arity : std::uint8_t { one, many, flag };

struct Setting {
    using Values = std::vector<std::string>;
    const char* key;
    Arity arity;
    const char* placeholder;
    const char* help;
    // Puts the values where they belong; returns what is wrong with them, or "".
    std::string (*assign)(UpOptions& options, const Values& values);
};

[[nodiscard]] std::span<const Setting> up_settings();
// "MCP_GATEWAY_ADMIN_LISTEN" for "admin-listen".
[[nodiscard]] std::string variable_of(std::string_view key);

struct SettingSources {
    std::map<std::string, std::vector<std::string>, std::less<>> flags;  // by key
    std::map<std::string, std::string, std::less<>> variables;           // by variable name
    std::string config_path;                                             // for messages
    std::string config_text;  // of the TOML file, empty if there is none
};

// All problems at once, in the order of the table.
[[nodiscard]] std::expected<UpOptions, std::vector<std::string>> resolve_up_options(
    const SettingSources& sources);

// $XDG_STATE_HOME/mcp-gateway, else ~/.local/state/mcp-gateway; nothing without a home.
[[nodiscard]] std::optional<std::string> default_data_dir(const char* xdg_state_home,
                                                          const char* home);

}  // namespace mcpgw::cli
