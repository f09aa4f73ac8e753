// Where requests go, decided over a real table built from a snapshot.
#include "dataplane/exchange/decide.h"

#include <string>

#include <gtest/gtest.h>

#include "common/protocol/http1_head.h"

namespace mcpgw::exchange {
namespace {

contract::Adapter adapter(std::string name, int ready_instances) {
    contract::Adapter result;
    result.name = std::move(name);
    result.created_by = "ann";
    result.required_roles = {"team"};
    for (int i = 0; i < ready_instances; ++i) {
        contract::Instance instance;
        instance.name = result.name + "-" + std::to_string(i);
        instance.id = contract::instance_identity(result.name, instance.name, "uid");
        instance.host = "127.0.0.1";
        instance.port = static_cast<std::uint16_t>(9000 + i);
        instance.authority = "127.0.0.1:9000";
        instance.path = "/mcp";
        instance.state = contract::InstanceState::ready;
        result.instances.push_back(instance);
    }
    return result;
}

class DecideTest : public testing::Test {
  protected:
    void SetUp() override {
        contract::Snapshot snapshot;
        snapshot.epoch = "e";
        snapshot.version = 1;
        snapshot.keys = {{"k1", std::string(32, 'k'), true}};
        snapshot.adapters = {adapter("a", 3), adapter("b", 1), adapter("empty", 0)};
        snapshot.adapters.push_back(adapter("ruled", 1));
        snapshot.adapters.back().access_rules = {
            {contract::AccessRule::Effect::deny, {"guest"}, {"prompts/*"}, {}},
            {contract::AccessRule::Effect::allow, {}, {}, {"read*"}},
            {contract::AccessRule::Effect::deny, {}, {"notifications/roots*"}, {}},
            {contract::AccessRule::Effect::allow, {"boss"}, {}, {"*"}}};
        auto built = builder.build(snapshot);
        ASSERT_TRUE(built) << built.error().detail;
        table = std::move(*built);
        auto opened = io::Ring::open({.receive_buffers = 4, .receive_buffer_bytes = 256});
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        context = std::make_unique<transport::Context>(*ring, *metrics);
        pool = std::make_unique<backend::Pool>(*context);
        services.reset(new Services{.context = *context,
                                    .pool = *pool,
                                    .settings = settings,
                                    .sessions = *sessions,
                                    .table = table.get(),
                                    .sealer = Sealer(),
                                    .awaiting_news = {},
                                    .random = Random(7)});
        services->sealer.set_keys(table->keys(), table->keys_generation());
    }
    Decision ask(const std::string& method, const std::string& path, const std::string& lines = "",
                 const std::string& body = "") {
        text = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n";
        EXPECT_EQ(http::parse_request_head(text, head), http::HeadError::none) << text;
        target = classify(head.path);
        peek.reset();
        peek.feed(as_bytes(body));
        return decide({head, target, body.empty() ? nullptr : &peek, true}, *services, scratch);
    }
    // What becomes of a body at an adapter with rules; `whole`: as sent, or only its beginning.
    Decision ask_ruled(const std::string& body, const std::string& lines = "", bool whole = true) {
        text = "POST /adapters/ruled/mcp HTTP/1.1\r\nHost: localhost\r\nX-Dev-UserId: ann\r\n" +
               lines + "Transfer-Encoding: chunked\r\n\r\n";
        EXPECT_EQ(http::parse_request_head(text, head), http::HeadError::none) << text;
        target = classify(head.path);
        peek.reset();
        peek.feed(as_bytes(body));
        transport::Segment segment;
        segment.data = body.data();
        segment.size = body.size();
        return decide({.head = head,
                       .target = target,
                       .peek = &peek,
                       .loopback_listener = true,
                       .held = &segment,
                       .body_complete = whole},
                      *services, scratch);
    }
    // "allowed", "hold", "not allowed" or "unclear".
    std::string ruled(const std::string& body, const std::string& lines = "", bool whole = true) {
        const Decision decision = ask_ruled(body, lines, whole);
        if (decision.kind == Decision::Kind::forward) return "allowed";
        if (decision.kind == Decision::Kind::hold) return "hold";
        if (decision.refusal == Refusal::not_allowed) return "not allowed";
        return decision.refusal == Refusal::unclear_message ? "unclear" : "something else";
    }
    std::string sealed(const std::string& adapter_name, std::uint64_t instance,
                       std::string_view user = "ann") {
        std::array<char, limits::sealed_id_bytes_max> room;
        const std::size_t size = services->sealer.seal(
            {adapter_identity(adapter_name), instance, 1, "server-id"}, user, room);
        return "X-Dev-UserId: ann\r\nMcp-Session-Id: " + std::string(room.data(), size) + "\r\n";
    }
    RouteBuilder builder;
    std::unique_ptr<const RouteTable> table;
    std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
    std::unique_ptr<io::Ring> ring;
    std::unique_ptr<transport::Context> context;
    std::unique_ptr<backend::Pool> pool;
    Settings settings;
    std::unique_ptr<SharedSessions> sessions = std::make_unique<SharedSessions>(
        SessionTable::Options{.sessions_max = limits::sessions_max_least});
    std::unique_ptr<Services> services;
    std::string text;
    http::RequestHead head;
    Target target;
    jsonrpc::Peek peek;
    std::array<std::byte, Sealer::kScratchBytes> scratch;
};

constexpr const char* kAnn = "X-Dev-UserId: ann\r\n";

TEST_F(DecideTest, a_request_without_session_goes_to_a_ready_instance) {
    const Decision decision = ask("POST", "/adapters/a/mcp", kAnn, R"({"method":"initialize"})");
    ASSERT_EQ(decision.kind, Decision::Kind::forward);
    ASSERT_NE(decision.instance, nullptr);
    EXPECT_FALSE(decision.session_bound);
    EXPECT_EQ(decision.identity.user, "ann");
}

TEST_F(DecideTest, the_description_of_the_interface_is_for_whoever_asks) {
    const std::string nobody = "X-Dev-UserId: not a name\r\n";
    EXPECT_EQ(ask("GET", "/openapi.json", nobody).kind, Decision::Kind::forward);
    EXPECT_EQ(ask("GET", "/adapters", nobody).refusal, Refusal::bad_identity);
}

TEST_F(DecideTest, a_session_goes_to_the_instance_that_it_names) {
    for (const Instance& instance : table->find("a")->instances) {
        const Decision decision = ask("POST", "/adapters/a/mcp", sealed("a", instance.id));
        ASSERT_EQ(decision.kind, Decision::Kind::forward);
        EXPECT_EQ(decision.instance, &instance);
        EXPECT_TRUE(decision.session_bound);
        EXPECT_EQ(decision.server_session_id, "server-id");
    }
}

TEST_F(DecideTest, a_draining_instance_keeps_its_sessions_and_gets_no_new_work) {
    contract::Delta delta{"e", 1, 2, {}, {adapter("a", 3)}, {}};
    delta.upserts[0].instances[1].state = contract::InstanceState::draining;
    const std::uint64_t draining = delta.upserts[0].instances[1].id;
    table = std::move(*builder.apply(delta));
    services->table = table.get();
    const Decision kept = ask("POST", "/adapters/a/mcp", sealed("a", draining));
    ASSERT_EQ(kept.kind, Decision::Kind::forward);
    EXPECT_EQ(kept.instance, table->find("a")->find(draining));
    EXPECT_TRUE(kept.session_bound);
    for (int i = 0; i < 100; ++i) {
        for (const char* method : {"initialize", "tools/list"}) {
            const Decision fresh = ask("POST", "/adapters/a/mcp", kAnn,
                                       R"({"method":")" + std::string(method) + "\"}");
            ASSERT_EQ(fresh.kind, Decision::Kind::forward) << method;
            EXPECT_NE(fresh.instance->id, draining) << method;
        }
    }
}

TEST_F(DecideTest, foreign_sessions_are_not_found) {
    const std::uint64_t instance = table->find("b")->instances.front().id;
    const auto refusal = [this](const std::string& lines) {
        const Decision decision = ask("POST", "/adapters/a/mcp", lines);
        EXPECT_EQ(decision.kind, Decision::Kind::refuse);
        return decision.refusal;
    };
    EXPECT_EQ(refusal(sealed("b", instance)), Refusal::session_not_found);
    EXPECT_EQ(refusal(sealed("a", instance, "bob")), Refusal::session_not_found);
    EXPECT_EQ(refusal(sealed("a", 12345)), Refusal::session_of_gone_instance);
    const std::string kept(kAnn);
    EXPECT_EQ(refusal(kept + "Mcp-Session-Id: v1.k1.AAAA\r\n"), Refusal::session_not_found);
    EXPECT_EQ(refusal(kept + "Mcp-Session-Id: \r\n"), Refusal::session_not_found);
    const std::string good = sealed("a", table->find("a")->instances.front().id);
    EXPECT_EQ(refusal(good + good.substr(good.find("Mcp"))), Refusal::session_not_found);
}

TEST_F(DecideTest, an_ended_session_is_not_found) {
    const std::uint64_t instance = table->find("a")->instances.front().id;
    const std::string lines = sealed("a", instance);
    const Decision before = ask("DELETE", "/adapters/a/mcp", lines);
    ASSERT_EQ(before.kind, Decision::Kind::forward);
    sessions->ended.add(before.session_mark);
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", lines).refusal, Refusal::session_not_found);
}

TEST_F(DecideTest, a_modern_request_ignores_session_ids) {
    const Decision decision =
        ask("POST", "/adapters/a/mcp",
            std::string(kAnn) + "MCP-Protocol-Version: 2026-07-28\r\nMcp-Session-Id: nonsense\r\n");
    ASSERT_EQ(decision.kind, Decision::Kind::forward);
    EXPECT_EQ(decision.era, mcp::Era::modern);
    EXPECT_TRUE(decision.server_session_id.empty());
}

TEST_F(DecideTest, a_modern_request_is_a_post) {
    for (const char* method : {"GET", "DELETE"}) {
        const Decision decision = ask(method, "/adapters/a/mcp",
                                      std::string(kAnn) + "MCP-Protocol-Version: 2026-07-28\r\n");
        EXPECT_EQ(decision.refusal, Refusal::method_not_allowed);
        EXPECT_EQ(decision.allow, "POST, OPTIONS");
    }
}

TEST_F(DecideTest, a_modern_request_whose_headers_contradict_its_body_is_refused) {
    const std::string version = std::string(kAnn) + "MCP-Protocol-Version: 2026-07-28\r\n";
    const char* body = R"({"id":1,"method":"tools/call","params":{"name":"a"}})";
    const auto asked = [&](const std::string& lines) {
        return ask("POST", "/adapters/a/mcp", version + lines, body);
    };
    EXPECT_EQ(asked("Mcp-Method: tools/call\r\nMcp-Name: a\r\n").kind, Decision::Kind::forward);
    for (const char* lines :
         {"Mcp-Method: tools/list\r\n", "Mcp-Name: b\r\n", "Mcp-Name: a\r\nMcp-Name: a\r\n",
          "Mcp-Method: tools/call\r\nmcp-method: tools/call\r\n",
          "MCP-Protocol-Version: 2026-07-28\r\n"})
        EXPECT_EQ(asked(lines).refusal, Refusal::header_contradicts_body) << lines;
    const char* modern_body = R"({"id":1,"method":"tools/call","params":{"name":"a","_meta":)"
                              R"({"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
    const std::string legacy_header = std::string(kAnn) + "MCP-Protocol-Version: 2025-11-25\r\n";
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", legacy_header, modern_body).refusal,
              Refusal::header_contradicts_body);
}

