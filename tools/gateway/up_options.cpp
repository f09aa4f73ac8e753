// The table of settings, and how the four sources of a value are put together.
#include "tools/gateway/up_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "controlplane/model/identity_rules.h"
#include "controlplane/model/rules.h"
#include "tools/gateway/toml.h"

namespace mcpgw::cli {
namespace {

using Values = Setting::Values;

constexpr std::uint64_t kWorkersMax = 256;
constexpr std::uint64_t kHeadBytesMin = 1024;  // less than a browser or an SDK sends
constexpr std::uint64_t kBodyBytesMin = 1024;
constexpr std::uint64_t kBodyBytesMax = std::uint64_t{1} << 40;

std::string in_quotes(std::string_view text) {
    return "'" + std::string(text) + "'";
}

template <class Integer>
std::string assign_integer(std::string_view text, std::uint64_t min, std::uint64_t max,
                           Integer& out) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || value < min || value > max)
        return "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
               ", not " + in_quotes(text);
    out = static_cast<Integer>(value);
    return {};
}

std::string assign_address(std::string_view text, ListenAddress& out) {
    const auto address = parse_listen_address(text);
    if (!address)
        return "must be ADDRESS:PORT with a numeric address, such as 127.0.0.1:8000 or [::1]:8000, "
               "not " +
               in_quotes(text);
    out = *address;
    return {};
}

std::string assign_flag(std::string_view text, bool& out) {
    if (text != "true" && text != "false" && text != "1" && text != "0")
        return "must be true or false, not " + in_quotes(text);
    out = text == "true" || text == "1";
    return {};
}

std::string assign_choice(std::string_view text, std::span<const std::string_view> choices,
                          std::string& out) {
    if (std::ranges::find(choices, text) != choices.end()) {
        out = text;
        return {};
    }
    std::string names;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) names += i + 1 == choices.size() ? " or " : ", ";
        names += choices[i];
    }
    return "must be " + names + ", not " + in_quotes(text);
}

// Lists may also be written with commas: --allowed-hosts a,b is what the environment has to use.
std::string assign_words(const Values& values, std::vector<std::string>& out) {
    out.clear();
    for (const std::string& value : values) {
        for (std::size_t from = 0; from <= value.size();) {
            const std::size_t comma = std::min(value.find(',', from), value.size());
            std::string word = value.substr(from, comma - from);
            const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
            if (word.empty() || !std::ranges::all_of(word, is_visible))
                return "must be words without spaces, not " + in_quotes(value);
            out.push_back(std::move(word));
            from = comma + 1;
        }
    }
    return {};
}

// Entries are compared whole, so one that could never match is a mistake.
std::string assign_hosts(const Values& values, std::vector<std::string>& out) {
    if (std::string problem = assign_words(values, out); !problem.empty()) return problem;
    for (const std::string& host : out)
        if (host.find_first_of("*/@") != std::string::npos)
            return "must be a host such as gw.example or gw.example:8000 (there are no wildcards), "
                   "not " +
                   in_quotes(host);
    return {};
}

std::string assign_origins(const Values& values, std::vector<std::string>& out) {
    if (std::string problem = assign_words(values, out); !problem.empty()) return problem;
    for (const std::string& origin : out) {
        const std::size_t scheme = origin.find("://");
        const std::string_view host =
            scheme == std::string::npos ? "" : std::string_view(origin).substr(scheme + 3);
        if (origin.find('*') != std::string::npos)
            return "must be whole origins, there are no wildcards: not " + in_quotes(origin);
        if (scheme == 0 || host.empty() || host.find('/') != std::string_view::npos ||
            origin.size() > limits::origin_bytes_max)
            return "must be an origin such as https://app.example, not " + in_quotes(origin);
    }
    return {};
}

std::string assign_text(std::string_view text, std::string& out) {
    if (text.empty()) return "must not be empty";
    out = text;
    return {};
}

constexpr std::array<std::string_view, 4> kLogLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kLogFormats{"json", "text"};

constexpr std::array<std::string_view, 2> kAuthModes{"dev", "oidc"};

std::string assign_auth(UpOptions& o, const Values& v) {
    return assign_choice(v[0], kAuthModes, o.auth);
}

// The data plane looks closer; here it is seen what was meant.
std::string assign_public_origin(UpOptions& o, const Values& v) {
    const std::string& url = v[0];
    const bool is_url = url.starts_with("https://") || url.starts_with("http://");
    if (!is_url || url.find_first_of(" ?#@") != std::string::npos ||
        url.size() > limits::public_origin_bytes_max)
        return "must be a URL such as https://gw.example or https://gw.example/prefix, not " +
               in_quotes(url);
    return assign_text(url, o.public_origin);
}

