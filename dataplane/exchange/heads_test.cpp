// Which fields pass in each direction, and which the gateway sets.
#include "dataplane/exchange/heads.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::exchange {
namespace {

using Map = std::multimap<std::string, std::string>;

Map as_map(const http::Fields& fields) {
    Map map;
    for (const http::Field& field : fields.all())
        map.emplace(std::string(field.name), std::string(field.value));
    return map;
}

class RequestFields : public testing::Test {
  protected:
    bool make(const std::string& lines) {
        text = "POST /adapters/a/mcp HTTP/1.1\r\nHost: gw.example:1\r\n" + lines + "\r\n";
        EXPECT_EQ(http::parse_request_head(text, head), http::HeadError::none);
        decision.identity = identity;
        const RequestFieldsIn in{head, decision, "192.0.2.7", random};
        const bool fits = make_request_fields(in, scratch, out);
        map = as_map(out);
        return fits;
    }
    std::string text;
    http::RequestHead head;
    Decision decision;
    auth::Identity identity{"ann", "r1,r2"};
    Random random{1};
    FieldScratch scratch;
    http::Fields out;
    Map map;
};

TEST_F(RequestFields, credentials_identity_and_hop_by_hop_fields_stop_here) {
    ASSERT_TRUE(
        make("Authorization: Bearer x\r\nCookie: c\r\nOrigin: http://localhost\r\n"
             "X-Mcp-UserId: root\r\nx-mcp-roles: mcp.admin\r\nX-Forwarded-For: 1\r\n"
             "Forwarded: for=1\r\nX-Dev-UserId: ann\r\nConnection: x-hop, close\r\n"
             "X-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nMcp-Session-Id: v1.k.z\r\n"
             "Content-Length: 0\r\n"));
    for (const char* name :
         {"Authorization", "Cookie", "Origin", "x-mcp-roles", "X-Forwarded-For", "X-Dev-UserId",
          "Connection", "X-Hop", "TE", "Keep-Alive", "Mcp-Session-Id", "Content-Length", "Host"})
        EXPECT_EQ(map.count(name), 0U) << name;
    EXPECT_EQ(map.find("X-Mcp-UserId")->second, "ann");
    EXPECT_EQ(map.find("X-Mcp-Roles")->second, "r1,r2");
    EXPECT_EQ(map.find("Forwarded")->second, "for=192.0.2.7;host=\"gw.example:1\";proto=http");
    EXPECT_EQ(map.find("Via")->second, "1.1 mcp-gateway");
}

TEST_F(RequestFields, whoever_asks_is_named_by_the_gateway_only) {
    identity.name = "Ann Lee";
    identity.tenant = "t1";
    ASSERT_TRUE(
        make("X-Mcp-UserName: root\r\nx-mcp-tenant: t9\r\nX-Mcp-Identity: e30.e30.x\r\n"
             "X-MCP-Scopes: all\r\nX_Mcp_Tenant: t8\r\nX-Mcp-: y\r\n"));
    EXPECT_EQ(map.count("X-Mcp-UserName"), 1U);
    EXPECT_EQ(map.find("X-Mcp-UserName")->second, "Ann Lee");
    EXPECT_EQ(map.find("X-Mcp-Tenant")->second, "t1");
    for (const auto& [name, value] : map) {
        const bool is_ours = name == "X-Mcp-UserId" || name == "X-Mcp-Roles" ||
                             name == "X-Mcp-UserName" || name == "X-Mcp-Tenant";
        EXPECT_TRUE(is_ours || !starts_with_ignoring_case(name, "x")) << name;
    }
}

TEST_F(RequestFields, an_adapters_tenant_comes_before_the_callers) {
    Adapter adapter;
    decision.adapter = &adapter;
    identity.tenant = "t1";
    ASSERT_TRUE(make(""));
    EXPECT_EQ(map.find("X-Mcp-Tenant")->second, "t1");
    adapter.tenant = "t2";
    ASSERT_TRUE(make(""));
    EXPECT_EQ(map.count("X-Mcp-Tenant"), 1U);
    EXPECT_EQ(map.find("X-Mcp-Tenant")->second, "t2");
}

TEST_F(RequestFields, protocol_fields_pass_unchanged) {
    ASSERT_TRUE(
        make("Accept: application/json, text/event-stream\r\n"
             "MCP-Protocol-Version: 2025-11-25\r\nLast-Event-ID: e-7\r\n"
             "Mcp-Method: tools/call\r\nMcp-Name: x\r\nMcp-Param-Region: eu\r\n"));
    EXPECT_EQ(map.find("Accept")->second, "application/json, text/event-stream");
    EXPECT_EQ(map.find("MCP-Protocol-Version")->second, "2025-11-25");
    EXPECT_EQ(map.find("Last-Event-ID")->second, "e-7");
    EXPECT_EQ(map.find("Mcp-Method")->second, "tools/call");
    EXPECT_EQ(map.find("Mcp-Param-Region")->second, "eu");
}

TEST_F(RequestFields, the_servers_session_id_takes_the_place_of_the_sealed_one) {
    decision.server_session_id = "srv-1";
    ASSERT_TRUE(make("Mcp-Session-Id: v1.k.z\r\n"));
    ASSERT_EQ(map.count("Mcp-Session-Id"), 1U);
    EXPECT_EQ(map.find("Mcp-Session-Id")->second, "srv-1");
}

TEST_F(RequestFields, a_valid_traceparent_passes_and_any_other_is_replaced) {
    const std::string valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    ASSERT_TRUE(make("traceparent: " + valid + "\r\n"));
    EXPECT_EQ(map.find("traceparent")->second, valid);
    ASSERT_TRUE(make("traceparent: 00-zz\r\n"));
    EXPECT_EQ(map.find("traceparent")->second.size(), 55U);
    ASSERT_TRUE(make(""));
    EXPECT_EQ(map.count("traceparent"), 1U);
}

TEST_F(RequestFields, configured_headers_replace_those_of_the_client) {
    Adapter adapter;
    adapter.request_headers = {{"X-Api-Key", "secret"}};
    adapter.tenant = "acme";
    decision.adapter = &adapter;
    ASSERT_TRUE(make("x-api-key: mine\r\n"));
    EXPECT_EQ(map.count("x-api-key"), 0U);
    EXPECT_EQ(map.find("X-Api-Key")->second, "secret");
    EXPECT_EQ(map.find("X-Mcp-Tenant")->second, "acme");
}

TEST_F(RequestFields, too_many_fields_are_refused_not_cut) {
    std::string lines;
    for (std::size_t i = 0; i < limits::header_fields_max - 1; ++i)
        lines += "F" + std::to_string(i) + ": v\r\n";
    EXPECT_FALSE(make(lines));
}

TEST(ResponseFields, cookies_server_challenges_and_framing_stop_here) {
    const std::string text =
        "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Basic\r\n"
        "mcp-session-id: srv-1\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n"
        "X-Accel-Buffering: no\r\n\r\n";
    http::ResponseHead head;
    ASSERT_EQ(http::parse_response_head(text, http::Method::post, head), http::HeadError::none);
    http::Fields out;
    ASSERT_TRUE(make_response_fields(head, "v1.k1.sealed", out));
    const Map map = as_map(out);
    EXPECT_EQ(map.size(), 4U);
    EXPECT_EQ(map.count("Content-Type"), 1U);
    EXPECT_EQ(map.count("Cache-Control"), 1U);
    EXPECT_EQ(map.count("X-Accel-Buffering"), 1U);
    EXPECT_EQ(map.find("Mcp-Session-Id")->second, "v1.k1.sealed");
}

}  // namespace
}  // namespace mcpgw::exchange