TEST_F(DecideTest, a_request_about_a_task_goes_to_the_instance_that_has_begun_it) {
    const Adapter& a = *table->find("a");
    const std::string version = std::string(kAnn) + "MCP-Protocol-Version: 2026-07-28\r\n";
    const char* body = R"({"id":1,"method":"tasks/get","params":{"taskId":"t"}})";
    for (const Instance& instance : a.instances) {
        sessions->tasks.put(a.id, "t", instance.id);
        for (int i = 0; i < 20; ++i)
            EXPECT_EQ(ask("POST", "/adapters/a/mcp", version, body).instance, &instance);
    }
    sessions->tasks.put(a.id, "t", 12345);  // it is gone: any other may say so
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", version, body).kind, Decision::Kind::forward);
}

TEST_F(DecideTest, who_may_not_read_an_adapter_learns_nothing) {
    EXPECT_EQ(ask("POST", "/adapters/a/mcp").refusal, Refusal::unknown_adapter);
    EXPECT_EQ(ask("POST", "/adapters/nope/mcp", kAnn).refusal, Refusal::unknown_adapter);
    const std::string team = "X-Dev-UserId: bob\r\nX-Dev-Roles: TEAM\r\n";
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", team).kind, Decision::Kind::forward);
}

TEST_F(DecideTest, paths_and_methods_follow_the_contract) {
    EXPECT_EQ(ask("PUT", "/adapters/a/mcp", kAnn).refusal, Refusal::method_not_allowed);
    EXPECT_EQ(ask("GET", "/nowhere").refusal, Refusal::unknown_path);
    EXPECT_EQ(ask("GET", "/.well-known/oauth-protected-resource").refusal, Refusal::unknown_path);
    EXPECT_EQ(ask("GET", "/healthz").kind, Decision::Kind::local);
    const Decision management = ask("GET", "/adapters", kAnn);
    EXPECT_EQ(management.kind, Decision::Kind::forward);
    EXPECT_EQ(management.instance, nullptr);
    EXPECT_EQ(ask("POST", "/adapters/empty/mcp", kAnn).refusal, Refusal::no_ready_instance);
}

