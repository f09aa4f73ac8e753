// Files that list MCP servers for clients, read as adapters.
//
// Known: `mcpServers` (Claude, Cursor and others), and VS Code's `servers`, alone or inside `mcp`
// of its settings. Comments and trailing commas are allowed, as editors do. A server with a command
// becomes a stdio adapter, one with a url a url adapter. One bad server does not spoil the others:
// each carries its own problems, with their place in the file, and notes about what was changed or
// left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/gateway/expand_variables.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

struct ServerEntry {
    std::string given_name;
    std::string name;  // of the adapter: lower case, '-' for what a name cannot have
    Position at;
    bool is_disabled = false;  // the file says so: there is no adapter
    JsonValue adapter;         // good if there are no problems
    std::vector<TextError> problems;
    std::vector<std::string> notes;
};

struct ServerFile {
    std::vector<TextError> problems;  // of the file as a whole
    std::vector<ServerEntry> servers;
};

[[nodiscard]] bool is_server_file(const JsonValue& document);
[[nodiscard]] ServerFile read_server_file(std::string_view text, const Variables& variables);

// All problems as "file:line:column: sentence".
[[nodiscard]] std::vector<std::string> problems_of(const ServerFile& file, std::string_view path);

// "My Server" -> "my-server"; may be empty or too long, which the rules for names then refuse.
[[nodiscard]] std::string adapter_name_of(std::string_view given);

}  // namespace mcpgw::cli
