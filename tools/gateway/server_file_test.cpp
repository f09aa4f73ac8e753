// Lists of servers as adapters: what is taken over, filled in, noted and refused.
#include "tools/gateway/server_file.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::cli {
namespace {

const Variables kVariables{{"TOKEN", "t0k"}, {"EMPTY", ""}, {"HOME", "/home/me"}};

ServerFile read(std::string_view text) {
    return read_server_file(text, kVariables);
}

// The problems of a file with one server `x` that has these members.
std::vector<std::string> problems_with(const std::string& members) {
    return problems_of(read("{\"mcpServers\": {\"x\": {" + members + "}}}"), "f");
}

TEST(ServerFile, commands_become_stdio_adapters) {
    const ServerFile file = read(R"({"mcpServers": {"Every Thing": {
        "command": "npx", "args": ["-y", "server-everything", "${TOKEN}"],
        "env": {"KEY": "${env:TOKEN}", "N": 3, "GONE": null}, "timeout": 5}}})");
    ASSERT_EQ(file.servers.size(), 1U);
    ASSERT_TRUE(problems_of(file, "f").empty()) << problems_of(file, "f")[0];
    EXPECT_EQ(to_json(file.servers[0].adapter),
              R"({"name":"every-thing","command":["npx","-y","server-everything","t0k"],)"
              R"("transport":"stdio","environmentVariables":{"KEY":"t0k","N":"3"}})");
    EXPECT_EQ(file.servers[0].notes,
              (std::vector<std::string>{"ignored: timeout", "named every-thing"}));
}

TEST(ServerFile, urls_become_url_adapters) {
    const ServerFile file = read(R"({"mcpServers": {
        "a": {"url": "http://127.0.0.1:3000/mcp", "headers": {"Authorization2": "Bearer ${TOKEN}"}},
        "b": {"type": "sse", "url": "http://127.0.0.1:3000/events"},
        "c": {"url": "http://127.0.0.1:3000/sse"},
        "d": {"type": "http", "url": "http://127.0.0.1:3000/sse"}}})");
    ASSERT_TRUE(problems_of(file, "f").empty()) << problems_of(file, "f")[0];
    EXPECT_EQ(to_json(file.servers[0].adapter),
              R"({"name":"a","url":"http://127.0.0.1:3000/mcp","transport":"streamable-http",)"
              R"("requestHeaders":{"Authorization2":"Bearer t0k"}})");
    const char* const transports[] = {"streamable-http", "sse", "sse", "streamable-http"};
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ(file.servers[i].adapter.string_or("transport", ""), transports[i]) << i;
}

TEST(ServerFile, the_format_of_vs_code_has_comments_and_inputs) {
    const std::string text = R"(// my servers
{
  "inputs": [{"id": "key", "type": "promptString", "password": true}],
  "servers": {
    "good": {"type": "stdio", "command": "x", "cwd": "${userHome}/d",},
    "asks": {
      "command": "y",
      "env": {"KEY": "${input:key}"}
    },
  },
})";
    for (const std::string& form : {text, "{\"mcp\": " + text.substr(text.find('{')) + "}"}) {
        const ServerFile file = read(form);
        ASSERT_EQ(file.servers.size(), 2U);
        EXPECT_EQ(to_json(file.servers[0].adapter),
                  R"({"name":"good","command":["env","-C","/home/me/d","x"],"transport":"stdio"})");
        EXPECT_TRUE(file.servers[0].problems.empty());
        ASSERT_EQ(file.servers[1].problems.size(), 1U);
        EXPECT_TRUE(file.servers[1].problems[0].what.contains(
            "server 'asks': env.KEY: ${input:key} is asked for by an editor"))
            << file.servers[1].problems[0].what;
    }
    EXPECT_EQ(read(text).servers[1].problems[0].at, (Position{8, 22}));
}

TEST(ServerFile, one_bad_server_does_not_spoil_the_others) {
    const ServerFile file = read(
        "{\"mcpServers\": {\n \"bad\": {\"command\": \"${NOT_THERE}\"},\n"
        " \"good\": {\"command\": \"x\"}}}");
    EXPECT_EQ(problems_of(file, "f"),
              std::vector<std::string>{"f:2:21: server 'bad': command: the environment variable "
                                       "NOT_THERE is not set"});
    EXPECT_TRUE(file.servers[1].problems.empty());
}

TEST(ServerFile, disabled_servers_are_left_out) {
    const ServerFile file =
        read(R"({"mcpServers": {"x": {"command": "${NOT_THERE}", "disabled": true}}})");
    EXPECT_TRUE(file.servers[0].is_disabled);
    EXPECT_TRUE(problems_of(file, "f").empty());
}

TEST(ServerFile, names_are_made_valid) {
    EXPECT_EQ(adapter_name_of("My_Server.v2"), "my-server-v2");
    EXPECT_EQ(adapter_name_of("--a  b--"), "a-b");
    EXPECT_EQ(adapter_name_of("é"), "");
}