std::string assign_proxies(UpOptions& o, const Values& v) {
    if (std::string problem = assign_words(v, o.trusted_proxies); !problem.empty()) return problem;
    for (const std::string& network : o.trusted_proxies)
        if (network.find_first_not_of("0123456789abcdefABCDEF.:/") != std::string::npos)
            return "must be addresses or networks such as 10.0.0.0/8, not " + in_quotes(network);
    if (o.trusted_proxies.size() > limits::trusted_proxies_max)
        return "must be at most " + std::to_string(limits::trusted_proxies_max);
    return {};
}

constexpr std::array<std::string_view, 3> kDeployers{"process", "systemd", "kubernetes"};
constexpr std::array<std::string_view, 3> kScopes{"auto", "system", "user"};

std::string assign_deployer(UpOptions& o, const Values& v) {
    return assign_choice(v[0], kDeployers, o.deployer);
}

// For the control plane: a value that keeps a rule.
std::string pass_on(UpOptions& o, const char* key, const std::string& value,
                    model::Complaint (*rule)(std::string_view)) {
    const model::Complaint complaint = rule(value);
    if (complaint != nullptr) return complaint + (", not " + in_quotes(value));
    o.controlplane_flags.emplace_back(key, value);
    return {};
}

// The same for a list; each word keeps the rule.
std::string pass_on_words(UpOptions& o, const char* key, const Values& values,
                          model::Complaint (*rule)(std::string_view)) {
    std::vector<std::string> words;
    std::string problem = assign_words(values, words);
    for (const std::string& word : words)
        if (problem.empty()) problem = pass_on(o, key, word, rule);
    return problem;
}

std::string assign_pull_secrets(UpOptions& o, const Values& v) {
    return pass_on_words(o, "image-pull-secret", v, model::object_name_complaint);
}

// Both planes have to know it.
std::string assign_admin_role(UpOptions& o, const Values& v) {
    const model::Complaint complaint = model::role_complaint(v[0]);
    if (complaint != nullptr) return complaint + (", not " + in_quotes(v[0]));
    return assign_text(v[0], o.admin_role);
}

std::string assign_clock_skew(UpOptions& o, const Values& v) {
    std::uint32_t seconds = 0;
    std::string problem = assign_integer(v[0], 0, limits::clock_skew_seconds_max, seconds);
    if (problem.empty()) o.controlplane_flags.emplace_back("clock-skew-seconds", v[0]);
    return problem;
}

std::string assign_oidc_metadata(UpOptions& o, const Values& v) {
    bool serves = false;
    std::string problem = assign_flag(v[0], serves);
    if (problem.empty())
        o.controlplane_flags.emplace_back("oidc-metadata", serves ? "true" : "false");
    return problem;
}

// Lists of words that the control plane alone uses.
struct WordList {
    const char* key;
    const char* placeholder;
    const char* help;
    model::Complaint (*rule)(std::string_view);
};
constexpr std::array kWordLists{
    WordList{"oidc-issuer", "URL",
             "identity provider whose tokens are taken, exactly as in `iss`; users of the first "
             "have plain ids",
             model::issuer_complaint},
    WordList{"oidc-audience", "VALUE", "what `aud` of a token may be", model::audience_complaint},
    WordList{"oidc-scopes", "SCOPE", "what clients are told to ask for", model::scope_complaint},
    WordList{"user-claim", "NAME", "claim that names the user (default sub)",
             model::claim_complaint},
    WordList{"name-claim", "NAME",
             "claim with a name for people (default name, "
             "preferred_username)",
             model::claim_complaint},
    WordList{"roles-claim", "NAME", "claims with roles (default roles, realm_access.roles, groups)",
             model::claim_complaint},
    WordList{"tenant-claim", "NAME", "claim with the tenant (default tid)", model::claim_complaint},
    WordList{"scopes-claim", "NAME", "claims with scopes (default scope, scp)",
             model::claim_complaint},
    WordList{"create-roles", "ROLE", "roles that may create adapters (default: everybody)",
             model::role_complaint},
    WordList{"workload-identity-roles", "ROLE",
             "roles that may ask for useWorkloadIdentity (default: administrators only)",
             model::role_complaint},
};

template <std::size_t index>
constexpr Setting word_list_setting() {
    constexpr const WordList& list = kWordLists[index];
    return {list.key, Arity::many, list.placeholder, list.help,
            [](UpOptions& o, const Values& v) { return pass_on_words(o, list.key, v, list.rule); }};
}

