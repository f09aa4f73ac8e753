// `validate`: which rules a file is held against, and complaints that lead to their place.
#include "tools/gateway/validate.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tools/gateway/resource_check.h"

namespace mcpgw::cli {
namespace {

using Problems = std::vector<std::string>;

Verdict validate(const std::string& file, std::string_view text) {
    return validate_text(file, text, {});
}

TEST(Validate, the_kind_of_a_file_follows_from_name_and_content) {
    const struct {
        const char* file;
        const char* text;
        const char* kind;
    } cases[] = {
        {"a.toml", "workers = 2", "configuration"},
        {"a.conf", "workers = 2", "configuration"},
        {"a.conf", "", "configuration"},
        {"a.json", R"({"name": "x", "command": ["y"]})", "1 adapter"},
        {"standard input",
         R"( [ {"name": "x", "url": "http://127.0.0.1:1/mcp"}, )"
         R"({"name": "y", "command": ["z"]} ])",
         "2 adapters"},
        {"a.json", "[]", "0 adapters"},
        {"mcp", "// c\n{\"servers\": {\"x\": {\"command\": \"y\"}}}", "1 server"},
    };
    for (const auto& good : cases) {
        const Verdict verdict = validate(good.file, good.text);
        EXPECT_EQ(verdict.problems, Problems{}) << good.text;
        EXPECT_EQ(verdict.kind, good.kind);
    }
}

TEST(Validate, adapters_are_held_against_the_rules_of_the_control_plane) {
    const Verdict verdict = validate("a.json",
                                     "[\n"
                                     "  {\"name\": \"x\", \"command\": [\"y\"],\n"
                                     "   \"timeouts\": {\"connectMs\": -1}},\n"
                                     "  {\"name\": \"Bad\", \"command\": [\"y\", 3],\n"
                                     "   \"colour\": \"red\"}\n"
                                     "]");
    ASSERT_EQ(verdict.problems.size(), 4U);
    EXPECT_TRUE(verdict.problems[0].starts_with("a.json:3:17: timeouts.connectMs "))
        << verdict.problems[0];
    EXPECT_TRUE(verdict.problems[1].starts_with("a.json:5:4: colour ")) << verdict.problems[1];
    EXPECT_TRUE(verdict.problems[2].starts_with("a.json:4:36: command[1] ")) << verdict.problems[2];
    EXPECT_TRUE(verdict.problems[3].starts_with("a.json:4:4: name ")) << verdict.problems[3];
}

TEST(Validate, a_name_stands_once) {
    const Verdict verdict = validate("a.json",
                                     "[{\"name\": \"x\", \"command\": [\"y\"]},\n"
                                     " {\"name\": \"x\", \"command\": [\"y\"]}]");
    EXPECT_EQ(verdict.problems,
              Problems{"a.json:2:3: name \"x\" is already that of the adapter in line 1"});
}

TEST(Validate, what_has_a_definition_of_a_tool_is_one) {
    const std::string tool = R"({"name": "t", "command": ["y"], "toolDefinition": {"tool":
        {"name": "t", "inputSchema": {"type": "object"}}}})";
    const std::string adapter = R"({"name": "a", "command": ["y"]})";
    EXPECT_EQ(validate("a.json", tool).kind, "1 tool");
    const Verdict both = validate("a.json", "[" + tool + "," + adapter + "]");
    EXPECT_EQ(both.kind, "1 adapter and 1 tool");
    EXPECT_EQ(both.problems, Problems{});
    EXPECT_EQ(validate("a.json", "{\"name\": \"t\", \"command\": [\"y\"],\n\"toolDefinition\": {}}")
                  .problems,
              Problems{"a.json:2:1: toolDefinition.tool is required"});
    std::string twin = adapter;
    twin.replace(twin.find("\"a\""), 3, "\"t\"");
    EXPECT_EQ(validate("a.json", "[" + tool + ",\n" + twin + "]").problems,
              Problems{"a.json:3:2: name \"t\" is already that of the tool in line 1"});
}

TEST(Validate, broken_files_are_told_with_their_place) {
    EXPECT_EQ(validate("a.json", "{\n \"name\" 1}").problems,
              Problems{"a.json:2:9: expected ':', not '1'"});
    EXPECT_EQ(validate("a.json", "{\"name\": \"x\", // c\n}").problems.size(), 1U);
    EXPECT_EQ(validate("a.toml", "workers = 2\nnope = 1\n").problems,
              Problems{"a.toml:2: unknown key 'nope'"});
    EXPECT_EQ(validate("a.json", "3").problems.size(), 1U);
    EXPECT_EQ(validate("a.json", "{\"mcpServers\": {\"x\": {}}}").problems,
              Problems{"a.json:1:17: server 'x': needs a command or a url"});
}

TEST(AdapterCheck, fields_are_found_in_the_document) {
    const auto document = parse_json_tree(
        "{\"a\": {\"b.c\": 1,\n \"b\": {\"c\": 2}},\n \"list\": [1,\n {\"x\": 2}]}");
    ASSERT_TRUE(document.has_value());
    EXPECT_EQ(locate(*document, "a.b.c"), (Position{1, 8}));
    EXPECT_EQ(locate(*document, "a.b"), (Position{2, 2}));
    EXPECT_EQ(locate(*document, "list[1].x"), (Position{4, 3}));
    EXPECT_EQ(locate(*document, "list[9]"), (Position{3, 2}));
    EXPECT_EQ(locate(*document, "none.such"), (Position{1, 1}));
    for (const char* odd : {"", "[", "[x]", "..", "list[", "list[1", "a."})
        EXPECT_LE(locate(*document, odd).line, 3U) << odd;
}

TEST(AdapterCheck, sameness_is_about_meaning) {
    const auto tree = [](const char* text) { return *parse_json_tree(text); };
    const JsonValue given = tree(R"({"name": "x", "command": ["y"]})");
    EXPECT_TRUE(
        describe_the_same(model::Kind::adapter, given,
                          tree(R"({"version": "3", "id": "x", "createdBy": "me", "replicaCount": 1,
                        "command": ["y"], "name": "x", "path": "/mcp"})")));
    EXPECT_FALSE(
        describe_the_same(model::Kind::adapter, given, tree(R"({"name": "x", "command": ["z"]})")));
    EXPECT_FALSE(describe_the_same(model::Kind::adapter, tree("{}"), tree("{}")));
}

}  // namespace
}  // namespace mcpgw::cli
