// Where something stands in a file that a person wrote, and what is wrong there.
//
// The readers of this folder (JSON, TOML, server files) report every mistake with line and column,
// so that the sentence shown to the user leads to the spot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mcpgw::cli {

// Both from 1; columns count characters, not bytes.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    bool operator==(const Position&) const = default;
};

struct TextError {
    Position at;
    std::string what;
};

// "file:line:column: what"
[[nodiscard]] inline std::string describe(std::string_view file, const TextError& error) {
    std::string text(file);
    text += ':';
    text += std::to_string(error.at.line);
    text += ':';
    text += std::to_string(error.at.column);
    text += ": ";
    text += error.what;
    return text;
}

// "file:line: what", for formats in which a line holds one thing.
[[nodiscard]] inline std::string describe_line(std::string_view file, const TextError& error) {
    std::string text(file);
    text += ':';
    text += std::to_string(error.at.line);
    text += ": ";
    text += error.what;
    return text;
}

}  // namespace mcpgw::cli
