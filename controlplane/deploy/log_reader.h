// Reads the log files that shims write (shim/server_log.h), for people: without the stamps.
//
// Any thread. Works on the files alone, so it also tells about servers that are not running.
#pragma once

#include <string>

#include "common/result.h"
#include "controlplane/deploy/deployer.h"

namespace mcpgw::deploy {

// `directory` is that of the instance. Calls the sink in pieces of whole lines as far as the server
// wrote whole lines. With `follow`, goes on through rotations and restarts until the sink returns
// false or the directory is gone.
void read_log(const std::string& directory, const LogQuery& query, const LogSink& sink);

}  // namespace mcpgw::deploy
