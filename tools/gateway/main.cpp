// The mcp-gateway command: finds the verb and hands it the rest of the command line.
//
// Exit status: 0 success, 1 the operation failed, 2 wrong usage or invalid configuration. A verb
// never throws out of its door; what a library throws beyond that ends here with status 1.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "tools/gateway/audit.h"
#include "tools/gateway/import.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/resources.h"
#include "tools/gateway/secrets.h"
#include "tools/gateway/session_keys.h"
#include "tools/gateway/sessions.h"
#include "tools/gateway/store_verbs.h"
#include "tools/gateway/tenants.h"
#include "tools/gateway/tokens.h"
#include "tools/gateway/up.h"
#include "tools/gateway/validate.h"
#include "tools/server/bridge.h"

namespace mcpgw::cli {
namespace {

constexpr std::string_view kUsageText =
    R"(usage: mcp-gateway VERB [ARGUMENTS]

  up          start the gateway in the foreground
  adapters    list, get, apply, status, logs, delete: the MCP servers behind the gateway
  tools       the same: servers that are called by POST, one tool each
  import      make adapters of the servers in an mcp.json
  validate    check a configuration, adapters or a list of servers
  bridge      a stdio MCP server behind streamable HTTP
  tenants     list, get, set, delete: who is counted together, and how much they may use
  tokens      create, list, revoke: API tokens for machines
  sessions    list, end: who talks to which instance
  audit       who changed what, and when
  backup      the database in a file, also while the gateway runs
  restore     a backup in the place of the database
  session-keys
              new, rotate, show: the file of keys that several gateways share
  secrets     set, list, delete: what request headers name instead of values
  version     print the version
  help        print this

mcp-gateway VERB --help tells more. Verbs that talk to a gateway find it with --server URL or
MCP_GATEWAY_SERVER (default http://127.0.0.1:8000).
)";

int print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return kSuccess;
}

int run_help(int argc, char** argv);
int run_version(int argc, char** argv);

struct Verb {
    std::string_view name;
    int (*run)(int argc, char** argv);
};

constexpr Verb kVerbs[] = {
    {"up", run_up},
    {"adapters", run_adapters},
    {"tools", run_tools},
    {"import", run_import},
    {"validate", run_validate},
    {"bridge", server::run_bridge},
    {"tenants", run_tenants},
    {"tokens", run_tokens},
    {"sessions", run_sessions},
    {"audit", run_audit},
    {"backup", run_backup},
    {"restore", run_restore},
    {"session-keys", run_session_keys},
    {"secrets", run_secrets},
    {"version", run_version},
    {"--version", run_version},
    {"help", run_help},
    {"--help", run_help},
    {"-h", run_help},
};

int run_verb(int argc, char** argv) {
    for (const Verb& verb : kVerbs)
        if (verb.name == argv[0]) return verb.run(argc, argv);
    complain("there is no verb '" + std::string(argv[0]) + "' (see mcp-gateway help)");
    return kUsage;
}

// `help VERB` is `VERB --help`.
int run_help(int argc, char** argv) {
    if (argc < 2 || argv[1][0] == '-') return print(kUsageText);
    std::string flag = "--help";
    char* arguments[] = {argv[1], flag.data(), nullptr};
    return run_verb(2, arguments);
}

int run_version(int argc, char**) {
    if (argc == 1) return print("mcp-gateway " MCPGW_VERSION "\n");
    complain("version takes no arguments");
    return kUsage;
}

}  // namespace
}  // namespace mcpgw::cli

int main(int argc, char** argv) {
    using namespace mcpgw::cli;
    try {
        if (argc >= 2) return run_verb(argc - 1, argv + 1);
        complain("what shall it do?");
        std::fwrite(kUsageText.data(), 1, kUsageText.size(), stderr);
        return kUsage;
    } catch (const std::exception& error) {
        complain(std::string_view(error.what()));
        return kFailed;
    }
}
