// What `up` does before the planes run: settings, data directory, sockets, and the command lines.
//
// The order matters: everything that can be refused is refused before anything is started, and the
// data directory is locked before a port is touched, so that a second `up` names the first one.
#include "tools/gateway/up.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "common/log.h"
#include "controlplane/keys/key_file.h"
#include "tools/gateway/data_dir.h"
#include "tools/gateway/listeners.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/server_file.h"
#include "tools/gateway/supervisor.h"
#include "tools/gateway/text_file.h"
#include "tools/gateway/up_options.h"

extern char** environ;

namespace mcpgw::cli {
namespace {

constexpr const char* kConfigVariable = "MCP_GATEWAY_CONFIG";

// Variables that mean something to a plane and must come from this `up`, not from its surroundings.
bool is_ours_to_say(std::string_view name) {
    for (const std::string_view own :
         {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC",
          "WATCHDOG_PID", "MCP_GATEWAY_LIFELINE_FD", kConfigVariable})
        if (name == own) return true;
    const auto is_its_variable = [name](const Setting& s) { return variable_of(s.key) == name; };
    return std::ranges::any_of(up_settings(), is_its_variable);
}

struct Environment {
    std::map<std::string, std::string, std::less<>> variables;
    std::vector<std::string> for_children;
};

Environment read_environment() {
    Environment result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = text.substr(0, equals);
        result.variables.emplace(name, text.substr(equals + 1));
        if (!is_ours_to_say(name)) result.for_children.emplace_back(text);
    }
    return result;
}

// The flags of the command line by key. An exit status if there is nothing more to do.
std::optional<int> parse_flags(int argc, char** argv, SettingSources& sources) {
    CLI::App app(
        "Both planes in the foreground, supervised. SIGTERM drains, a second one stops.\n"
        "Every flag --x-y has a variable MCP_GATEWAY_X_Y and a key x-y in the --config "
        "file;\nthe first of flag, variable, file, default counts.",
        "mcp-gateway up");
    std::vector<std::pair<const Setting*, CLI::Option*>> options;
    for (const Setting& setting : up_settings()) {
        const std::string flag = std::string("--") + setting.key;
        const std::string help = setting.help;
        CLI::Option* option =
            setting.arity == Arity::flag ? app.add_flag(flag, help) : app.add_option(flag, help);
        if (setting.arity != Arity::flag) option->type_name(setting.placeholder);
        if (setting.arity == Arity::many) option->type_size(1)->expected(1, 1 << 20);
        options.emplace_back(&setting, option);
    }
    app.add_option("--config", sources.config_path, "settings as a TOML file")->type_name("FILE");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("up: ") + mistake.what() + " (see mcp-gateway up --help)");
        return kUsage;
    }
    for (const auto& [setting, option] : options)
        if (option->count() > 0) sources.flags[setting->key] = option->results();
    return std::nullopt;
}

// Settings from everywhere; complains and gives the exit status if they are no good.
std::expected<UpOptions, int> read_options(SettingSources sources) {
    if (const auto named = sources.variables.find(kConfigVariable);
        sources.config_path.empty() && named != sources.variables.end())
        sources.config_path = named->second;
    if (!sources.config_path.empty()) {
        auto text = read_text_file(sources.config_path);
        if (!text) {
            complain(std::string_view(text.error().detail));
            return std::unexpected(kUsage);
        }
        sources.config_text = std::move(*text);
    }
    auto options = resolve_up_options(sources);
    if (!options) {
        for (const std::string& problem : options.error())
            complain(std::string_view(problem));
        return std::unexpected(kUsage);
    }
    if (options->data_dir.empty()) {
        const auto dir = default_data_dir(std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
        if (!dir) {
            complain("there is no HOME to keep data in; name a directory with --data-dir");
            return std::unexpected(kUsage);
        }
        options->data_dir = *dir;
    }
    if (options->log_format.empty())
        options->log_format = ::isatty(STDERR_FILENO) == 1 ? "text" : "json";
    return std::move(*options);
}

unsigned usable_cores() {
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

// The control plane reads the file as well, and again and again; it need not be started to say that
// it cannot. It may have another working directory.
std::optional<int> check_session_keys(UpOptions& options) {
    if (options.session_keys.empty()) return std::nullopt;
    const auto ring = keys::read_key_file(options.session_keys);
    if (!ring) {
        complain(std::string_view(ring.error().detail));
        return kUsage;
    }
    options.session_keys = std::filesystem::absolute(options.session_keys);
    return std::nullopt;
}

// A mistake in a file of --import is better told now than after the start.
std::optional<int> check_imports(const UpOptions& options) {
    std::optional<int> status;
    for (const std::string& path : options.imports) {
        const auto text = read_text_file(path);
        if (!text) {
            status = complain(text.error());
            continue;
        }
        const ServerFile file = read_server_file(*text, process_variables());
        for (const std::string& problem : problems_of(file, path)) {
            complain(std::string_view(problem));
            status = kUsage;
        }
    }
    return status;
}

Result<std::string> own_directory() {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) return std::unexpected(error_from_errno(failed.value(), "cannot find myself"));
    return self.parent_path().string();
}

void append_common_flags(const UpOptions& options, const DataDir& dir,
                         std::vector<std::string>& out) {
    out.insert(out.end(), {"--data-dir", dir.path(), "--contract-socket", dir.contract_socket(),
                           "--api-socket", dir.api_socket(), "--log-format", options.log_format,
                           "--log-level", options.log_level});
}

std::vector<std::string> dataplane_arguments(const UpOptions& options, const DataDir& dir) {
    std::vector<std::string> out;
    append_common_flags(options, dir, out);
    const auto add = [&out](const char* flag, const std::string& value) {
        out.insert(out.end(), {flag, value});
    };
    add("--workers", std::to_string(options.workers));
    add("--auth", options.auth);
    if (!options.public_origin.empty()) add("--public-origin", options.public_origin);
    for (const std::string& network : options.trusted_proxies)
        add("--trusted-proxies", network);
    if (!options.admin_role.empty()) add("--admin-role", options.admin_role);
    add("--drain-seconds", std::to_string(options.drain_seconds));
    add("--max-head-bytes", std::to_string(options.max_head_bytes));
    add("--max-body-bytes", std::to_string(options.max_body_bytes));
    if (options.max_connections) add("--max-connections", std::to_string(*options.max_connections));
    for (const auto& [key, value] : options.dataplane_limits)
        add(("--" + key).c_str(), std::to_string(value));
    if (!options.audit_log.empty()) add("--audit-log", options.audit_log);
    for (const std::string& host : options.allowed_hosts)
        add("--allowed-hosts", host);
    for (const std::string& origin : options.allowed_origins)
        add("--allowed-origins", origin);
    if (options.dev_auth_on_any_address) out.emplace_back("--dev-auth-on-any-address");
    return out;
}

std::vector<std::string> controlplane_arguments(const UpOptions& options, const DataDir& dir) {
    std::vector<std::string> out;
    append_common_flags(options, dir, out);
    out.insert(out.end(), {"--session-key-days", std::to_string(options.session_key_days)});
    if (!options.session_keys.empty())
        out.insert(out.end(), {"--session-keys", options.session_keys});
    out.insert(out.end(), {"--deployer", options.deployer, "--systemd-scope", options.systemd_scope,
                           "--drain-seconds", std::to_string(options.drain_seconds)});
    if (!options.admin_role.empty()) out.push_back("--admin-role=" + options.admin_role);
    for (const auto& [key, value] : options.controlplane_flags)
        out.push_back("--" + key + "=" + value);
    return out;
}

// The import runs as a process of its own, through the API like anybody's. Host is a loopback name,
// which is always allowed, whatever address is listened on.
ChildSpec import_spec(const UpOptions& options, const std::string& directory,
                      ListenAddress address) {
    if (is_any(address)) address.host = address.is_ipv6 ? "::1" : "127.0.0.1";
    ChildSpec spec;
    spec.path = directory + "/mcp-gateway";
    spec.arguments = {"import", "--server", "http://localhost:" + std::to_string(address.port),
                      "--connect-to", to_text(address)};
    spec.arguments.insert(spec.arguments.end(), options.imports.begin(), options.imports.end());
    spec.death_signal = SIGKILL;
    return spec;
}

// Descriptors 0 to 2 exist from here on, so that no socket ever takes their numbers.
void open_standard_streams() {
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd > STDERR_FILENO) ::close(fd);
        if (fd < 0 || fd > STDERR_FILENO) return;
    }
}

