// Reads the log files that shims write (shim/server_log.h), for people: without the stamps.
//
// Any thread. Works on the files alone, so it also tells about servers that are not running.
#pragma once

#include <functional>
#include <string>

#include "common/result.h"
#include "controlplane/deploy/deployer.h"

namespace mcpgw::deploy {

// The directory of an instance, of its newest generation; empty once there is none.
using LogPlace = std::function<std::string()>;

// Calls the sink in pieces of whole lines as far as the server wrote whole lines. With `follow`,
// goes on through rotations, restarts and generations until the sink returns false or there is no
// directory any more.
void read_log(const LogPlace& place, const LogQuery& query, const LogSink& sink);

}  // namespace mcpgw::deploy
