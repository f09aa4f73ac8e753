// The `--config` file: flat TOML, one `key = value` per line.
//
// Keys are the names of the flags; values are strings, integers, booleans, or arrays of strings on
// one line. Tables and the other kinds of TOML values have no use here and are refused. The library
// that reads the flags could read the file too, but it neither checks the syntax nor knows lines,
// and it ranks the file above the environment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw {

struct ConfigEntry {
    std::string key;
    std::size_t line = 0;             // from 1
    std::vector<std::string> values;  // one, unless it is an array
};

// Entries in the order of the file; a key stands there once. Errors are "line N: ...".
[[nodiscard]] Result<std::vector<ConfigEntry>> parse_config(std::string_view text);

// The whole file; at most limits::config_bytes_max.
[[nodiscard]] Result<std::string> read_config_file(const std::string& path);

}  // namespace mcpgw