Result<int> supervise(const UpOptions& options, const Environment& environment, UniqueFd signals) {
    auto directory = own_directory();
    if (!directory) return std::unexpected(directory.error());
    auto data_dir = DataDir::open(options.data_dir);
    if (!data_dir) return std::unexpected(data_dir.error());
    auto listeners = open_listeners(options.listen, options.admin_listen, options.workers);
    if (!listeners) return std::unexpected(listeners.error());
    auto dataplane_notify = NotifySocket::open(data_dir->notify_socket("dataplane"));
    if (!dataplane_notify) return std::unexpected(dataplane_notify.error());
    auto controlplane_notify = NotifySocket::open(data_dir->notify_socket("controlplane"));
    if (!controlplane_notify) return std::unexpected(controlplane_notify.error());

    SupervisorPlan plan;
    plan.dataplane.path = *directory + "/mcp-gateway-dataplane";
    plan.dataplane.arguments = dataplane_arguments(options, *data_dir);
    plan.controlplane.path = *directory + "/mcp-gateway-controlplane";
    plan.controlplane.arguments = controlplane_arguments(options, *data_dir);
    if (!options.imports.empty())
        plan.after_ready = import_spec(options, *directory, listeners->main);
    for (ChildSpec* spec : {&plan.dataplane, &plan.controlplane})
        spec->environment = environment.for_children;
    if (plan.after_ready) plan.after_ready->environment = environment.for_children;
    plan.ready_line = "ready http://" + to_text(listeners->main);
    plan.drain_seconds = options.drain_seconds;
    log_info("starting", {{"data_dir", data_dir->path()},
                          {"listen", to_text(listeners->main)},
                          {"admin_listen", to_text(listeners->admin)},
                          {"workers", options.workers}});
    Supervisor supervisor(std::move(plan), std::move(*listeners), std::move(signals));
    return supervisor.run(std::move(*dataplane_notify), std::move(*controlplane_notify));
}

}  // namespace

int run_up(int argc, char** argv) {
    open_standard_streams();
    const Environment environment = read_environment();
    SettingSources sources;
    sources.variables = environment.variables;
    if (const auto done = parse_flags(argc, argv, sources)) return *done;
    auto options = read_options(std::move(sources));
    if (!options) return options.error();
    if (const auto wrong = check_imports(*options)) return *wrong;
    if (const auto wrong = check_session_keys(*options)) return *wrong;
    if (options->workers == 0) options->workers = usable_cores();

    // Before the thread of the log exists, which then has the signals blocked as well.
    auto signals = Supervisor::block_signals();
    if (!signals) return complain(signals.error());
    log_start("mcp-gateway", log_format_of(options->log_format, LogFormat::json),
              log_level_of(options->log_level, LogLevel::info));
    const Result<int> status = supervise(*options, environment, std::move(*signals));
    log_stop();
    return status ? *status : complain(status.error());
}

}  // namespace mcpgw::cli
