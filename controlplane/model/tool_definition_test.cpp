// What makes a tool: what is good, what is refused, and what is kept.
#include "controlplane/model/tool_definition.h"

#include <gtest/gtest.h>

#include "controlplane/model/adapter_json.h"
#include "controlplane/model/field_errors_for_test.h"
#include "controlplane/model/json.h"

namespace mcpgw::model {
namespace {

AdapterReading read_tool(const std::string& text) {
    const auto tree = parse_json(text);
    EXPECT_TRUE(tree) << text << ": " << (tree ? "" : tree.error().detail);
    return read_resource(Kind::tool, tree ? *tree : picojson::value(), text);
}

constexpr const char* kSchema = R"("inputSchema":{"type":"object"})";

std::string with_definition(const std::string& definition, const std::string& more = "") {
    return R"({"name":"x","command":["s"],"toolDefinition":)" + definition + more + "}";
}
std::string with_tool(const std::string& members) {
    return with_definition(R"({"tool":{"name":"x",)" + members + "}}");
}
std::string with_call(const std::string& members, const std::string& more = "") {
    return with_definition(std::string(R"({"tool":{"name":"x",)") + kSchema + "}," + members + "}",
                           more);
}

std::string written(const Adapter& adapter) {
    JsonWriter out;
    write_adapter(out, adapter, Audience::writer);
    return out.take();
}

TEST(ToolDefinition, the_smallest_tool_gets_the_defaults) {
    const auto reading = read_tool(with_tool(kSchema));
    ASSERT_EQ(fields_of(reading.errors), "");
    ASSERT_TRUE(reading.adapter.tool_definition);
    EXPECT_EQ(reading.adapter.kind(), Kind::tool);
    EXPECT_EQ(reading.adapter.tool_definition->port, 8000);
    EXPECT_EQ(reading.adapter.tool_definition->path, "/score");
    EXPECT_EQ(reading.adapter.port, 8000);
    EXPECT_EQ(reading.adapter.path, "/score");
    EXPECT_EQ(reading.adapter.tool_definition->tool,
              R"({"name":"x","inputSchema":{"type":"object"}})");
}

TEST(ToolDefinition, a_tool_is_kept_as_it_was_given) {
    const std::string given = R"({ "title" : "T\u00e9", "zeta":12345678901234567890, "name":"x",
        "inputSchema" : {"type":"object","properties":{"b":{"minimum":0.10},"a":{}},
        "required":["b"]}, "_meta":{"k":-0.0}, "icons":[{"src":"s"}], "unknown":[ ] })";
    const auto reading = read_tool(with_definition(R"({"tool":)" + given + "}"));
    ASSERT_EQ(fields_of(reading.errors), "");
    const std::string kept =
        R"({"title":"T\u00e9","zeta":12345678901234567890,"name":"x",)"
        R"("inputSchema":{"type":"object","properties":{"b":{"minimum":0.10},"a":{}},)"
        R"("required":["b"]},"_meta":{"k":-0.0},"icons":[{"src":"s"}],"unknown":[]})";
    EXPECT_EQ(reading.adapter.tool_definition->tool, kept);
    const std::string out = written(reading.adapter);
    EXPECT_NE(out.find(R"("toolDefinition":{"tool":)" + kept + R"(,"port":8000,"path":"/score"})"),
              std::string::npos)
        << out;
    const auto again = read_tool(out);
    EXPECT_EQ(fields_of(again.errors), "");
    EXPECT_EQ(again.adapter, reading.adapter);
}

TEST(ToolDefinition, good_values_are_taken) {
    for (const std::string& body :
         {with_call(R"("port":1)"), with_call(R"("port":65535)"), with_call(R"("path":"/")"),
          with_call(R"("path":"/a/b_c.d-e/F9/")"),
          with_call(R"("path":"/a","port":9000)", R"(,"port":9000,"path":"/a")"),
          with_call(R"("path":"/a")", R"(,"transport":"streamable-http","replicaCount":3)"),
          with_tool(std::string(R"("description":"d","annotations":{"readOnlyHint":true,"x":1},)") +
                    kSchema),
          with_tool(R"("outputSchema":{"type":"array"},"inputSchema":{"type":"object",)"
                    R"("$schema":"s","additionalProperties":false})")})
        EXPECT_EQ(fields_of(read_tool(body).errors), "") << body;
}