std::string assign_pod_user(UpOptions& o, const Values& v) {
    std::uint32_t user = 0;
    std::string problem = assign_integer(v[0], 1, limits::kubernetes_user_max, user);
    if (problem.empty()) o.controlplane_flags.emplace_back("pod-user", v[0]);
    return problem;
}

model::Complaint file_complaint(std::string_view path) {
    return path.empty() ? "must not be empty" : nullptr;
}

// Limits of client connections; the data plane has their defaults.
struct Limit {
    const char* key;
    const char* placeholder;
    const char* help;
    std::uint64_t min;
    std::uint64_t max;
};
constexpr std::array kLimits{
    Limit{"max-connections-per-address", "N",
          "client connections of one address, loopback excepted (default 0: no limit)", 0,
          limits::connections_per_worker_max},
    Limit{"max-sessions", "N", "sessions of the data plane (default 1048576)",
          limits::sessions_max_least, limits::sessions_max_most},
    Limit{"max-sessions-per-user", "N",
          "sessions of one user (default: a sixteenth of all; 0: no limit)", 0,
          limits::sessions_max_most},
    Limit{"head-timeout-ms", "MS", "time for a request head (default 15000)", 1,
          limits::timeout_ms_max},
    Limit{"body-idle-timeout-ms", "MS", "silence inside a request body (default 60000)", 1,
          limits::timeout_ms_max},
    Limit{"client-idle-timeout-ms", "MS", "between two requests of a connection (default 75000)", 1,
          limits::timeout_ms_max},
    Limit{"send-stall-timeout-ms", "MS", "a client that takes no answer (default 60000)", 1,
          limits::timeout_ms_max},
    Limit{"linger-timeout-ms", "MS", "reading away what follows an early answer (default 2000)", 1,
          limits::timeout_ms_max},
    Limit{"poll-us", "US", "look so long for work before sleeping (default 0: sleep at once)", 0,
          limits::poll_us_max},
    Limit{"audit-log-max-bytes", "N", "size at which the audit log is rotated (default 104857600)",
          limits::audit_log_bytes_least, limits::audit_log_bytes_most},
    Limit{"audit-log-files", "N", "files of the audit log that are kept (default 10)", 1,
          limits::audit_log_files_most},
};

template <std::size_t index>
constexpr Setting limit_setting() {
    constexpr const Limit& limit = kLimits[index];
    return {limit.key, Arity::one, limit.placeholder, limit.help,
            [](UpOptions& o, const Values& v) {
                std::uint64_t value = 0;
                std::string problem = assign_integer(v[0], limit.min, limit.max, value);
                if (problem.empty()) o.dataplane_limits.emplace_back(limit.key, value);
                return problem;
            }};
}

