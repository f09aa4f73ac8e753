// Access rules through a worker on real sockets: what reaches the server of a body that is decided
// before its end has come, and what the client is told.
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {
namespace {

using contract::AccessRule;

Harness::Special rules() {
    Harness::Special special;
    special.access_rules = {{AccessRule::Effect::deny, {}, {}, {"rm*"}},
                            {AccessRule::Effect::deny, {}, {"prompts/*"}, {}}};
    return special;
}

// Keeps everything that comes in on its connections, and answers whole requests.
class KeepingServer {
  public:
    KeepingServer() : server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] std::string seen() {
        const std::scoped_lock lock(mutex_);
        return seen_;
    }
    [[nodiscard]] bool has_ended() const { return ended_; }

  private:
    void serve(Line& line) {
        std::string head = line.read_until("\r\n\r\n");
        if (head.empty()) return;
        keep(head);
        const std::size_t at = head.find("Content-Length: ");
        const std::size_t size = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        const std::string body = line.read_bytes(size);
        keep(body);
        ended_ = true;
        if (body.size() == size) line.send(answer(R"({"jsonrpc":"2.0","id":1,"result":{}})"));
    }
    void keep(std::string_view text) {
        const std::scoped_lock lock(mutex_);
        seen_ += text;
    }
    std::mutex mutex_;
    std::string seen_;
    std::atomic<bool> ended_ = false;
    ScriptedServer server_;
};

std::string call(const std::string& tool, const std::string& more) {
    return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool + "\"" +
           more + "}}";
}

// Its answer to one request with this body.
std::string post(Harness& gateway, const std::string& body) {
    Line client = gateway.connect();
    client.send(Harness::post(body));
    const std::string head = client.read_until("\r\n\r\n");
    return head + client.read_until("}}");
}

TEST(AccessRules, what_is_not_allowed_reaches_no_server) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    const std::string refused = post(gateway, call("rm", ""));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 403 ")) << refused;
    EXPECT_NE(refused.find(R"("id":1,"error":{"code":-32000)"), std::string::npos) << refused;
    EXPECT_EQ(refused.find("rm"), std::string::npos) << refused;
    EXPECT_EQ(server.seen(), "");
    EXPECT_TRUE(post(gateway, call("ls", "")).starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(gateway.metrics.rejected[RejectReason::forbidden].value(), 1U);
}

TEST(AccessRules, rules_that_change_hold_for_the_next_request) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    EXPECT_TRUE(post(gateway, call("rm", "")).starts_with("HTTP/1.1 403 "));
    gateway.set_rules({});
    gateway.publish({server.port()});
    EXPECT_TRUE(post(gateway, call("rm", "")).starts_with("HTTP/1.1 200 "));
}

// What is decided by its beginning is on its way when the end shows that it meant something else.
TEST(AccessRules, a_long_body_that_contradicts_its_beginning_never_becomes_complete) {
    const std::string filler = R"(,"arguments":{"x":")" + std::string(400'000, 'x') + "\"}";
    for (const char* end :
         {R"(},"method":"prompts/get"})", R"(},"m\u0065thod":"prompts/get"})",
          R"(},"Params":{"name":"rm"}})", R"(,"name":"rm"}})", R"(,"\u004eame":"rm"}})",
          R"(}}{"method":"prompts/get"})", R"(})", R"(}}x)"}) {
        KeepingServer server;
        Harness gateway({server.port()}, rules());
        std::string body = call("ls", filler);
        body.resize(body.size() - 2);
        body += end;
        const std::string refused = post(gateway, body);
        EXPECT_TRUE(refused.starts_with("HTTP/1.1 400 ")) << end << ": " << refused.substr(0, 300);
        EXPECT_TRUE(Harness::until([&server] { return server.has_ended(); }));
        const std::string seen = server.seen();
        EXPECT_NE(seen.find("xxxx"), std::string::npos);
        EXPECT_EQ(seen.find("prompts"), std::string::npos) << end;
        EXPECT_EQ(seen.find("rm"), std::string::npos) << end;
        EXPECT_FALSE(seen.ends_with(end)) << end;
    }
}

TEST(AccessRules, a_long_body_that_keeps_to_its_beginning_passes) {
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    const std::string body =
        call("ls", R"(,"arguments":{"name":"rm","method":")" + std::string(900'000, 'x') + "\"}");
    EXPECT_TRUE(post(gateway, body).starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(server.seen().ends_with(body));
}

