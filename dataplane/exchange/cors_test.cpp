// What browsers are told, and that what they may send is bounded and well-formed.
#include "dataplane/exchange/cors.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/protocol/http1_head.h"

namespace mcpgw::exchange {
namespace {

struct Cors : testing::Test {
    // The value of Access-Control-Allow-Headers for a preflight with these lines.
    std::string allowed(const std::string& lines) {
        text =
            "OPTIONS /adapters/a/mcp HTTP/1.1\r\nHost: a\r\n"
            "Access-Control-Request-Method: POST\r\n" +
            lines + "\r\n";
        EXPECT_EQ(http::parse_request_head(text, head), http::HeadError::none);
        out.clear();
        EXPECT_TRUE(add_preflight(head, "GET, POST", room, out));
        EXPECT_EQ(out.value_or_empty("Access-Control-Allow-Methods"), "GET, POST");
        EXPECT_EQ(out.value_or_empty("Access-Control-Max-Age"), "7200");
        return std::string(out.value_or_empty("Access-Control-Allow-Headers"));
    }

    std::string text;
    http::RequestHead head;
    AllowedHeaders room;
    http::Fields out;
    const std::string base =
        "Content-Type, Authorization, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, "
        "Mcp-Method, Mcp-Name";
};

TEST_F(Cors, a_grant_names_the_origin_and_what_may_be_read) {
    ASSERT_TRUE(add_grant("https://app.example", out));
    EXPECT_EQ(out.value_or_empty("Access-Control-Allow-Origin"), "https://app.example");
    EXPECT_EQ(out.value_or_empty("Vary"), "Origin");
    EXPECT_EQ(out.value_or_empty("Access-Control-Expose-Headers"),
              "Mcp-Session-Id, WWW-Authenticate, Last-Event-Id, MCP-Protocol-Version, "
              "Retry-After, RateLimit, RateLimit-Policy");
    EXPECT_EQ(out.find("Access-Control-Allow-Credentials"), nullptr);
}

TEST_F(Cors, what_the_server_varies_by_stays) {
    ASSERT_TRUE(out.add("Vary", "Accept-Encoding"));
    ASSERT_TRUE(add_grant("https://app.example", out));
    EXPECT_EQ(out.count_of("Vary"), 2U);
    EXPECT_EQ(out.value_or_empty("Vary"), "Accept-Encoding");
    for (const char* enough : {"accept, origin", "*"}) {
        out.clear();
        ASSERT_TRUE(out.add("vary", enough));
        ASSERT_TRUE(add_grant("https://app.example", out));
        EXPECT_EQ(out.count_of("Vary"), 1U) << enough;
    }
}

TEST_F(Cors, a_grant_that_does_not_fit_is_told) {
    while (out.size() < limits::header_fields_max - 2)
        ASSERT_TRUE(out.add("X", "1"));
    EXPECT_FALSE(add_grant("https://app.example", out));
}

TEST_F(Cors, parameters_of_tools_are_allowed_by_name) {
    EXPECT_EQ(allowed(""), base);
    EXPECT_EQ(allowed("Access-Control-Request-Headers: content-type,mcp-param-region, "
                      "x-other,Mcp-Param-b\r\nAccess-Control-Request-Headers: mcp-param-c\r\n"),
              base + ", mcp-param-region, Mcp-Param-b, mcp-param-c");
}

TEST_F(Cors, what_is_no_name_of_a_parameter_is_left_out) {
    for (const char* asked :
         {"*", "mcp-param-", "mcp-param-a b", "mcp-param-a(", "mcp-param", "mcp_param_x", ",,, ,",
          "mcp-param-\"x\"", "authorization, cookie", "mcp-param-a:b"})
        EXPECT_EQ(allowed("Access-Control-Request-Headers: " + std::string(asked) + "\r\n"), base)
            << asked;
}

TEST_F(Cors, the_number_of_parameters_is_bounded) {
    std::string asked;
    for (int i = 0; i < 500; ++i)
        asked += "mcp-param-" + std::to_string(i) + ",";
    const std::string value = allowed("Access-Control-Request-Headers: " + asked + "\r\n");
    EXPECT_LE(value.size(), limits::cors_allowed_headers_bytes_max);
    EXPECT_GE(value.size(), limits::cors_allowed_headers_bytes_max - 20);
    EXPECT_TRUE(value.starts_with(base + ", mcp-param-0, mcp-param-1, ")) << value;
}

TEST_F(Cors, only_options_with_a_method_are_a_preflight) {
    const auto is_one = [this](const std::string& start) {
        text = start + "Host: a\r\n\r\n";
        EXPECT_EQ(http::parse_request_head(text, head), http::HeadError::none);
        return is_preflight(head);
    };
    EXPECT_TRUE(is_one("OPTIONS / HTTP/1.1\r\naccess-control-request-method: POST\r\n"));
    EXPECT_FALSE(is_one("OPTIONS / HTTP/1.1\r\n"));
    EXPECT_FALSE(is_one("GET / HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n"));
}

}  // namespace
}  // namespace mcpgw::exchange