TEST_F(DecideTest, foreign_origin_and_bad_identity_are_refused_first) {
    const std::string origin = std::string(kAnn) + "Origin: http://evil.example\r\n";
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", origin).refusal, Refusal::origin_not_allowed);
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", "X-Dev-UserId: a b\r\n").refusal,
              Refusal::bad_identity);
}

std::string call(const std::string& tool) {
    return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool + "\"}}";
}

TEST_F(DecideTest, rules_are_held_against_the_method_and_the_tool) {
    const std::string guest = "X-Dev-Roles: guest\r\n";
    EXPECT_EQ(ruled(call("read_file")), "allowed");
    EXPECT_EQ(ruled(call("rm")), "not allowed");
    EXPECT_EQ(ruled(call("rm"), "X-Dev-Roles: a, BOSS\r\n"), "allowed");
    EXPECT_EQ(ruled(R"({"id":1,"method":"prompts/get"})"), "allowed");
    EXPECT_EQ(ruled(R"({"id":1,"method":"prompts/get"})", guest), "not allowed");
    EXPECT_EQ(ruled(R"({"id":1,"method":"prompts/get"})", "X-Dev-Roles: mcp.admin, guest\r\n"),
              "not allowed");
    // Whether it has an id is no question: a server may act on a call without one.
    EXPECT_EQ(ruled(R"({"method":"tools/call","params":{"name":"rm"}})"), "not allowed");
    EXPECT_EQ(ruled(R"({"method":"notifications/initialized"})"), "allowed");
    EXPECT_EQ(ruled(R"({"method":"notifications/roots/list_changed"})"), "not allowed");
    EXPECT_EQ(ruled(R"({"id":1,"result":{"method":"tools/call"}})"), "allowed");
    EXPECT_EQ(ruled(R"({"id":1,"error":{"code":1,"message":"x"}})"), "allowed");
}

