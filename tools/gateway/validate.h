// `mcp-gateway validate FILE...`: settings, adapters, tools or servers, checked without a gateway.
//
// Held against the same code that `up`, the control plane and `import` use, so that what is good
// here is good there; only what needs the machine (ports, directories) is left to them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/gateway/expand_variables.h"

namespace mcpgw::cli {

// argv[0] is "validate". Returns the exit status.
[[nodiscard]] int run_validate(int argc, char** argv);

struct Verdict {
    std::string kind;                   // "configuration", "2 adapters", "1 tool", "1 server"
    std::vector<std::string> problems;  // "file:line:column: sentence"
};
// What the file is follows from its name (.toml) and its content.
[[nodiscard]] Verdict validate_text(const std::string& file, std::string_view text,
                                    const Variables& variables);

}  // namespace mcpgw::cli