TEST(AccessRules, a_body_is_held_longer_for_a_name_that_comes_late) {
    const std::string late = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)"
                             R"({"arguments":{"x":")" +
                             std::string(300'000, 'x') + "\"},\"name\":\"";
    KeepingServer server;
    Harness gateway({server.port()}, rules());
    EXPECT_TRUE(post(gateway, late + "rm\"}}").starts_with("HTTP/1.1 403 "));
    EXPECT_EQ(server.seen(), "");
    EXPECT_TRUE(post(gateway, late + "ls\"}}").starts_with("HTTP/1.1 200 "));
    // But not for ever.
    const std::string too_late = R"({"id":1,"method":"tools/call","params":{"arguments":")" +
                                 std::string(3 * limits::rule_hold_bytes_max, 'x') +
                                 R"(","name":"ls"}})";
    EXPECT_TRUE(post(gateway, too_late).starts_with("HTTP/1.1 400 "));
}

// --- Lists of tools -----------------------------------------------------------------------------

constexpr std::string_view kList = R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})";
constexpr std::string_view kTools =
    R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"rm","x":1}, {"name":"ls"},)"
    R"({"d":{"name":"ls"},"name":"rmdir"}],"nextCursor":"c","cacheScope":"public"}})";
constexpr std::string_view kVisible =
    R"({"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"ls"}],"nextCursor":"c",)"
    R"("cacheScope":"private"}})";
constexpr std::string_view kStream =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

// What comes of a chunked body, without the framing of its chunks.
std::string unchunked(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t digits = 0;
        const std::size_t size = std::stoul(std::string(text.substr(at, 8)), &digits, 16);
        if (size == 0) break;
        plain += text.substr(at + digits + 2, size);
        at += digits + 2 + size + 2;
    }
    return plain;
}

// The gateway's answer to the request, its head apart from its body.
std::pair<std::string, std::string> ask(Harness& gateway, const std::string& request) {
    Line client = gateway.connect();
    client.send(request);
    const std::string head = client.read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at != std::string::npos) return {head, client.read_bytes(std::stoul(head.substr(at + 16)))};
    return {head, unchunked(client.read_until("\r\n0\r\n\r\n"))};
}

// Answers each request with this text, byte by byte or at once, and ends the connection.
class AnsweringServer {
  public:
    explicit AnsweringServer(std::string text, bool byte_by_byte = false)
        : text_(std::move(text)), byte_by_byte_(byte_by_byte), server_([this](Line& line) {
              const std::scoped_lock lock(mutex_);
              request_ = read_request(line);
              for (std::size_t at = 0; at < text_.size() && byte_by_byte_; ++at)
                  line.send({&text_[at], 1});
              if (!byte_by_byte_) line.send(text_);
          }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] std::string request() {
        const std::scoped_lock lock(mutex_);
        return request_;
    }

  private:
    std::string text_;
    bool byte_by_byte_;
    std::mutex mutex_;
    std::string request_;
    ScriptedServer server_;
};

TEST(AccessRules, a_list_shows_only_what_may_be_called) {
    for (const bool byte_by_byte : {false, true}) {
        AnsweringServer server(answer(kTools, "Connection: close\r\n"), byte_by_byte);
        Harness gateway({server.port()}, rules());
        const auto [head, body] =
            ask(gateway, Harness::post(kList, "Accept-Encoding: gzip, br\r\n"));
        EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
        EXPECT_EQ(body, kVisible);
        EXPECT_NE(server.request().find("Accept-Encoding: identity\r\n"), std::string::npos);
        EXPECT_EQ(server.request().find("gzip"), std::string::npos);
        gateway.set_rules({});
        gateway.publish({server.port()});
        EXPECT_EQ(ask(gateway, Harness::post(kList)).second, kTools);
    }
}

TEST(AccessRules, a_long_list_is_filtered_from_beginning_to_end) {
    std::string all;
    std::string visible;
    for (int i = 0; i < 5000; ++i) {
        const std::string tool = R"({"name":")" + std::string(i % 3 == 0 ? "rm" : "ls") +
                                 std::to_string(i) + R"(","description":")" +
                                 std::string(100, 'd') + "\"}";
        all += (all.empty() ? "" : ",") + tool;
        if (i % 3 != 0) visible += (visible.empty() ? "" : ",") + tool;
    }
    const auto list = [](const std::string& tools) {
        return R"({"id":1,"result":{"tools":[)" + tools + "]}}";
    };
    AnsweringServer server(answer(list(all), "Connection: close\r\n"));
    Harness gateway({server.port()}, rules());
    EXPECT_EQ(ask(gateway, Harness::post(kList)).second, list(visible));
}