TEST_F(DecideTest, rules_hold_in_both_eras) {
    const std::string modern = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n";
    EXPECT_EQ(ruled(call("rm"), modern + "Mcp-Name: rm\r\n"), "not allowed");
    EXPECT_EQ(ruled(call("read"), modern + "Mcp-Name: read\r\n"), "allowed");
    // The header does not make the call another one.
    EXPECT_EQ(ruled(call("rm"), modern + "Mcp-Name: read\r\n"), "not allowed");
    EXPECT_EQ(ask_ruled(call("read"), modern + "Mcp-Name: rm\r\n").refusal,
              Refusal::header_contradicts_body);
}

TEST_F(DecideTest, what_could_be_understood_in_two_ways_is_refused_where_there_are_rules) {
    for (const char* body :
         {R"({"id":1,"method":"ping","method":"tools/list"})",
          R"({"id":1,"method":"ping","m\u0065thod":"tools/list"})",
          R"({"id":1,"method":"ping","Method":"tools/call"})",
          R"({"id":1,"method":"tools/call","params":{"name":"read"},"params":{"name":"read"}})",
          R"({"id":1,"method":"tools/call","params":{"name":"read","name":"rm"}})",
          R"({"id":1,"method":"tools/call","params":{"name":"read","Name":"rm"}})",
          R"({"id":1,"method":"tools/call","params":{"name":"read\u0000"}})",
          R"({"id":1,"method":"tools/call","params":{"name":7}})",
          R"({"id":1,"method":"tools/call","params":["rm"]})",
          R"({"id":1,"method":"tools/call"})",
          R"({"id":1,"method":7})",
          R"({"id":1})",
          "{}",
          R"({"id":1,"method":null,"params":{"name":"rm"}})",
          "\xEF\xBB\xBF{\"method\":\"ping\"}",
          R"({"method":"ping")",
          R"({"method":"ping"}{"method":"tools/call"})",
          R"({"method":"ping",})",
          R"({"method":NaN})",
          "method=tools/call"})
        EXPECT_EQ(ruled(body), "unclear") << body;
    EXPECT_EQ(ruled(std::string("\0{\0}\0", 5)), "unclear");  // UTF-16
    EXPECT_EQ(ruled(call("read_" + std::string(limits::mcp_name_bytes_max, 'x'))), "unclear");
    EXPECT_EQ(ruled(R"({"method":")" + std::string(300, 'x') + "\"}"), "unclear");
    // Elsewhere it is the server's business, as ever.
    EXPECT_EQ(ask("POST", "/adapters/a/mcp", kAnn, R"({"method":"ping","Method":"x"})").kind,
              Decision::Kind::forward);
}