constexpr std::array kSettings{
    Setting{"listen", Arity::one, "ADDRESS:PORT", "main listener (default 127.0.0.1:8000)",
            [](UpOptions& o, const Values& v) { return assign_address(v[0], o.listen); }},
    Setting{"admin-listen", Arity::one, "ADDRESS:PORT",
            "metrics and health (default 127.0.0.1:8001)",
            [](UpOptions& o, const Values& v) { return assign_address(v[0], o.admin_listen); }},
    Setting{"data-dir", Arity::one, "DIR",
            "where everything is kept (default ~/.local/state/mcp-gateway)",
            [](UpOptions& o, const Values& v) { return assign_text(v[0], o.data_dir); }},
    Setting{"workers", Arity::one, "N", "threads that serve (default: one for each core)",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], 1, kWorkersMax, o.workers);
            }},
    Setting{"auth", Arity::one, "dev|oidc",
            "who is asking: whoever says so, on loopback (default dev), or bearer tokens",
            assign_auth},
    Setting{"public-origin", Arity::one, "URL",
            "where clients reach the gateway, perhaps with a path", assign_public_origin},
    Setting{"trusted-proxies", Arity::many, "CIDR",
            "proxies whose Forwarded and X-Forwarded-* count", assign_proxies},
    Setting{
        "dev-auth-on-any-address", Arity::flag, "",
        "allow --auth dev on a listener that is not loopback",
        [](UpOptions& o, const Values& v) { return assign_flag(v[0], o.dev_auth_on_any_address); }},
    Setting{"deployer", Arity::one, "process|systemd|kubernetes",
            "what starts servers (default process)", assign_deployer},
    Setting{"systemd-scope", Arity::one, "auto|system|user",
            "whose systemd (default auto: the system's for root)",
            [](UpOptions& o, const Values& v) {
                return assign_choice(v[0], kScopes, o.systemd_scope);
            }},
    Setting{"kubeconfig", Arity::one, "FILE",
            "how to reach the cluster (default: the pod's service account, then KUBECONFIG)",
            [](UpOptions& o, const Values& v) {
                return pass_on(o, "kubeconfig", v[0], file_complaint);
            }},
    Setting{"namespace", Arity::one, "NAME", "namespace of the servers' objects (default adapter)",
            [](UpOptions& o, const Values& v) {
                return pass_on(o, "namespace", v[0], model::namespace_complaint);
            }},
    Setting{"registry", Arity::one, "HOST[:PORT][/PREFIX]", "what stands before imageName",
            [](UpOptions& o, const Values& v) {
                return pass_on(o, "registry", v[0], model::registry_complaint);
            }},
    Setting{"pod-user", Arity::one, "N", "user and group id of the servers' pods (default 1100)",
            assign_pod_user},
    Setting{"image-pull-secret", Arity::many, "NAME", "secrets with which images are pulled",
            assign_pull_secrets},
    Setting{"workload-identity-service-account", Arity::one, "NAME",
            "service account of adapters with useWorkloadIdentity",
            [](UpOptions& o, const Values& v) {
                return pass_on(o, "workload-identity-service-account", v[0],
                               model::object_name_complaint);
            }},
    word_list_setting<0>(),
    Setting{
        "oidc-ca", Arity::one, "FILE",
        "certificate authorities of identity providers (PEM), instead of the system's",
        [](UpOptions& o, const Values& v) { return pass_on(o, "oidc-ca", v[0], file_complaint); }},
    word_list_setting<1>(),
    word_list_setting<2>(),
    Setting{"oidc-resource", Arity::one, "VALUE",
            "resource identifier in metadata (default: the URL)",
            [](UpOptions& o, const Values& v) {
                return pass_on(o, "oidc-resource", v[0], model::audience_complaint);
            }},
    Setting{"oidc-metadata", Arity::flag, "",
            "serve a copy of the issuer's metadata to clients that ask the gateway for it",
            assign_oidc_metadata},
    word_list_setting<3>(),
    word_list_setting<4>(),
    word_list_setting<5>(),
    word_list_setting<6>(),
    word_list_setting<7>(),
    Setting{"admin-role", Arity::one, "ROLE", "role of administrators (default mcp.admin)",
            assign_admin_role},
    word_list_setting<8>(),
    word_list_setting<9>(),
    Setting{"clock-skew-seconds", Arity::one, "N",
            "how far clocks of issuers may be off (default 60)", assign_clock_skew},
    Setting{"import", Arity::many, "FILE", "apply the servers of an mcp.json once ready",
            [](UpOptions& o, const Values& v) {
                o.imports = v;
                return std::string();
            }},
    Setting{"session-keys", Arity::one, "FILE",
            "sealing keys shared by several gateways (default: own keys)",
            [](UpOptions& o, const Values& v) { return assign_text(v[0], o.session_keys); }},
    Setting{"session-key-days", Arity::one, "N",
            "age at which an own key gets a successor (default 7)",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], 1, limits::session_key_days_max, o.session_key_days);
            }},
    Setting{"drain-seconds", Arity::one, "N",
            "how long requests and sessions may take to end (default 30)",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], 0, limits::drain_seconds_max, o.drain_seconds);
            }},
    Setting{"max-connections", Arity::one, "N", "client connections at a time",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], 1, limits::connections_per_worker_max,
                                      o.max_connections.emplace());
            }},
    limit_setting<0>(),
    limit_setting<1>(),
    limit_setting<2>(),
    limit_setting<3>(),
    limit_setting<4>(),
    limit_setting<5>(),
    limit_setting<6>(),
    limit_setting<7>(),
    limit_setting<8>(),
    limit_setting<9>(),
    limit_setting<10>(),
    Setting{"max-head-bytes", Arity::one, "N", "largest request head (default 65536)",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], kHeadBytesMin, limits::head_bytes_max,
                                      o.max_head_bytes);
            }},
    Setting{"max-body-bytes", Arity::one, "N", "largest request body (default 4194304)",
            [](UpOptions& o, const Values& v) {
                return assign_integer(v[0], kBodyBytesMin, kBodyBytesMax, o.max_body_bytes);
            }},
    Setting{"audit-log", Arity::one, "FILE", "a line about every MCP request (default: none)",
            [](UpOptions& o, const Values& v) { return assign_text(v[0], o.audit_log); }},
    Setting{"log-format", Arity::one, "json|text", "default: text on a terminal, json otherwise",
            [](UpOptions& o, const Values& v) {
                return assign_choice(v[0], kLogFormats, o.log_format);
            }},
    Setting{
        "log-level", Arity::one, "LEVEL", "debug, info, warn or error (default info)",
        [](UpOptions& o, const Values& v) { return assign_choice(v[0], kLogLevels, o.log_level); }},
    Setting{"allowed-hosts", Arity::many, "HOST", "Host names beyond those of loopback",
            [](UpOptions& o, const Values& v) { return assign_hosts(v, o.allowed_hosts); }},
    Setting{"allowed-origins", Arity::many, "ORIGIN", "Origins beyond those of loopback",
            [](UpOptions& o, const Values& v) { return assign_origins(v, o.allowed_origins); }},
};

