// Routing headers against bodies: what agrees, and what is a contradiction.
#include "common/protocol/routing_headers.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::mcp {
namespace {

std::string call(std::string_view name, std::string_view version = "2026-07-28") {
    return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" +
           std::string(name) + R"(","_meta":{"io.modelcontextprotocol/protocolVersion":")" +
           std::string(version) + R"("}}})";
}

bool agree(const RoutingHeaders& headers, std::string_view body) {
    jsonrpc::Peek peek;
    peek.feed(as_bytes(body));
    return agrees(headers, peek);
}

TEST(RoutingHeaders, that_repeat_the_body_agree) {
    EXPECT_TRUE(agree({"2026-07-28", "tools/call", "a"}, call("a")));
    EXPECT_TRUE(agree({"2026-07-28", "resources/read", "file:///x"},
                      R"({"id":1,"method":"resources/read","params":{"uri":"file:///x"}})"));
    EXPECT_TRUE(agree({"2026-07-28", "tasks/get", "t"},
                      R"({"id":1,"method":"tasks/get","params":{"taskId":"t","name":"x"}})"));
}

TEST(RoutingHeaders, that_contradict_the_body_do_not) {
    EXPECT_FALSE(agree({"2026-07-29", "tools/call", "a"}, call("a")));
    EXPECT_FALSE(agree({"2026-07-28", "tools/list", "a"}, call("a")));
    EXPECT_FALSE(agree({"2026-07-28", "Tools/call", "a"}, call("a")));
    EXPECT_FALSE(agree({"2026-07-28", "tools/call", "b"}, call("a")));
    EXPECT_FALSE(agree({"2026-07-28", "tools/call", "A"}, call("a")));
    EXPECT_FALSE(agree({"2025-11-25", "tools/call", "a"}, call("a")));
}

TEST(RoutingHeaders, what_is_missing_contradicts_nothing) {
    EXPECT_TRUE(agree({}, call("a")));
    EXPECT_TRUE(agree({"2026-07-28", "", ""}, call("a")));
    EXPECT_TRUE(agree({"2026-07-28", "tools/call", "a"}, R"({"id":1,"method":"tools/call"})"));
    EXPECT_TRUE(agree({"2026-07-28", "tools/call", "a"}, R"({"id":1)"));
    EXPECT_TRUE(agree({"2026-07-28", "tools/call", "a"}, call(std::string(300, 'x'))));
}

TEST(RoutingHeaders, a_name_may_come_in_base64) {
    // "grüße" and names of every remainder by three.
    EXPECT_TRUE(agree({"", "", "=?base64?Z3LDvMOfZQ==?="}, call("gr\xC3\xBC\xC3\x9F"
                                                                "e")));
    EXPECT_TRUE(agree({"", "", "=?base64?YWI=?="}, call("ab")));
    EXPECT_TRUE(agree({"", "", "=?base64?YWJj?="}, call("abc")));
    EXPECT_TRUE(agree({"", "", "=?base64?Pz8/?="}, call("???")));
    EXPECT_TRUE(agree({"", "", "=?base64?fn5+?="}, call("~~~")));
    for (const char* wrong : {"=?base64?YWI?=", "=?base64?YWI==?=", "=?base64?YWJ=?=",
                              "=?BASE64?YWI=?=", "=?base64?YW I=?=", "=?base64?YWI=",
                              "=?base64?"
                              "?=",
                              "=?base64?YWJj?="})
        EXPECT_FALSE(agree({"", "", wrong}, call("ab"))) << wrong;
    EXPECT_FALSE(agree({"", "", "=?base64?Pz8_?="}, call("???")));
}

TEST(RoutingHeaders, only_requests_about_something_have_a_name) {
    EXPECT_TRUE(
        agree({"", "tools/list", "x"}, R"({"id":1,"method":"tools/list","params":{"name":"y"}})"));
    EXPECT_TRUE(agree({"2026-07-28", "x", "y"}, R"({"method":"notifications/cancelled"})"));
}

}  // namespace
}  // namespace mcpgw::mcp
