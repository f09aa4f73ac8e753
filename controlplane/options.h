// Flags, environment and configuration file of mcp-gateway-controlplane.
//
// Precedence: flag, environment, file, default. Every flag --x-y has a variable MCP_GATEWAY_X_Y and
// a key x-y. Lists may be written with commas.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/contract/access.h"
#include "common/limits.h"
#include "common/result.h"

namespace mcpgw {

struct Options {
    std::string data_dir;
    std::string contract_socket;  // default: DIR/contract.sock
    std::string api_socket;       // default: DIR/api.sock
    std::string deployer = "process";
    std::string systemd_scope = "auto";
    std::string kubeconfig;  // empty: the pod's service account, KUBECONFIG, ~/.kube/config
    std::string kubernetes_namespace = "adapter";
    std::string registry;  // what stands before the names of images
    std::uint32_t pod_user = limits::kubernetes_pod_user;
    std::vector<std::string> image_pull_secrets;
    std::string workload_identity_service_account;  // empty: nobody may use it
    std::string admin_role = "mcp.admin";
    std::vector<std::string> create_roles;
    std::vector<std::string> workload_identity_roles;
    std::vector<std::string> oidc_issuers;  // users of the first have plain ids
    std::string oidc_ca;  // PEM file of the authorities of issuers; empty: the system's
    // What the data planes are told of tokens; issuers, tokens and tenants are not in it.
    contract::Access access;
    bool oidc_metadata = false;  // data planes serve a copy of the issuers' metadata
    std::string session_keys;    // the file that gateways share; empty: the store's own keys
    std::uint32_t session_key_days = limits::session_key_days;
    std::uint32_t drain_seconds = limits::drain_seconds;
    std::string log_format = "json";
    std::string log_level = "info";
    int lifeline_fd = -1;  // only from MCP_GATEWAY_LIFELINE_FD; -1: there is none
};

struct OptionsOutcome {
    bool runs = false;  // false: print `text` and exit
    int exit_code = 0;  // 0 (help, version; text for stdout) or 2 (wrong usage; for stderr)
    std::string text;
    Options options;
};

[[nodiscard]] OptionsOutcome read_options(int argc, const char* const* argv);

}  // namespace mcpgw
