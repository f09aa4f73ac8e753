// Members that the protocol knows, one after the other; all others are kept unseen.
#include "controlplane/model/tool_definition.h"

#include "common/limits.h"
#include "controlplane/model/json_slice.h"
#include "controlplane/model/rules.h"

namespace mcpgw::model {
namespace {

static_assert(limits::tool_bytes_max == 256 * 1024, "the sentence below says 256 KiB");

constexpr const char* kDefinition = "toolDefinition";
constexpr const char* kTool = "tool";

void expect_string(FieldReader& in, std::string_view key) {
    std::string text;
    static_cast<void>(in.string(key, text));
}

void read_input_schema(FieldReader& tool) {
    const picojson::value* member = tool.take("inputSchema");
    if (member == nullptr) return tool.complain("inputSchema", "is required");
    FieldReader schema(*member, tool.path_of("inputSchema"), tool.errors());
    if (!member->is<picojson::object>()) return;
    std::string type;
    if (!schema.has("type"))
        schema.complain("type", "is required, and must be \"object\"");
    else if (schema.string("type", type) && type != "object")
        schema.complain("type", "must be \"object\", because arguments are an object");
    const picojson::value* properties = schema.take("properties");
    if (properties != nullptr && !properties->is<picojson::object>())
        schema.complain("properties", "must be a JSON object");
    std::vector<std::string> required;
    static_cast<void>(schema.strings("required", required));
}

void expect_object(FieldReader& tool, std::string_view key) {
    const picojson::value* member = tool.take(key);
    if (member != nullptr && !member->is<picojson::object>())
        tool.complain(key, "must be a JSON object");
}

void read_annotations(FieldReader& tool) {
    const picojson::value* member = tool.take("annotations");
    if (member == nullptr) return;
    FieldReader annotations(*member, tool.path_of("annotations"), tool.errors());
    expect_string(annotations, "title");
    for (const char* hint :
         {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}) {
        bool value = false;
        static_cast<void>(annotations.boolean(hint, value));
    }
}

void read_tool(FieldReader& tool, std::string_view name) {
    std::string own_name;
    if (!tool.has("name"))
        tool.complain("name", "is required");
    else if (tool.string("name", own_name) && own_name != name)
        tool.complain("name", "must be the name of the whole, \"" + std::string(name) + "\"");
    expect_string(tool, "title");
    expect_string(tool, "description");
    read_input_schema(tool);
    expect_object(tool, "outputSchema");
    expect_object(tool, "_meta");
    read_annotations(tool);
    const picojson::value* icons = tool.take("icons");
    if (icons != nullptr && !icons->is<picojson::array>())
        tool.complain("icons", "must be an array");
}

}  // namespace

void read_tool_definition(FieldReader& in, std::string_view text, std::string_view name,
                          ToolDefinition& out) {
    const picojson::value* member = in.take(kDefinition);
    if (member == nullptr) return in.complain(kDefinition, "is required");
    FieldReader definition(*member, in.path_of(kDefinition), in.errors());
    if (!member->is<picojson::object>()) return;
    if (const picojson::value* tool = definition.take(kTool); tool == nullptr) {
        definition.complain(kTool, "is required");
    } else {
        FieldReader fields(*tool, definition.path_of(kTool), in.errors());
        if (tool->is<picojson::object>()) read_tool(fields, name);
        const auto inside = member_text(text, kDefinition);
        out.tool = without_spaces(member_text(inside.value_or(""), kTool).value_or("{}"));
        if (out.tool.size() > limits::tool_bytes_max)
            definition.complain(kTool, "must have at most 256 KiB");
    }
    definition.integer("port", {1, 65535}, out.port);
    if (definition.string("path", out.path))
        definition.judge("path", tool_path_complaint(out.path));
    definition.refuse_unknown();
}

void write_tool_definition(JsonWriter& out, const ToolDefinition& definition) {
    out.object();
    out.key(kTool).raw(definition.tool);
    out.key("port").number(std::uint64_t{definition.port});
    out.key("path").string(definition.path);
    out.end();
}

}  // namespace mcpgw::model
