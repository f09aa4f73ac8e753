// The variables of a server as a file for EnvironmentFile=.
//
// Pure. A file of mode 0600 and not Environment=, because everybody on the machine may read the
// properties of units, and variables hold credentials. What systemd would drop silently is refused
// here: names beyond letters, digits and '_', and values that are not UTF-8 text.
#pragma once

#include <map>
#include <string>

#include "common/result.h"

namespace mcpgw::systemd {

[[nodiscard]] Result<std::string> environment_file(
    const std::map<std::string, std::string>& variables);

}  // namespace mcpgw::systemd
