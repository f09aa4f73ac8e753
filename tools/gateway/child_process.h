// Starts the processes that `up` supervises.
//
// A child gets exactly the descriptors named here (as 3, 4, ...), /dev/null as standard input, and
// standard error also as standard output, because the standard output of `up` belongs to its ready
// line. It is in a process group of its own, so that Ctrl-C reaches `up` alone, and it gets
// `death_signal` when `up` dies. Reaping is the supervisor's.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "common/result.h"

namespace mcpgw::cli {

struct ChildSpec {
    std::string path;
    std::vector<std::string> arguments;    // without argv[0]
    std::vector<std::string> environment;  // "NAME=value", all of it
    std::vector<int> fds;
    bool takes_listeners = false;  // say LISTEN_PID, which only the child knows
    int death_signal = 0;
};

// To be called by the main thread only: the death signal comes when the calling thread ends.
// not_found or permission_denied if the executable cannot be started.
[[nodiscard]] Result<pid_t> start_child(const ChildSpec& spec);

}  // namespace mcpgw::cli
