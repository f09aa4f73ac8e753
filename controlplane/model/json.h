// Strict JSON text (RFC 8259) into a picojson tree, with errors that name line and column.
//
// Stricter than picojson alone: the whole text is one value, numbers follow the grammar and are
// finite, strings are valid UTF-8, a key appears once in an object, and nesting is bounded. Nothing
// throws. Columns count characters, from 1.
#pragma once

#include <string_view>

#include <picojson.h>

#include "common/result.h"

namespace mcpgw::model {

// invalid_argument with a detail such as `line 2, column 9: the key "name" appears twice`.
[[nodiscard]] Result<picojson::value> parse_json(std::string_view text);

// A member of an object that is text; nullptr if there is none, or it is something else.
[[nodiscard]] const std::string* text_of(const picojson::value& object, const char* member);

}  // namespace mcpgw::model
