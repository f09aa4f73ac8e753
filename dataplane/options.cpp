// CLI11 behind one function; the only file of the data plane that is compiled with exceptions, and
// none leaves it.
#include "dataplane/options.h"

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

namespace mcpgw {
namespace {

void define(CLI::App& app, DataplaneOptions& options) {
    app.set_version_flag("--version", "mcp-gateway-dataplane " MCPGW_VERSION);
    const auto add = [&app](const std::string& flag, auto& value, const std::string& help) {
        std::string variable = "MCP_GATEWAY_" + flag.substr(2);
        for (char& c : variable)
            c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        return app.add_option(flag, value, help)->envname(variable)->capture_default_str();
    };
    add("--listen", options.listen, "address of the main listener, unless sockets are inherited");
    add("--admin-listen", options.admin_listen, "address of the admin listener");
    add("--data-dir", options.data_dir, "where the last good snapshot is kept")->required();
    add("--contract-socket", options.contract_socket,
        "Unix socket of the control plane's contract");
    add("--api-socket", options.api_socket, "Unix socket of the control plane's API");
    add("--workers", options.workers, "worker threads; 0 = one per core")
        ->check(CLI::Range(0, 1024));
    add("--auth", options.auth, "how clients are identified")
        ->check(CLI::IsMember({"dev", "oidc"}));
    app.add_flag("--dev-auth-on-any-address", options.dev_auth_on_any_address,
                 "allow --auth dev on listeners that are not loopback")
        ->envname("MCP_GATEWAY_DEV_AUTH_ON_ANY_ADDRESS");
    add("--public-origin", options.public_origin,
        "URL at which clients reach the gateway, perhaps with a path");
    add("--trusted-proxies", options.trusted_proxies,
        "addresses or networks of proxies whose Forwarded and X-Forwarded-* count")
        ->delimiter(',')
        ->expected(1, static_cast<int>(limits::trusted_proxies_max));
    add("--admin-role", options.admin_role, "role of administrators");
    add("--allowed-hosts", options.allowed_hosts, "Host values beyond loopback names");
    add("--allowed-origins", options.allowed_origins, "Origin values beyond loopback names");
    add("--drain-seconds", options.drain_seconds, "time for open streams after SIGTERM")
        ->check(CLI::Range(std::uint32_t{0}, limits::drain_seconds_max));
    add("--max-connections", options.max_connections, "client connections of the whole process")
        ->check(CLI::Range(std::size_t{1}, limits::connections_per_worker_max));
    add("--max-connections-per-address", options.max_connections_per_address,
        "client connections of one address (IPv6: of one /64), loopback excepted; 0 = no limit")
        ->check(CLI::Range(std::size_t{0}, limits::connections_per_worker_max));
    add("--max-sessions", options.max_sessions, "sessions of the whole process")
        ->check(CLI::Range(limits::sessions_max_least, limits::sessions_max_most));
    add("--max-sessions-per-user", options.max_sessions_per_user,
        "sessions of one user; 0 = no limit (default: a sixteenth of --max-sessions)")
        ->check(CLI::Range(std::uint32_t{0}, limits::sessions_max_most));
    add("--max-head-bytes", options.max_head_bytes, "bytes of a request head")
        ->check(CLI::Range(std::size_t{1024}, limits::head_bytes_max));
    add("--max-body-bytes", options.max_body_bytes, "bytes of a request body")
        ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 40));
    const auto add_time = [&add](const std::string& flag, auto& value, const std::string& help) {
        add(flag, value, help)->check(CLI::Range(std::uint32_t{1}, limits::timeout_ms_max));
    };
    add_time("--head-timeout-ms", options.head_timeout_ms, "time for a request head");
    add_time("--body-idle-timeout-ms", options.body_idle_timeout_ms,
             "silence of a client inside its request body");
    add_time("--client-idle-timeout-ms", options.client_idle_timeout_ms,
             "between two requests of a connection");
    add_time("--send-stall-timeout-ms", options.send_stall_timeout_ms,
             "a client that takes nothing of its answer");
    add_time("--linger-timeout-ms", options.linger_timeout_ms,
             "reading away what follows an early answer");
    add("--poll-us", options.poll_us, "microseconds to look for work before sleeping; 0 = none")
        ->check(CLI::Range(std::uint32_t{0}, limits::poll_us_max));
    add("--audit-log", options.audit_log, "file for a line about every MCP request");
    add("--audit-log-max-bytes", options.audit_log_max_bytes, "size at which it is rotated")
        ->check(CLI::Range(limits::audit_log_bytes_least, limits::audit_log_bytes_most));
    add("--audit-log-files", options.audit_log_files, "how many of them are kept")
        ->check(CLI::Range(std::uint32_t{1}, limits::audit_log_files_most));
    add("--log-format", options.log_format, "json or text")->check(CLI::IsMember({"json", "text"}));
    add("--log-level", options.log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

}  // namespace

std::optional<DataplaneOptions> parse_options(int argc, char** argv, int& exit_code) {
    DataplaneOptions options;
    try {
        CLI::App app("The data plane of mcp-gateway: forwards MCP traffic to server instances.",
                     "mcp-gateway-dataplane");
        define(app, options);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            exit_code = app.exit(error) == 0 ? 0 : 2;
            return std::nullopt;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mcp-gateway-dataplane: %s\n", error.what());
        exit_code = 2;
        return std::nullopt;
    }
    if (options.contract_socket.empty())
        options.contract_socket = options.data_dir + "/contract.sock";
    if (options.api_socket.empty()) options.api_socket = options.data_dir + "/api.sock";
    return options;
}

}  // namespace mcpgw
