// A file that only its owner may read, replaced as a whole.
//
// Blocks as long as the disk does; for what is small and written seldom. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::systemd {

// By rename, so that no reader ever sees a part of it. The directory exists.
[[nodiscard]] Result<> write_private_file(const std::string& path, std::string_view text);

}  // namespace mcpgw::systemd
