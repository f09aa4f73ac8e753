// Pieces of JSON text as they were written: what a tree of doubles and sorted keys would change.
//
// Pure. Both take text that parse_json (json.h) has accepted, and rely on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mcpgw::model {

// The text of a member's value; nothing if the text is no object or has no such member.
[[nodiscard]] std::optional<std::string_view> member_text(std::string_view object,
                                                          std::string_view key);

// The same without the white space between its tokens.
[[nodiscard]] std::string without_spaces(std::string_view json);

}  // namespace mcpgw::model
