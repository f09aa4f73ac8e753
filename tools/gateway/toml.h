// Reads the part of TOML 1.0 that a flat configuration file needs, and refuses the rest by name.
//
// A file is a list of `key = value` lines: bare keys; basic and literal strings, integers, booleans
// and (multi-line) arrays of these; comments. Tables, dotted keys, floats, dates, inline tables and
// multi-line strings are mistakes here, reported with their line, because the command has no use
// for them. CLI11's own reader is not used: it neither checks the syntax nor knows lines.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/gateway/text_position.h"

namespace mcpgw::cli {

struct TomlEntry {
    std::string key;
    Position at;
    bool is_array = false;
    std::vector<std::string> values;  // integers without underscores, booleans as true or false
};

// Entries in the order of the file; a key appears once.
[[nodiscard]] std::expected<std::vector<TomlEntry>, TextError> parse_toml(std::string_view text);

}  // namespace mcpgw::cli
