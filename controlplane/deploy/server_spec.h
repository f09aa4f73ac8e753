// How the server of a `command` adapter is run, whoever runs it: command, environment, endpoint.
//
// Pure. Two specs with the same hash run the same; a running instance whose hash is another is
// replaced. The port comes later: "{port}" in an argument stands for it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/model/adapter.h"

namespace mcpgw::deploy {

struct ServerSpec {
    std::string hash;
    std::vector<std::string> command;  // "{port}" not yet replaced
    std::map<std::string, std::string> environment;
    std::string program;  // what the user wants to run, if that is not command[0] (stdio)
    std::string path;     // of its endpoint
    model::Resources resources;
};

// `bin_dir` is where mcp-gateway (bridge) is.
[[nodiscard]] ServerSpec spec_of(const model::Adapter& adapter, const std::string& bin_dir);

// Makes the hash depend on the resources, too: for those who enforce them.
void include_resources(ServerSpec& spec);

[[nodiscard]] std::vector<std::string> with_port(const std::vector<std::string>& command,
                                                 std::uint16_t port);

}  // namespace mcpgw::deploy
