// Any bytes as a list of servers: every server either has problems, each with a place, or is an
// adapter that the control plane's rules accept and whose name is its own.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "common/check.h"
#include "tools/gateway/resource_check.h"
#include "tools/gateway/server_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    using namespace mcpgw::cli;
    static const Variables variables{{"A", "a"}, {"EMPTY", ""}, {"HOME", "/h"}};
    const ServerFile file =
        read_server_file({reinterpret_cast<const char*>(data), size}, variables);
    std::set<std::string> names;
    for (const ServerEntry& server : file.servers) {
        if (server.is_disabled) continue;
        for (const TextError& problem : server.problems)
            check(!problem.what.empty() && problem.at.line <= size + 1, "a place and a reason");
        if (!server.problems.empty()) continue;
        check(check_resource(model::Kind::adapter, server.adapter).empty(),
              "a good server is a good adapter");
        check(names.insert(server.name).second, "a name stands once");
    }
    return 0;
}
