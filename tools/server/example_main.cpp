// mcp-gateway-example-server [--port N] [--host ADDRESS] [--name NAME]
//
// The bundled example: an MCP server on streamable HTTP at /mcp (example_session.h says what it
// can do). Prints "ready http://HOST:PORT" once it serves; ends on SIGTERM or SIGINT.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "tools/server/example_session.h"
#include "tools/server/listen_address.h"
#include "tools/server/signals.h"
#include "tools/server/streamable_server.h"

namespace mcpgw::server {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    "mcp-gateway-example-server [--port N] [--host ADDRESS] [--name NAME]\n"
    "\n"
    "An MCP server to try things with: streamable HTTP on /mcp, GET /healthz.\n"
    "Tools: whoami, count, sleep {ms}, progress {steps}, echo {message}.\n"
    "\n"
    "  --port N        0 chooses a free one; default: the variable PORT, else 0\n"
    "  --host ADDRESS  default 127.0.0.1\n"
    "  --name NAME     what whoami says; default: the variable MCP_GATEWAY_INSTANCE, else\n"
    "                  ADDRESS:PORT\n";

struct Arguments {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::string name;
    bool help = false;
};

Result<Arguments> parse_arguments(int argc, char** argv) {
    Arguments arguments;
    if (const char* name = std::getenv("MCP_GATEWAY_INSTANCE")) arguments.name = name;
    Result<std::uint16_t> port = port_from_environment();
    if (!port && port.error().code == Code::not_found) port = 0;
    for (int i = 1; i < argc; ++i) {
        std::string_view option = argv[i];
        std::string_view value;
        if (option == "--help" || option == "-h") {
            arguments.help = true;
            return arguments;
        }
        if (const auto equals = option.find('='); equals != std::string_view::npos) {
            value = option.substr(equals + 1);
            option = option.substr(0, equals);
        } else if (i + 1 < argc) {
            value = argv[++i];
        } else {
            return failure(Code::invalid_argument, std::string(option) + ": a value is missing");
        }
        if (option == "--port")
            port = parse_port(value);
        else if (option == "--host")
            arguments.host = value;
        else if (option == "--name")
            arguments.name = value;
        else
            return failure(Code::invalid_argument, "unknown option " + std::string(option));
    }
    if (!port) return std::unexpected(port.error());
    arguments.port = *port;
    return arguments;
}

int run(int argc, char** argv) {
    const auto arguments = parse_arguments(argc, argv);
    if (!arguments) {
        std::fprintf(stderr, "mcp-gateway-example-server: %s (see --help)\n",
                     arguments.error().detail.c_str());
        return kUsage;
    }
    if (arguments->help) {
        std::fwrite(kHelp.data(), 1, kHelp.size(), stdout);
        return 0;
    }
    EndSignals signals;
    auto example = std::make_shared<ExampleServer>();
    ServerOptions options;
    options.host = arguments->host;
    options.port = arguments->port;
    StreamableServer server(options, [example](const std::shared_ptr<Session>& session) {
        return Result<std::shared_ptr<SessionHandler>>(
            std::make_shared<ExampleSession>(example, session));
    });
    const auto port = server.listen();
    if (!port) {
        std::fprintf(stderr, "mcp-gateway-example-server: %s\n", port.error().detail.c_str());
        return kFailed;
    }
    const std::string where = authority(arguments->host, *port);
    example->instance = arguments->name.empty() ? where : arguments->name;
    server.serve();
    std::printf("ready http://%s\n", where.c_str());
    std::fflush(stdout);
    signals.wait();
    server.stop();
    return 0;
}

}  // namespace
}  // namespace mcpgw::server

int main(int argc, char** argv) {
    return mcpgw::server::run(argc, argv);
}
