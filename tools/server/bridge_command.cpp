// run_bridge(): the command line of the bridge, and its life from the first signal mask to the last
// child. Order matters: signals are masked, then the guard is forked, then threads start.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <malloc.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/check.h"
#include "tools/server/bridge.h"
#include "tools/server/listen_address.h"
#include "tools/server/process_marks.h"
#include "tools/server/signals.h"
#include "tools/server/strays.h"

namespace mcpgw::server {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    "mcp-gateway bridge [--listen ADDRESS:PORT] [OPTION...] -- CMD ARGS...\n"
    "\n"
    "Puts a stdio MCP server behind streamable HTTP, on the paths /mcp and /. Every session\n"
    "gets a process of its own, which ends with the session.\n"
    "\n"
    "  --listen ADDRESS:PORT       default 127.0.0.1 and the port in the variable PORT;\n"
    "                              port 0 chooses a free one\n"
    "  --max-sessions N            processes at a time, 1 to 4096; default 64\n"
    "  --pre-spawn N               processes started ahead of the sessions that will use\n"
    "                              them, at most --max-sessions; default 0\n"
    "  --session-idle-seconds N    a session without request or open stream ends after\n"
    "                              this; default 1800, 0: never\n"
    "\n"
    "Prints \"ready http://ADDRESS:PORT\" once it serves. SIGTERM ends it and its processes.\n";
static_assert(limits::bridge_sessions_default == 64 && limits::bridge_sessions_max == 4096 &&
                  limits::server_session_idle_seconds == 1800,
              "the text above says so");

struct Arguments {
    ListenAddress address{"127.0.0.1", 0};
    std::size_t sessions_max = limits::bridge_sessions_default;
    std::size_t pre_spawn = 0;
    std::size_t session_idle_seconds = limits::server_session_idle_seconds;
    std::vector<std::string> command;
    bool listen_given = false;
    bool help = false;
};

std::unexpected<Error> wrong(std::string why) {
    return failure(Code::invalid_argument, std::move(why));
}

struct Range {
    std::size_t min;
    std::size_t max;
};

Result<> take_number(std::string_view option, std::string_view text, Range range,
                     std::size_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= range.min &&
        number <= range.max)
        return {};
    return wrong(std::string(option) + ": a number of " + std::to_string(range.min) + " to " +
                 std::to_string(range.max) + " is wanted");
}

Result<> take_option(Arguments& arguments, std::string_view option, std::string_view value) {
    if (option == "--listen") {
        auto address = parse_listen_address(value);
        if (!address) return std::unexpected(std::move(address.error()));
        arguments.address = std::move(*address);
        arguments.listen_given = true;
        return {};
    }
    if (option == "--max-sessions")
        return take_number(option, value, {1, limits::bridge_sessions_max}, arguments.sessions_max);
    if (option == "--pre-spawn")
        return take_number(option, value, {0, limits::bridge_sessions_max}, arguments.pre_spawn);
    if (option == "--session-idle-seconds")
        return take_number(option, value, {0, limits::session_idle_seconds_max},
                           arguments.session_idle_seconds);
    return wrong("unknown option " + std::string(option));
}

// Takes the options in front; returns where the command begins.
Result<int> take_options(Arguments& arguments, int argc, char** argv) {
    int i = 1;
    for (; i < argc; ++i) {
        std::string_view option = argv[i];
        if (option == "--help" || option == "-h") {
            arguments.help = true;
            return argc;
        }
        if (!option.starts_with('-')) return i;
        if (option == "--") return i + 1;
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
    }
    return i;
}

Result<Arguments> parse_arguments(int argc, char** argv) {
    Arguments arguments;
    const auto command = take_options(arguments, argc, argv);
    if (!command) return std::unexpected(command.error());
    if (arguments.help) return arguments;
    for (int i = *command; i < argc; ++i)
        arguments.command.emplace_back(argv[i]);
    if (arguments.command.empty()) return wrong("a command is missing");
    if (arguments.pre_spawn > arguments.sessions_max)
        return wrong("--pre-spawn: more than --max-sessions");
    if (arguments.listen_given) return arguments;
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

// Told apart from other bridges, also from one that had our process id before.
std::string new_mark() {
    std::uint64_t random = 0;
    check(getrandom(&random, sizeof random, 0) == sizeof random, "the kernel gives eight bytes");
    return std::string(kChildMark) + to_hex(random) + ".";
}

BridgeOptions options_of(const Arguments& arguments, std::string path) {
    BridgeOptions options;
    options.children.command = {std::move(path), arguments.command, {}};
    options.children.mark = new_mark();
    options.children.children_max = arguments.sessions_max;
    options.children.waiting_wanted = arguments.pre_spawn;
    options.server.host = arguments.address.host;
    options.server.port = arguments.address.port;
    options.server.paths = {"/mcp", "/"};
    options.server.body_bytes_max = limits::stdio_line_bytes_max;
    options.server.session_idle_seconds =
        static_cast<std::uint32_t>(arguments.session_idle_seconds);
    // Two streams and a request in flight for each session, at least.
    options.server.threads_max = std::max(limits::server_threads_max, 3 * arguments.sessions_max);
    options.server.sessions_max = std::max(limits::server_sessions_max, arguments.sessions_max);
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
    auto path = find_executable(arguments->command.front());
    if (!path) return fail(kFailed, path.error());
    BridgeOptions options = options_of(*arguments, std::move(*path));

    EndSignals signals;
    // Otherwise one large message makes the allocator keep all that follow.
    mallopt(M_MMAP_THRESHOLD, limits::server_kept_block_bytes_max);
    raise_file_limit();
    Strays strays;
    const std::string mark = options.children.mark;
    ProcessGuard guard;  // forks: before the threads
    if (const auto started = guard.start(mark); !started) return fail(kFailed, started.error());
    strays.spare(guard.pid());
    options.children.guard = &guard;
    options.children.strays = &strays;
    Bridge bridge(std::move(options));
    const auto port = bridge.listen();
    if (!port) return fail(kFailed, port.error());
    bridge.serve();
    std::printf("ready http://%s\n", authority(arguments->address.host, *port).c_str());
    std::fflush(stdout);
    signals.wait();
    bridge.stop();
    strays.end_all();
    return 0;
}

}  // namespace mcpgw::server