TEST(ToolDefinition, what_is_wrong_is_named) {
    const std::string prefix = "toolDefinition.tool.";
    const std::pair<std::string, std::string> cases[] = {
        {R"({"name":"x","command":["s"]})", "toolDefinition"},
        {with_definition("[]"), "toolDefinition"},
        {with_definition("null"), "toolDefinition"},
        {with_definition("{}"), "toolDefinition.tool"},
        {with_definition(R"({"tool":"x"})"), "toolDefinition.tool"},
        {with_definition(R"({"tool":{}})"), prefix + "inputSchema " + prefix + "name"},
        {with_definition(std::string(R"({"tool":{"name":"y",)") + kSchema + "}}"), prefix + "name"},
        {with_definition(std::string(R"({"tool":{"name":7,)") + kSchema + "}}"), prefix + "name"},
        {with_tool(R"("title":"t")"), prefix + "inputSchema"},
        {with_tool(R"("inputSchema":"object")"), prefix + "inputSchema"},
        {with_tool(R"("inputSchema":{})"), prefix + "inputSchema.type"},
        {with_tool(R"("inputSchema":{"type":"array"})"), prefix + "inputSchema.type"},
        {with_tool(R"("inputSchema":{"type":["object"]})"), prefix + "inputSchema.type"},
        {with_tool(R"("inputSchema":{"type":"object","properties":[]})"),
         prefix + "inputSchema.properties"},
        {with_tool(R"("inputSchema":{"type":"object","required":[1]})"),
         prefix + "inputSchema.required[0]"},
        {with_tool(std::string(R"("title":1,"description":[],)") + kSchema),
         prefix + "description " + prefix + "title"},
        {with_tool(std::string(R"("outputSchema":"x","_meta":1,"icons":{},)") + kSchema),
         prefix + "_meta " + prefix + "icons " + prefix + "outputSchema"},
        {with_tool(std::string(R"("annotations":{"readOnlyHint":"yes"},)") + kSchema),
         prefix + "annotations.readOnlyHint"},
        {with_tool(std::string(R"("annotations":[],)") + kSchema), prefix + "annotations"},
        {with_call(R"("method":"GET")"), "toolDefinition.method"},
        {with_call("\"port\":8000", R"(,"transport":"sse")"), "transport"},
        {with_call("\"port\":8000", R"(,"transport":"stdio")"), "transport"},
        {with_call("\"port\":8000", R"(,"port":8001)"), "port"},
        {with_call("\"path\":\"/a\"", R"(,"path":"/b")"), "path"},
        {with_call("\"port\":8000", R"(,"replicas":2)"), "replicas"},
    };
    for (const auto& [body, fields] : cases)
        EXPECT_EQ(fields_of(read_tool(body).errors), fields) << body;
}

TEST(ToolDefinition, ports_and_paths_of_other_places_are_refused) {
    for (const char* port : {"0", "-1", "65536", "2147483647", "8000.5", "\"8000\"", "null"})
        EXPECT_EQ(fields_of(read_tool(with_call("\"port\":" + std::string(port))).errors),
                  "toolDefinition.port")
            << port;
    for (const char* path : {"", "score", "/@169.254.169.254/metadata", "/path with space",
                             "/path?query=1", "/path#fragment", "/path:8080/x", "/a/../b", "/%2e"})
        EXPECT_EQ(fields_of(read_tool(with_call(R"("path":")" + std::string(path) + "\"")).errors),
                  "toolDefinition.path")
            << path;
}

// Otherwise the row could be written, and never be read again.
TEST(ToolDefinition, a_url_has_a_path_that_a_tool_may_have) {
    const auto with_url = [](const std::string& url) {
        return R"({"name":"x","url":")" + url + R"(","toolDefinition":{"tool":{"name":"x",)" +
               kSchema + "}}}";
    };
    for (const char* url : {"http://h", "http://h/a/b_c.d-e", "https://h:8443/"})
        EXPECT_EQ(fields_of(read_tool(with_url(url)).errors), "") << url;
    for (const char* url : {"http://h/a%20b", "http://h/a:b", "http://h/@x"})
        EXPECT_EQ(fields_of(read_tool(with_url(url)).errors), "url") << url;
}

TEST(ToolDefinition, a_tool_is_bounded) {
    const auto sized = [](std::size_t size) {
        return with_tool(R"("description":")" + std::string(size, 'd') + "\"," + kSchema);
    };
    EXPECT_EQ(fields_of(read_tool(sized(256 * 1024 - 100)).errors), "");
    EXPECT_EQ(fields_of(read_tool(sized(256 * 1024)).errors), "toolDefinition.tool");
}

TEST(ToolDefinition, a_url_wins_over_port_and_path) {
    const auto with_url = [](const std::string& url) {
        return read_tool(R"({"name":"x","url":")" + url +
                         R"(","toolDefinition":{"tool":{"name":"x",)" + kSchema +
                         R"(},"port":9000,"path":"/mine"}})");
    };
    const auto whole = with_url("http://h:7/theirs");
    ASSERT_EQ(fields_of(whole.errors), "");
    EXPECT_EQ(whole.adapter.port, 7);
    EXPECT_EQ(whole.adapter.path, "/theirs");
    EXPECT_EQ(whole.adapter.tool_definition->port, 7);
    EXPECT_EQ(whole.adapter.tool_definition->path, "/theirs");
    EXPECT_EQ(with_url("http://h:7").adapter.path, "/mine");
    EXPECT_EQ(endpoint_of_url(with_url("http://h:7").adapter).path, "/mine");
    EXPECT_EQ(read_tool(written(whole.adapter)).adapter, whole.adapter);
}

TEST(ToolDefinition, an_adapter_has_none) {
    const auto tree = parse_json(with_tool(kSchema));
    ASSERT_TRUE(tree);
    const auto reading = read_adapter(*tree);
    EXPECT_EQ(fields_of(reading.errors), "toolDefinition");
    EXPECT_NE(reading.errors.at("toolDefinition").front().find("/tools"), std::string::npos);
}

}  // namespace
}  // namespace mcpgw::model
