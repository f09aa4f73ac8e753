// ${NAME}, ${env:NAME} and ${NAME:-default} in the values of a server file.
//
// ${userHome} and ${/}, which VS Code knows, work as well. What only an editor can fill in
// (${input:...}, ${workspaceFolder}) is a mistake with a sentence about what to do. A '$' without a
// brace stays as it is. As in the shell, a default also counts for a variable that is empty.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace mcpgw::cli {

using Variables = std::map<std::string, std::string, std::less<>>;

// The environment of this process.
[[nodiscard]] Variables process_variables();

// The text with everything filled in, or what is wrong.
[[nodiscard]] std::expected<std::string, std::string> expand_variables(std::string_view text,
                                                                       const Variables& variables);

}  // namespace mcpgw::cli
