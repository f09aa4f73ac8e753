// CLI11 behind one function; its exceptions end here.
//
// The file is applied first, entry by entry, each as if it were a flag, so that a mistake is told
// with its line; then the command line and the environment overwrite what they name.
#include "controlplane/options.h"

#include <charconv>
#include <cstdlib>
#include <exception>
#include <functional>
#include <set>
#include <sstream>
#include <type_traits>

#include <CLI/CLI.hpp>
#include <fcntl.h>

#include "controlplane/config_file.h"
#include "controlplane/model/identity_rules.h"
#include "controlplane/model/rules.h"

namespace mcpgw {
namespace {

constexpr const char* kProgram = "mcp-gateway-controlplane";

std::string variable_of(std::string_view flag) {
    std::string name = "MCP_GATEWAY_";
    for (const char c : flag)
        name.push_back(c == '-' ? '_' : static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c));
    return name;
}

// An option whose value has a rule in model/rules.h.
CLI::Validator rule(model::Complaint (*complaint)(std::string_view)) {
    return CLI::Validator(
        [complaint](const std::string& text) {
            const model::Complaint found = complaint(text);
            return found == nullptr ? std::string() : std::string(found);
        },
        "TEXT");
}

CLI::Validator not_empty() {
    return CLI::Validator(
        [](const std::string& text) { return text.empty() ? "must not be empty" : ""; }, "TEXT");
}

template <class Define>
void define_kubernetes(Options& options, Define define) {
    define("kubeconfig", options.kubeconfig,
           "how to reach the cluster (default: the pod's service account, then KUBECONFIG)")
        ->check(CLI::ExistingFile);
    define("namespace", options.kubernetes_namespace,
           "namespace of the servers' objects (default adapter)")
        ->check(rule(model::namespace_complaint));
    define("registry", options.registry, "what stands before imageName: HOST[:PORT][/PREFIX]")
        ->check(rule(model::registry_complaint));
    define("pod-user", options.pod_user, "user and group id of the servers' pods (default 1100)")
        ->check(CLI::Range(1U, limits::kubernetes_user_max));
    define("image-pull-secret", options.image_pull_secrets,
           "secrets of the namespace with which images are pulled")
        ->delimiter(',')
        ->check(rule(model::object_name_complaint));
    define("workload-identity-service-account", options.workload_identity_service_account,
           "service account of adapters with useWorkloadIdentity")
        ->check(rule(model::object_name_complaint));
}

template <class Define>
void define_identity(Options& options, Define define) {
    const auto list = [&](const char* flag, std::vector<std::string>& value, const char* help) {
        return define(flag, value, help)->delimiter(',');
    };
    contract::ClaimNames& claims = options.access.claims;
    list("oidc-issuer", options.oidc_issuers,
         "identity provider whose tokens are taken, exactly as in `iss`; users of the first have "
         "plain ids")
        ->check(rule(model::issuer_complaint));
    define("oidc-ca", options.oidc_ca,
           "PEM file of the certificate authorities of identity providers, instead of the system's")
        ->check(not_empty());
    list("oidc-audience", options.access.audiences, "what `aud` of a token may be")
        ->check(rule(model::audience_complaint));
    list("oidc-scopes", options.access.scopes, "what clients are told to ask for")
        ->check(rule(model::scope_complaint));
    define("oidc-resource", options.access.resource,
           "resource identifier in metadata (default: the URL)")
        ->check(rule(model::audience_complaint));
    define("oidc-metadata", options.oidc_metadata,
           "serve a copy of the issuer's metadata to clients that ask the gateway for it");
    list("user-claim", claims.user, "claim that names the user (default sub)")
        ->check(rule(model::claim_complaint));
    list("name-claim", claims.name, "claim with a name for people")
        ->check(rule(model::claim_complaint));
    list("roles-claim", claims.roles,
         "claims with roles (default roles, realm_access.roles, "
         "groups)")
        ->check(rule(model::claim_complaint));
    list("tenant-claim", claims.tenant, "claim with the tenant (default tid)")
        ->check(rule(model::claim_complaint));
    list("scopes-claim", claims.scopes, "claims with scopes (default scope, scp)")
        ->check(rule(model::claim_complaint));
    define("clock-skew-seconds", options.access.clock_skew_seconds,
           "how far clocks of issuers may be off (default 60)")
        ->check(CLI::Range(std::uint32_t{0}, limits::clock_skew_seconds_max));
}

// What no single value breaks; a sentence, or "".
std::string identity_complaint(const Options& options) {
    if (options.oidc_issuers.size() > limits::issuers_max)
        return "--oidc-issuer: at most " + std::to_string(limits::issuers_max) + " are taken";
    const std::set<std::string> unique(options.oidc_issuers.begin(), options.oidc_issuers.end());
    if (unique.size() != options.oidc_issuers.size()) return "--oidc-issuer: one is there twice";
    struct Texts {
        const char* flag;
        model::Complaint complaint;
    };
    const contract::Access& access = options.access;
    const contract::ClaimNames& claims = access.claims;
    for (const auto& [flag, complaint] :
         {Texts{"oidc-audience", model::audiences_complaint(access.audiences)},
          Texts{"oidc-scopes", model::scopes_complaint(access.scopes)},
          Texts{"user-claim", model::claims_complaint(claims.user)},
          Texts{"name-claim", model::claims_complaint(claims.name)},
          Texts{"roles-claim", model::claims_complaint(claims.roles)},
          Texts{"tenant-claim", model::claims_complaint(claims.tenant)},
          Texts{"scopes-claim", model::claims_complaint(claims.scopes)}})
        if (complaint != nullptr) return std::string("--") + flag + ": " + complaint;
    return {};
}

// `define` is called with every option that a file may hold.
template <class Define>
void define_all(Options& options, Define define) {
    define("data-dir", options.data_dir, "where everything is kept (required)")->check(not_empty());
    define("contract-socket", options.contract_socket,
           "Unix socket for data planes (default DIR/contract.sock)");
    define("api-socket", options.api_socket,
           "Unix socket of the management API (default DIR/api.sock)");
    define("deployer", options.deployer, "what starts servers: process, systemd or kubernetes")
        ->check(CLI::IsMember({"process", "systemd", "kubernetes"}));
    define("systemd-scope", options.systemd_scope,
           "whose systemd: system, user, or auto (the system's for root; default)")
        ->check(CLI::IsMember({"auto", "system", "user"}));
    define_kubernetes(options, define);
    define("admin-role", options.admin_role, "role of administrators")->check(not_empty());
    define("create-roles", options.create_roles, "roles that may create adapters (default: all)")
        ->delimiter(',');
    define("workload-identity-roles", options.workload_identity_roles,
           "roles besides administrators that may use workload identity")
        ->delimiter(',');
    define_identity(options, define);
    define("session-keys", options.session_keys,
           "file of sealing keys that several gateways share (mcp-gateway session-keys new FILE)")
        ->check(not_empty());
    define("session-key-days", options.session_key_days,
           "age at which the gateway's own sealing key gets a successor (default 7)")
        ->check(CLI::Range(1U, limits::session_key_days_max));
    define("drain-seconds", options.drain_seconds,
           "how long an instance that is replaced or not wanted any more keeps its sessions")
        ->check(CLI::Range(std::uint32_t{0}, limits::drain_seconds_max));
    define("log-format", options.log_format, "json or text")
        ->check(CLI::IsMember({"json", "text"}));
    define("log-level", options.log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

// One that is true or false needs no value.
CLI::Option* add_option(CLI::App& app, const std::string& flag, auto& value, const char* help) {
    if constexpr (std::is_same_v<decltype(value), bool&>)
        return app.add_flag("--" + flag, value, help);
    else
        return app.add_option("--" + flag, value, help);
}

OptionsOutcome wrong_usage(std::string text) {
    OptionsOutcome outcome;
    outcome.exit_code = 2;
    outcome.text = std::string(kProgram) + ": " + std::move(text) + "\n";
    return outcome;
}

// Applies one entry of the file; a sentence if that is not possible.
std::string apply_entry(const ConfigEntry& entry, Options& options) {
    CLI::App app;
    bool is_known = false;
    define_all(options, [&](const std::string& flag, auto& value, const char* help) {
        is_known = is_known || flag == entry.key;
        return add_option(app, flag, value, help);
    });
    if (!is_known) return "unknown key " + entry.key;
    std::vector<std::string> arguments;
    for (const std::string& value : entry.values)
        arguments.push_back("--" + entry.key + "=" + value);
    // The library takes its arguments from the back.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::ParseError& mistake) {
        return "the value of " + entry.key + " is wrong: " + mistake.what();
    }
    return {};
}

std::string apply_file(const std::string& path, Options& options) {
    const auto text = read_config_file(path);
    if (!text) return text.error().detail;
    const auto entries = parse_config(*text);
    if (!entries) return path + ", " + entries.error().detail;
    for (const ConfigEntry& entry : *entries) {
        const std::string mistake = apply_entry(entry, options);
        if (!mistake.empty()) return path + ", line " + std::to_string(entry.line) + ": " + mistake;
    }
    return {};
}

// Command line and environment onto `options`. True unless the program shall end with `outcome`.
bool apply_arguments(int argc, const char* const* argv, Options& options, std::string& config_path,
                     OptionsOutcome& outcome) {
    CLI::App app(
        "The control plane of mcp-gateway: keeps adapters, runs their servers, and tells "
        "data planes what to serve.\nEvery flag --x-y has a variable MCP_GATEWAY_X_Y and "
        "a key x-y in the --config file.",
        kProgram);
    app.set_version_flag("--version", std::string(kProgram) + " " + MCPGW_VERSION);
    app.add_option("--config", config_path, "TOML file")->envname(variable_of("config"));
    define_all(options, [&app](const std::string& flag, auto& value, const char* help) {
        return add_option(app, flag, value, help)->envname(variable_of(flag));
    });
    try {
        app.parse(argc, argv);
        return true;
    } catch (const CLI::ParseError& mistake) {
        std::ostringstream out;
        std::ostringstream errors;
        if (app.exit(mistake, out, errors) == 0)
            outcome.text = out.str();
        else
            outcome = wrong_usage(mistake.what());
        return false;
    }
}

// The lifeline must be an open descriptor: anything else would end every server at once.
bool read_lifeline(Options& options) {
    const char* text = std::getenv("MCP_GATEWAY_LIFELINE_FD");
    if (text == nullptr || *text == '\0') return true;
    const std::string_view digits = text;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), options.lifeline_fd);
    return error == std::errc() && end == digits.data() + digits.size() &&
           options.lifeline_fd >= 0 && ::fcntl(options.lifeline_fd, F_SETFD, FD_CLOEXEC) == 0;
}