struct Given {
    Values values;
    std::string origin;  // begins the sentence about a problem
};

using ConfigEntries = std::map<std::string, TomlEntry, std::less<>>;

class Resolution {
  public:
    explicit Resolution(const SettingSources& sources) : sources_(sources) {}

    std::expected<UpOptions, std::vector<std::string>> resolve() {
        read_config();
        for (const Setting& setting : kSettings)
            assign(setting);
        check_together();
        if (problems_.empty()) return std::move(options_);
        return std::unexpected(std::move(problems_));
    }

  private:
    void read_config() {
        auto entries = parse_toml(sources_.config_text);
        if (!entries) {
            problems_.push_back(describe(sources_.config_path, entries.error()));
            return;
        }
        for (TomlEntry& entry : *entries) {
            const auto is_it = [&entry](const Setting& s) { return entry.key == s.key; };
            if (std::ranges::none_of(kSettings, is_it))
                problems_.push_back(describe_line(sources_.config_path,
                                                  {entry.at, "unknown key '" + entry.key + "'"}));
            else
                config_.emplace(entry.key, std::move(entry));
        }
    }

    [[nodiscard]] std::optional<Given> look_up(const Setting& setting) const {
        const std::string_view key = setting.key;
        if (const auto flag = sources_.flags.find(key); flag != sources_.flags.end())
            return Given{flag->second, "--" + std::string(key)};
        const std::string variable = variable_of(key);
        // As everywhere in Unix, an empty variable says nothing.
        if (const auto found = sources_.variables.find(variable);
            found != sources_.variables.end() && !found->second.empty())
            return Given{{found->second}, variable};
        if (const auto entry = config_.find(key); entry != config_.end())
            return Given{entry->second.values,
                         describe_line(sources_.config_path, {entry->second.at, std::string(key)})};
        return std::nullopt;
    }

    void assign(const Setting& setting) {
        const auto given = look_up(setting);
        if (!given) return;
        if (setting.arity != Arity::many && given->values.size() != 1) {
            problems_.push_back(given->origin + ": must be given one value");
            return;
        }
        const std::string problem = setting.assign(options_, given->values);
        if (!problem.empty()) problems_.push_back(given->origin + ": " + problem);
    }

    // Rules that concern several settings; their sentences name the flags.
    void check_together() {
        if (options_.auth == "dev" && !is_loopback(options_.listen) &&
            !options_.dev_auth_on_any_address)
            problems_.push_back("with --auth dev everybody who can reach " +
                                to_text(options_.listen) +
                                " may do everything; listen on a loopback address, or say "
                                "--dev-auth-on-any-address if that is meant");
        if (options_.listen == options_.admin_listen && options_.listen.port != 0)
            problems_.push_back("--listen and --admin-listen are both " + to_text(options_.listen) +
                                "; they must differ");
    }

    const SettingSources& sources_;
    ConfigEntries config_;
    UpOptions options_;
    std::vector<std::string> problems_;
};

}  // namespace

std::span<const Setting> up_settings() {
    return kSettings;
}

std::string variable_of(std::string_view key) {
    std::string name = "MCP_GATEWAY_";
    for (const char c : key)
        name.push_back(c == '-'               ? '_'
                       : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A')
                                              : c);
    return name;
}

std::expected<UpOptions, std::vector<std::string>> resolve_up_options(
    const SettingSources& sources) {
    return Resolution(sources).resolve();
}

std::optional<std::string> default_data_dir(const char* xdg_state_home, const char* home) {
    // The XDG rules: a relative path there is as if it were not set.
    if (xdg_state_home != nullptr && xdg_state_home[0] == '/')
        return std::string(xdg_state_home) + "/mcp-gateway";
    if (home != nullptr && home[0] != '\0') return std::string(home) + "/.local/state/mcp-gateway";
    return std::nullopt;
}

}  // namespace mcpgw::cli