TEST(AccessRules, a_list_in_an_event_is_filtered_and_other_events_pass) {
    const std::string before =
        ": hello\r\nevent: message\r\nid: 7\r\ndata: {\"method\":\"n\"}\r\n\r\n";
    const std::string list(kTools);
    const std::size_t split = list.find("\"x\"");
    for (const bool byte_by_byte : {false, true}) {
        AnsweringServer server(std::string(kStream) + before + "data: " + list + "\n\n",
                               byte_by_byte);
        Harness gateway({server.port()}, rules());
        EXPECT_EQ(ask(gateway, Harness::post(kList)).second,
                  before + "data: " + std::string(kVisible) + "\n\n");
        // In two lines of data, which the second one's framing does not tear apart.
        AnsweringServer lines(std::string(kStream) + "data: " + list.substr(0, split) +
                                  "\ndata: " + list.substr(split) + "\n\n",
                              byte_by_byte);
        Harness other({lines.port()}, rules());
        const std::string two = ask(other, Harness::post(kList)).second;
        EXPECT_EQ(two.find("rm"), std::string::npos) << two;
        EXPECT_NE(two.find(R"({"name":"ls"}],"nextCursor")"), std::string::npos) << two;
    }
}

TEST(AccessRules, a_compressed_list_is_refused) {
    AnsweringServer server(answer("\x1F\x8B", "Content-Encoding: gzip\r\nConnection: close\r\n"));
    Harness gateway({server.port()}, rules());
    const auto [head, body] = ask(gateway, Harness::post(kList));
    EXPECT_TRUE(head.starts_with("HTTP/1.1 502 ")) << head;
    EXPECT_NE(body.find(R"("id":1,"error":{"code":-32603)"), std::string::npos) << body;
}

TEST(AccessRules, a_list_that_breaks_off_shows_nothing_of_what_it_hides) {
    const std::string half(kTools.substr(0, kTools.find("rmdir") + 5));
    AnsweringServer server(std::string(kStream) + "data: " + half + "\n\n");
    Harness gateway({server.port()}, rules());
    const std::string body = ask(gateway, Harness::post(kList)).second;
    EXPECT_EQ(body.find("rm"), std::string::npos) << body;
    EXPECT_NE(body.find("event: cut\n\n"), std::string::npos) << body;
    EXPECT_NE(body.find(R"("id":1,"error":{"code":-32603)"), std::string::npos) << body;
}

TEST(AccessRules, answers_to_other_requests_are_none_of_their_business) {
    AnsweringServer server(answer(kTools, "Connection: close\r\n"));
    Harness gateway({server.port()}, rules());
    const auto [head, body] = ask(gateway, Harness::post(call("ls", "")));
    EXPECT_EQ(body, kTools);
    EXPECT_NE(head.find("Content-Length: "), std::string::npos);
}

// Whether the rules forbid to call "ls", which is asked before the session is looked for.
bool hides_ls(Harness& gateway) {
    const std::string body = call("ls", "");
    Line client = gateway.connect();
    client.send(
        "POST /adapters/a/messages?sessionId=x HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.read_until("\r\n\r\n").starts_with("HTTP/1.1 403 ");
}

// An HTTP+SSE server, or a standalone or resumed stream: the list comes on a stream of its own.
TEST(AccessRules, lists_on_streams_of_a_get_are_filtered_while_the_rules_are_the_same) {
    Harness::Special special = rules();
    special.transport = contract::Transport::sse;
    std::atomic<Line*> stream = nullptr;
    std::atomic<bool> done = false;
    ScriptedServer server([&](Line& line) {
        read_request(line);
        line.send(std::string(kStream) +
                  "event: endpoint\ndata: /m\n\ndata: " + std::string(kTools) + "\n\n");
        stream = &line;
        Harness::until([&done] { return done.load(); });
    });
    Harness gateway({server.port()}, special);
    Line client = gateway.connect();
    client.send("GET /adapters/a/sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string first = client.read_until("\"private\"");
    EXPECT_EQ(first.find("rm"), std::string::npos) << first;
    EXPECT_TRUE(Harness::until([&stream] { return stream.load() != nullptr; }));
    stream.load()->send("data: " + std::string(kTools) + "\n\n");
    const std::string second = client.read_until("\"private\"");
    EXPECT_EQ(second.find("rm"), std::string::npos) << second;
    EXPECT_NE(second.find("\"ls\""), std::string::npos) << second;

    gateway.set_rules({{AccessRule::Effect::deny, {}, {}, {"ls"}}});
    gateway.publish({server.port()});
    EXPECT_TRUE(Harness::until([&gateway] { return hides_ls(gateway); }));
    stream.load()->send("data: " + std::string(kTools) + "\n\n");
    const std::string third = client.read_until("event: cut\n\n");
    EXPECT_NE(third.find("event: cut\n\n"), std::string::npos) << third;
    EXPECT_EQ(third.find("rm"), std::string::npos) << third;
    EXPECT_EQ(third.find("\"ls\""), std::string::npos) << third;
    done = true;
}

}  // namespace
}  // namespace mcpgw::worker