OptionsOutcome read(int argc, const char* const* argv) {
    OptionsOutcome outcome;
    std::string config_path;
    Options probe;  // only to learn of --config, --help and mistakes
    if (!apply_arguments(argc, argv, probe, config_path, outcome)) return outcome;
    Options& options = outcome.options;
    if (!config_path.empty()) {
        const std::string mistake = apply_file(config_path, options);
        if (!mistake.empty()) return wrong_usage(mistake);
    }
    if (!apply_arguments(argc, argv, options, config_path, outcome)) return outcome;
    if (options.data_dir.empty()) return wrong_usage("--data-dir is required");
    if (std::string complaint = identity_complaint(options); !complaint.empty())
        return wrong_usage(std::move(complaint));
    if (!read_lifeline(options))
        return wrong_usage("MCP_GATEWAY_LIFELINE_FD does not name an open descriptor");
    if (options.contract_socket.empty())
        options.contract_socket = options.data_dir + "/contract.sock";
    if (options.api_socket.empty()) options.api_socket = options.data_dir + "/api.sock";
    outcome.runs = true;
    return outcome;
}

}  // namespace

OptionsOutcome read_options(int argc, const char* const* argv) {
    try {
        return read(argc, argv);
    } catch (const std::exception& mistake) {
        return wrong_usage(mistake.what());
    }
}

}  // namespace mcpgw