TEST(ServerFile, reserved_taken_and_impossible_names_are_reported) {
    const ServerFile file = read(R"({"mcpServers": {
        "MCP": {"command": "x"}, "a b": {"command": "x"}, "a-b": {"command": "x"},
        "+++": {"command": "x"}, ")" +
                                 std::string(51, 'n') + R"(": {"command": "x"}}})");
    const std::vector<std::string> problems = problems_of(file, "f");
    ASSERT_EQ(problems.size(), 4U);
    EXPECT_TRUE(problems[0].contains("server 'MCP': the name 'mcp' ")) << problems[0];
    EXPECT_TRUE(problems[1].contains("'a-b' is taken by the server 'a b'")) << problems[1];
    EXPECT_TRUE(problems[2].contains("server '+++': its name has nothing")) << problems[2];
    EXPECT_TRUE(problems[3].contains("the name 'nnnn")) << problems[3];
}

TEST(ServerFile, servers_that_make_no_sense_are_refused) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "needs a command or a url"},
        {R"("command": "x", "url": "http://h/")", "both a command and a url"},
        {R"("command": "x", "type": "http")", "type http does not go with a command"},
        {R"("url": "http://h/", "type": "stdio")", "type stdio does not go with a url"},
        {R"("command": "x", "type": "websocket")", "type must be stdio, http or sse"},
        {R"("command": "x", "type": 1)", "type must be stdio, http or sse"},
        {R"("command": ["x"])", "command must be a string"},
        {R"("command": "")", "command"},
        {R"("command": "x", "args": "y")", "args must be an array of strings"},
        {R"("command": "x", "args": [1])", "args must be a string"},
        {R"("command": "x", "env": [])", "env must be an object of strings"},
        {R"("command": "x", "env": {"A": true})", "env.A must be a string"},
        {R"("command": "x", "env": {"A=B": "c"})", "environmentVariables"},
        {R"("command": "x", "envFile": "/x")", "envFile is not read"},
        {R"("command": "${workspaceFolder}/x")", "known to an editor only"},
        {R"("url": "ftp://h/")", "url"},
        {R"("url": "http://h/", "headers": {"Bad Name": "x"})", "requestHeaders"},
    };
    for (const auto& [members, part] : cases) {
        const std::vector<std::string> problems = problems_with(members);
        ASSERT_EQ(problems.size(), 1U) << members;
        EXPECT_TRUE(problems[0].contains(part)) << members << ": " << problems[0];
        EXPECT_TRUE(problems[0].starts_with("f:1:")) << problems[0];
    }
    EXPECT_EQ(problems_with("\"command\": \"${A}\", \"env\": {\"B\": \"${B}\"}").size(), 1U);
    EXPECT_EQ(
        problems_with("\"command\": \"x\", \"env\": {\"A\": \"${A}\", \"B\": \"${B}\"}").size(),
        2U);
}

TEST(ServerFile, files_that_are_no_list_are_refused) {
    for (const char* text : {"", "[]", "{}", "{\"mcpServers\": []}", "{\"servers\": 1}", "nonsense",
                             "{\"mcpServers\": {\"x\": }}"})
        EXPECT_EQ(read(text).problems.size(), 1U) << text;
    EXPECT_EQ(problems_of(read("{\"mcpServers\": {\"x\": 3}}"), "f"),
              std::vector<std::string>{"f:1:22: server 'x': must be an object"});
}

TEST(ExpandVariables, all_forms_are_filled_in) {
    const std::pair<const char*, const char*> cases[] = {
        {"", ""},
        {"plain $HOME {x} $", "plain $HOME {x} $"},
        {"a${TOKEN}b${env:TOKEN}c", "at0kbt0kc"},
        {"${TOKEN:-x}", "t0k"},
        {"${NONE:-x y}", "x y"},
        {"${NONE:-}", ""},
        {"${env:NONE:-d}", "d"},
        {"${EMPTY}", ""},
        {"${EMPTY:-d}", "d"},
        {"${NONE:-${TOKEN}/z}", "t0k/z"},
        {"${userHome}${/}x", "/home/me/x"},
    };
    for (const auto& [text, expected] : cases) {
        const auto expanded = expand_variables(text, kVariables);
        ASSERT_TRUE(expanded.has_value()) << text << ": " << expanded.error();
        EXPECT_EQ(*expanded, expected) << text;
    }
}

TEST(ExpandVariables, what_cannot_be_filled_in_is_named) {
    const std::pair<const char*, const char*> cases[] = {
        {"${NONE}", "NONE is not set"},     {"${env:NONE}", "NONE is not set"},
        {"${}", "${} names no variable"},   {"${a b}", "names no variable"},
        {"${1}", "names no variable"},      {"${config:x}", "names no variable"},
        {"x${TOKEN", "without its '}'"},    {"${input:id}", "editor"},
        {"${workspaceFolder}/x", "editor"}, {"${NONE:-${ALSO}}", "ALSO is not set"},
    };
    for (const auto& [text, part] : cases) {
        const auto expanded = expand_variables(text, kVariables);
        ASSERT_FALSE(expanded.has_value()) << text;
        EXPECT_TRUE(expanded.error().contains(part)) << expanded.error();
    }
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "${NONE:-";
    EXPECT_FALSE(expand_variables(deep + std::string(100, '}'), kVariables).has_value());
}

}  // namespace
}  // namespace mcpgw::cli
