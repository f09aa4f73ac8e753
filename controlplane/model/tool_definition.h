// What makes a tool of an adapter: `toolDefinition` of CONTRACT section 4, in and out.
//
// `tool` is the Tool of the Model Context Protocol (schema 2025-11-25 and 2026-07-28), checked
// where the protocol says what it must be and kept as it was given, members that nobody knows
// included: the order of properties tells a model something, and numbers may be beyond a double.
#pragma once

#include <string_view>

#include <picojson.h>

#include "common/json_writer.h"
#include "controlplane/model/adapter.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::model {

// The member toolDefinition of the document that `in` reads and that was written as `text`; the
// name of the tool must be `name`.
void read_tool_definition(FieldReader& in, std::string_view text, std::string_view name,
                          ToolDefinition& out);

void write_tool_definition(JsonWriter& out, const ToolDefinition& definition);

}  // namespace mcpgw::model
