// Starts the shim of an instance and says what its server's environment is.
//
// The shim gets its own session, no descriptor but the lock and the lifeline, and the launch on
// standard input; nothing secret is ever on a command line. It is a child of the control plane, who
// collects it; when the control plane dies first, the shim just lives on.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "common/result.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::deploy {

struct ShimStart {
    std::string shim_path;
    std::string directory;
    int lock_fd = -1;
    int lifeline_fd = -1;  // -1 = none
};

// A pidfd of the started shim.
[[nodiscard]] Result<Descriptor> start_shim(const ShimStart& start, const shim::Launch& launch);

// What a server inherits of ours (PATH, HOME, locale, proxies, ...), and what was configured on
// top.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> server_environment(
    const std::map<std::string, std::string>& configured);

// The file that execvp() would run for the command, with the PATH of a server that has these
// variables configured; else why there is none, in the words of the shim.
[[nodiscard]] Result<std::string> find_command(
    const std::string& command, const std::map<std::string, std::string>& configured);

}  // namespace mcpgw::deploy
