// run_bridge(): the command line of the bridge, and its life from the first signal mask to the last
// child. Order matters: signals are masked, then the guard is forked, then threads start.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/server/bridge.h"
#include "tools/server/listen_address.h"
#include "tools/server/signals.h"

namespace mcpgw::server {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    "mcp-gateway bridge [--listen ADDRESS:PORT] [--children-max N] -- CMD ARGS...\n"
    "\n"
    "Puts a stdio MCP server behind streamable HTTP, on the paths /mcp and /. Every session\n"
    "gets a process of its own, which ends with the session.\n"
    "\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1 and the port in the variable PORT;\n"
    "                         port 0 chooses a free one\n"
    "  --children-max N       sessions at a time, 1 to 4096; default 64\n"
    "\n"
    "Prints \"ready http://ADDRESS:PORT\" once it serves. SIGTERM ends it and its processes.\n";
static_assert(limits::bridge_children_max == 64, "the text above says so");
constexpr std::size_t kChildrenMax = 4096;

struct Arguments {
    ListenAddress address{"127.0.0.1", 0};
    std::size_t children_max = limits::bridge_children_max;
    std::vector<std::string> command;
    bool help = false;
};

std::unexpected<Error> wrong(std::string why) {
    return failure(Code::invalid_argument, std::move(why));
}

Result<> take_option(Arguments& arguments, std::string_view option, std::string_view value) {
    if (option == "--listen") {
        auto address = parse_listen_address(value);
        if (!address) return std::unexpected(std::move(address.error()));
        arguments.address = std::move(*address);
        return {};
    }
    if (option == "--children-max") {
        std::size_t count = 0;
        for (const char c : value) {
            if (c < '0' || c > '9' || count > kChildrenMax)
                count = kChildrenMax + 1;
            else
                count = count * 10 + static_cast<std::size_t>(c - '0');
        }
        if (count == 0 || count > kChildrenMax)
            return wrong("--children-max: a number of 1 to " + std::to_string(kChildrenMax) +
                         " is wanted");
        arguments.children_max = count;
        return {};
    }
    return wrong("unknown option " + std::string(option));
}

Result<Arguments> parse_arguments(int argc, char** argv) {
    Arguments arguments;
    bool listen_given = false;
    int i = 1;
    for (; i < argc; ++i) {
        std::string_view option = argv[i];
        if (option == "--help" || option == "-h") {
            arguments.help = true;
            return arguments;
        }
        if (!option.starts_with('-')) break;
        if (option == "--") {
            ++i;
            break;
        }
        std::string_view value;
        if (const auto equals = option.find('='); equals != std::string_view::npos) {
            value = option.substr(equals + 1);
            option = option.substr(0, equals);
        } else if (i + 1 < argc) {
            value = argv[++i];
        } else {
            return wrong(std::string(option) + ": a value is missing");
        }
        if (auto taken = take_option(arguments, option, value); !taken)
            return std::unexpected(std::move(taken.error()));
        listen_given |= option == "--listen";
    }
    for (; i < argc; ++i)
        arguments.command.emplace_back(argv[i]);
    if (arguments.command.empty()) return wrong("a command is missing");
    if (listen_given) return arguments;
    const auto port = port_from_environment();
    if (!port && port.error().code == Code::not_found)
        return wrong("neither --listen nor the variable PORT says where to listen");
    if (!port) return std::unexpected(port.error());
    arguments.address.port = *port;
    return arguments;
}

int fail(int code, const Error& error, std::string_view hint = {}) {
    std::fprintf(stderr, "mcp-gateway bridge: %s%.*s\n", error.detail.c_str(),
                 static_cast<int>(hint.size()), hint.data());
    return code;
}

BridgeOptions options_of(const Arguments& arguments) {
    BridgeOptions options;
    options.command.arguments = arguments.command;
    options.children_max = arguments.children_max;
    options.server.host = arguments.address.host;
    options.server.port = arguments.address.port;
    options.server.paths = {"/mcp", "/"};
    // Two streams and a request in flight for each session, at least.
    options.server.threads_max = std::max(limits::server_threads_max, 3 * arguments.children_max);
    options.server.sessions_max = std::max(limits::server_sessions_max, arguments.children_max);
    return options;
}

}  // namespace

int run_bridge(int argc, char** argv) {
    const auto arguments = parse_arguments(argc, argv);
    if (!arguments) return fail(kUsage, arguments.error(), " (see --help)");
    if (arguments->help) {
        std::fwrite(kHelp.data(), 1, kHelp.size(), stdout);
        return 0;
    }
    BridgeOptions options = options_of(*arguments);
    auto path = find_executable(arguments->command.front());
    if (!path) return fail(kFailed, path.error());
    options.command.path = std::move(*path);

    EndSignals signals;
    ProcessGuard guard;  // forks: before the threads
    if (const auto started = guard.start(); !started) return fail(kFailed, started.error());
    options.guard = &guard;
    Bridge bridge(std::move(options));
    const auto port = bridge.listen();
    if (!port) return fail(kFailed, port.error());
    bridge.serve();
    std::printf("ready http://%s\n", authority(arguments->address.host, *port).c_str());
    std::fflush(stdout);
    signals.wait();
    bridge.stop();
    return 0;
}

}  // namespace mcpgw::server