TEST_F(DecideTest, a_body_that_its_server_would_decode_first_is_refused_where_there_are_rules) {
    for (const char* lines :
         {"Content-Encoding: gzip\r\n", "Content-Encoding: identity\r\nContent-Encoding: br\r\n",
          "Content-Type: application/json; charset=utf-7\r\n",
          "Content-Type: application/json; x=y; Charset=\"UTF-16\"\r\n",
          "Content-Type: application/json; charset=utf-8; charset=utf-7\r\n",
          "Content-Type: application/json\r\nContent-Type: text/plain;charset=utf-32\r\n"})
        EXPECT_EQ(ruled(call("read"), lines), "unclear") << lines;
    for (const char* lines :
         {"Content-Encoding: identity\r\n", "Content-Type: application/json; charset=\"UTF-8\"\r\n",
          "Content-Type: application/json;charset=utf8\r\n"})
        EXPECT_EQ(ruled(call("read"), lines), "allowed") << lines;
}

TEST_F(DecideTest, rules_count_for_every_message_of_a_batch) {
    const std::string ping = R"({"id":1,"method":"ping"})";
    EXPECT_EQ(ruled("[" + ping + "," + call("read") + "]"), "allowed");
    EXPECT_EQ(ruled("[" + ping + "," + call("rm") + "," + ping + "]"), "not allowed");
    EXPECT_EQ(ruled("[" + ping + R"(,{"id":1,"method":"a","Method":"b"}])"), "unclear");
    EXPECT_EQ(ruled("[" + ping + ",[" + call("rm") + "]]"), "unclear");
    EXPECT_EQ(ruled("[" + ping + ",7," + call("rm") + "]"), "unclear");
    EXPECT_EQ(ruled("[" + ping + ",", "", false), "hold");
}

TEST_F(DecideTest, a_body_is_held_until_the_rules_can_be_held_against_it) {
    EXPECT_EQ(ruled(R"({"id":1,"params":{)", "", false), "hold");
    EXPECT_EQ(ruled(R"({"method":"tools/call","params":{"arguments":{"x":")", "", false), "hold");
    EXPECT_EQ(ruled(R"({"method":"tools/call","params":{"name":"read","arguments":")", "", false),
              "allowed");
    EXPECT_TRUE(peek.state() == jsonrpc::Peek::State::reading);
    EXPECT_TRUE(ask_ruled(R"({"method":"prompts/get","params":{)", "", false).checks_body);
    EXPECT_FALSE(ask_ruled(call("read")).checks_body);
    EXPECT_EQ(ruled(R"({"method":"tools/call","params":{"name":"rm","arguments":")", "", false),
              "not allowed");
}

TEST_F(DecideTest, rules_are_no_business_of_requests_without_a_body) {
    const std::string lines =
        "X-Dev-UserId: ann\r\nX-Dev-Roles: guest\r\n" +
        sealed("ruled", table->find("ruled")->instances.front().id).substr(sizeof "X-Dev-UserId: "
                                                                                  "ann\r\n" -
                                                                           1);
    EXPECT_EQ(ask("DELETE", "/adapters/ruled/mcp", lines).kind, Decision::Kind::forward);
    const Decision stream = ask("GET", "/adapters/ruled/mcp", lines);
    EXPECT_EQ(stream.kind, Decision::Kind::forward);
    EXPECT_TRUE(stream.filters_tools);
}

TEST_F(DecideTest, lists_of_tools_are_filtered_where_rules_could_hide_one) {
    const auto filters = [this](const std::string& path, const std::string& body) {
        return ask("POST", path, kAnn, body).filters_tools;
    };
    const std::string list = R"({"id":1,"method":"tools/list"})";
    EXPECT_TRUE(filters("/adapters/ruled/mcp", list));
    EXPECT_FALSE(filters("/adapters/ruled/mcp", R"({"id":1,"method":"tools/call","params":)"
                                                R"({"name":"read"}})"));
    EXPECT_FALSE(filters("/adapters/a/mcp", list));
}

}  // namespace
}  // namespace mcpgw::exchange
