// Commands of adapters, and what identifies them.
#include "controlplane/deploy/server_spec.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::deploy {
namespace {

std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
    // The length first: ["ab", "c"] is not ["a", "bc"].
    return fnv1a(text, fnv1a(std::to_string(text.size()) + ":", seed));
}

// The gateway ends its sessions first, and tells the bridge. This is for those it has lost sight
// of.
std::uint32_t bridge_idle_seconds(const model::Adapter& adapter) {
    const std::uint32_t seconds = adapter.timeouts.session_idle_seconds;
    return seconds == 0 ? 0
                        : std::min(seconds + limits::bridge_idle_slack_seconds,
                                   limits::session_idle_seconds_max);
}

}  // namespace

ServerSpec spec_of(const model::Adapter& adapter, const std::string& bin_dir) {
    check(!adapter.command.empty(), "the adapter has a command");
    ServerSpec spec;
    std::uint64_t hash = hash_text(fnv1a(""), std::to_string(adapter.command.size()));
    for (const std::string& argument : adapter.command)
        hash = hash_text(hash, argument);
    for (const auto& [name, value] : adapter.environment_variables)
        hash = hash_text(hash_text(hash, name), value);
    hash = hash_text(hash, std::to_string(static_cast<int>(adapter.transport)));
    hash = hash_text(hash, adapter.path);
    spec.hash = to_hex(hash);
    spec.environment = adapter.environment_variables;
    spec.command = adapter.command;
    spec.path = adapter.path;
    spec.resources = adapter.resources;
    if (adapter.transport == model::Transport::stdio) {
        spec.program = adapter.command.front();
        spec.path = "/mcp";
        const std::string idle = std::to_string(bridge_idle_seconds(adapter));
        spec.hash = to_hex(hash_text(hash, idle));
        spec.command = {bin_dir + "/mcp-gateway", "bridge", "--listen", "127.0.0.1:{port}",
                        "--session-idle-seconds", idle,     "--"};
        spec.command.insert(spec.command.end(), adapter.command.begin(), adapter.command.end());
    }
    return spec;
}

void include_resources(ServerSpec& spec) {
    std::uint64_t hash = fnv1a(spec.hash);
    for (const model::Amounts* amounts : {&spec.resources.requests, &spec.resources.limits})
        hash = hash_text(hash_text(hash, amounts->cpu), amounts->memory);
    spec.hash = to_hex(hash);
}

std::vector<std::string> with_port(const std::vector<std::string>& command, std::uint16_t port) {
    constexpr std::string_view placeholder = "{port}";
    const std::string number = std::to_string(port);
    std::vector<std::string> result = command;
    for (std::string& argument : result)
        for (std::size_t at = 0; (at = argument.find(placeholder, at)) != std::string::npos;
             at += number.size())
            argument.replace(at, placeholder.size(), number);
    return result;
}

}  // namespace mcpgw::deploy
