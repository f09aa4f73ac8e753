// Reads the files that people name on the command line.
//
// Whole files of bounded size, "-" being standard input; what is in them is for others to judge.
#pragma once

#include <cstddef>
#include <string>

#include "common/result.h"

namespace mcpgw::cli {

// A configuration, a list of adapters or of servers: sixteen thousand adapters fit.
inline constexpr std::size_t kTextFileBytesMax = 64 * 1024 * 1024;

// The whole file, or standard input for "-". A file that cannot be read is a failure, not wrong
// usage: the sentence names it.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

// How messages name it: the path itself, "standard input" for "-".
[[nodiscard]] std::string name_of_file(const std::string& path);

}  // namespace mcpgw::cli
