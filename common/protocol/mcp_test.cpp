// The properties of the MCP rules: eras, the closed list of methods, error bodies, names.
#include "common/protocol/mcp.h"

#include <array>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <simdjson.h>

namespace mcpgw::mcp {
namespace {

TEST(Mcp, the_era_is_decided_by_the_header_then_by_the_body) {
    EXPECT_EQ(era_of("2026-07-28", ""), Era::modern);
    EXPECT_EQ(era_of("2027-01-01", ""), Era::modern);
    EXPECT_EQ(era_of("2026-07-28-RC", ""), Era::modern);
    EXPECT_EQ(era_of("2025-11-25", ""), Era::legacy);
    EXPECT_EQ(era_of("2026-07-27", ""), Era::legacy);
    EXPECT_EQ(era_of("", ""), Era::legacy);
    EXPECT_EQ(era_of("", "2026-07-28"), Era::modern);
    EXPECT_EQ(era_of("2025-11-25", "2026-07-28"), Era::modern);
    EXPECT_EQ(era_of("latest", ""), Era::legacy) << "greater as a string, but no date";
    EXPECT_EQ(era_of("2026/07/28", ""), Era::legacy);
    EXPECT_EQ(era_of("9", ""), Era::legacy);
}

TEST(Mcp, every_method_has_its_own_label) {
    std::set<std::string_view> labels;
    for (std::size_t i = 0; i < method_count(); ++i) {
        const auto index = static_cast<std::uint8_t>(i);
        const std::string_view label = method_label(index);
        EXPECT_TRUE(labels.insert(label).second) << label;
        const bool is_method = index > kMethodNone;
        EXPECT_EQ(method_index(label), is_method ? index : kMethodOther) << label;
    }
    EXPECT_EQ(method_label(kMethodOther), "other");
    EXPECT_EQ(method_label(kMethodNone), "none");
}

TEST(Mcp, methods_of_all_revisions_and_directions_are_known) {
    for (const char* method : {"initialize",
                               "ping",
                               "tools/list",
                               "tools/call",
                               "prompts/list",
                               "prompts/get",
                               "resources/list",
                               "resources/templates/list",
                               "resources/read",
                               "resources/subscribe",
                               "resources/unsubscribe",
                               "completion/complete",
                               "logging/setLevel",
                               "tasks/get",
                               "tasks/result",
                               "tasks/cancel",
                               "tasks/list",
                               "tasks/update",
                               "server/discover",
                               "subscriptions/listen",
                               "sampling/createMessage",
                               "elicitation/create",
                               "roots/list",
                               "notifications/initialized",
                               "notifications/cancelled",
                               "notifications/progress",
                               "notifications/roots/list_changed",
                               "notifications/tasks/status",
                               "notifications/message",
                               "notifications/resources/updated",
                               "notifications/tools/list_changed",
                               "notifications/prompts/list_changed",
                               "notifications/resources/list_changed",
                               "notifications/elicitation/complete",
                               "notifications/subscriptions/acknowledged",
                               "notifications/tasks"})
        EXPECT_EQ(method_label(method_index(method)), method);
    EXPECT_EQ(method_count(), 38U);
}

TEST(Mcp, anything_else_is_other) {
    for (const char* method : {"", "p", "pong", "Ping", "tools/calls", "tools/cal", "other", "none",
                               "notifications/subscriptions/acknowledgee"})
        EXPECT_EQ(method_index(method), kMethodOther) << method;
    EXPECT_EQ(method_index(std::string(100'000, 'x')), kMethodOther);
    EXPECT_EQ(method_index(std::string_view("ping\0", 5)), kMethodOther);
    EXPECT_EQ(method_label(255), "other");
    EXPECT_EQ(method_label(static_cast<std::uint8_t>(method_count())), "other");
}

TEST(Mcp, an_error_body_echoes_the_id) {
    std::array<char, 256> room{};
    const std::size_t size = write_error(room, "7", kSessionNotFound, "session not found");
    EXPECT_EQ(std::string_view(room.data(), size),
              R"({"jsonrpc":"2.0","id":7,"error":{"code":-32001,"message":"session not found"}})");
    const std::size_t null_size = write_error(room, "", kServerError, "x");
    EXPECT_EQ(std::string_view(room.data(), null_size),
              R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"x"}})");
}

TEST(Mcp, an_error_event_is_a_whole_event) {
    std::array<char, 256> room{};
    const std::size_t size = write_error_event(room, "\"a\"", kInternalError, "gone");
    EXPECT_EQ(std::string_view(room.data(), size),
              "event: message\n"
              R"(data: {"jsonrpc":"2.0","id":"a","error":{"code":-32603,"message":"gone"}})"
              "\n\n");
}

TEST(Mcp, a_message_with_any_bytes_makes_a_valid_body) {
    std::string message;
    for (int i = 0; i < 256; ++i)
        message.push_back(static_cast<char>(i));
    std::array<char, 1024> room{};
    const std::size_t size = write_error(room, "1", kServerError, message);
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    ASSERT_EQ(parser.parse(room.data(), size).get(element), simdjson::SUCCESS);
    std::string_view parsed;
    ASSERT_EQ(element["error"]["message"].get(parsed), simdjson::SUCCESS);
    EXPECT_EQ(parsed.substr(0x20, 0x5f), message.substr(0x20, 0x5f));
    EXPECT_EQ(parsed.substr(0, 0x20), std::string(0x20, '?'));
    EXPECT_EQ(parsed.substr(0x7f), std::string(0x81, '?'));
}

TEST(Mcp, an_error_that_does_not_fit_is_not_written) {
    std::array<char, 256> room{};
    const std::size_t size = write_error(room, "1", kServerError, "a \"quoted\" word");
    ASSERT_GT(size, 0U);
    for (std::size_t less = 0; less < size; ++less)
        EXPECT_EQ(write_error(std::span(room).first(less), "1", kServerError, "a \"quoted\" word"),
                  0U);
    EXPECT_EQ(write_error(std::span(room).first(size), "1", kServerError, "a \"quoted\" word"),
              size);
    EXPECT_EQ(write_error_event(std::span(room).first(size), "1", kServerError, "x"), 0U);
}

TEST(Mcp, resource_names_follow_their_rule) {
    const std::string longest(50, 'a');
    for (const std::string& name : {std::string("a"), std::string("0"), std::string("a-b"),
                                    std::string("a--b"), std::string("9z"), longest})
        EXPECT_TRUE(is_resource_name(name)) << name;
    for (const std::string& name :
         {std::string(), std::string("-"), std::string("-a"), std::string("a-"), std::string("A"),
          std::string("a_b"), std::string("a.b"), std::string("a/b"), std::string("a b"),
          std::string("\xC3\xA4"), std::string("a\0b", 3), longest + "a"})
        EXPECT_FALSE(is_resource_name(name)) << name;
}

TEST(Mcp, reserved_names_are_three) {
    EXPECT_TRUE(is_reserved_name("mcp"));
    EXPECT_TRUE(is_reserved_name("toolgateway"));
    EXPECT_TRUE(is_reserved_name("gateway"));
    EXPECT_FALSE(is_reserved_name("mcp2"));
    EXPECT_FALSE(is_reserved_name(""));
}

}  // namespace
}  // namespace mcpgw::mcp
