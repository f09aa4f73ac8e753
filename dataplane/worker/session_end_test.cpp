// What ends a session and what only looks like it: statuses of servers, ids that come again, ends
// in the middle of a stream, and how servers are told.
#include "dataplane/worker/harness_for_test.h"
#include "dataplane/worker/janitor.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

// Gives every session the id "one"; for the rest a test says the statuses.
class OneIdServer {
  public:
    OneIdServer() : server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

    std::atomic<int> get_status = 200;
    std::atomic<int> post_status = 200;
    std::atomic<int> delete_status = 200;

  private:
    void serve(Line& line) const {
        const std::string request = read_request(line);
        int status = post_status;
        if (request.starts_with("DELETE")) status = delete_status;
        if (request.starts_with("GET")) status = get_status;
        const bool opens = request.find("initialize") != std::string::npos;
        line.send("HTTP/1.1 " + std::to_string(opens ? 200 : status) +
                  " So\r\nContent-Type: application/json\r\nConnection: close\r\n" +
                  (opens ? "Mcp-Session-Id: one\r\n" : "") + "Content-Length: 3\r\n\r\n{}}");
    }
    ScriptedServer server_;
};

std::string with(const std::string& id) {
    return "Mcp-Session-Id: " + id + "\r\n";
}

std::string bare(std::string_view method, const std::string& id) {
    return std::string(method) + " /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + with(id) +
           "\r\n";
}

int status_of(Line& client, const std::string& request) {
    client.send(request);
    const std::string answer = client.read_until("}}");
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}

// Opens a session at a server whose bodies end in "}}", too.
std::string open(Line& client) {
    client.send(Harness::post(R"({"jsonrpc":"2.0","id":0,"method":"initialize"})"));
    const std::string answer = client.read_until("{}}");
    const std::size_t at = answer.find("Mcp-Session-Id: ");
    EXPECT_NE(at, std::string::npos) << answer;
    if (at == std::string::npos) return "";
    return answer.substr(at + 16, answer.find("\r\n", at) - at - 16);
}

TEST(SessionEnd, a_server_may_give_an_id_again) {
    OneIdServer server;
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string first = open(client);
    const std::string second = open(client);
    EXPECT_EQ(gateway.sessions.table.size(), 2U);
    EXPECT_EQ(status_of(client, bare("DELETE", first)), 200);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(first))), 404);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(second))), 200);
    const std::string third = open(client);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(third))), 200);
}

TEST(SessionEnd, an_id_that_nobody_has_asked_for_is_known_once_it_is_used) {
    ScriptedServer server([](Line& line) {
        read_request(line);
        line.send(answer("{}}", "Connection: close\r\nMcp-Session-Id: one\r\n"));
    });
    Harness gateway({server.port()});
    Line client = gateway.connect();
    client.send(Harness::post(kCall));
    const std::string got = client.read_until("}}");
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    const std::size_t at = got.find("Mcp-Session-Id: ") + 16;
    const std::string id = got.substr(at, got.find("\r\n", at) - at);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 200);
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
}

TEST(SessionEnd, that_a_server_has_no_stream_ends_nothing) {
    OneIdServer server;
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string id = open(client);
    server.get_status = 404;
    EXPECT_EQ(status_of(client, bare("GET", id)), 404);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 200);
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
}

TEST(SessionEnd, what_its_server_does_not_know_any_more_has_ended) {
    OneIdServer server;
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string id = open(client);
    server.post_status = 404;
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 404);
    server.post_status = 200;
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 404);
    EXPECT_EQ(gateway.metrics.sessions_forgotten.value(), 1U);
}

TEST(SessionEnd, delete_ends_it_also_where_the_server_knows_no_delete) {
    for (const int status : {200, 202, 404, 405}) {
        OneIdServer server;
        Harness gateway({server.port()});
        Line client = gateway.connect();
        const std::string id = open(client);
        server.delete_status = status;
        EXPECT_EQ(status_of(client, bare("DELETE", id)), status);
        EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 404) << status;
        EXPECT_EQ(gateway.metrics.sessions_forgotten.value(), 0U);
    }
}

TEST(SessionEnd, a_delete_that_fails_ends_nothing) {
    OneIdServer server;
    Harness gateway({server.port()});
    Line client = gateway.connect();
    const std::string id = open(client);
    server.delete_status = 500;
    EXPECT_EQ(status_of(client, bare("DELETE", id)), 500);
    EXPECT_EQ(status_of(client, Harness::post(kCall, with(id))), 200);
}

TEST(SessionEnd, a_busy_stream_of_an_ended_session_ends_at_the_next_event) {
    std::atomic<bool> has_ended = false;
    ScriptedServer server([&](Line& line) {
        const std::string request = read_request(line);
        if (request.find("initialize") != std::string::npos) {
            line.send(answer(R"({"jsonrpc":"2.0","id":0,"result":{}})",
                             "Connection: close\r\nMcp-Session-Id: one\r\n"));
            return;
        }
        line.send(std::string(kStreamHead) + "data: before\n\n");
        EXPECT_TRUE(Harness::until([&] { return has_ended.load(); }));
        line.send("data: cut");
        line.send(" in two\n\ndata: after\n\n");
        EXPECT_TRUE(line.peer_ends());
    });
    Harness gateway({server.port()});
    Janitor janitor(gateway.sessions, gateway.publication, {});
    Line client = gateway.connect();
    const std::string id = Harness::initialize(client);
    client.send(bare("GET", id));
    client.read_until("before\n\n");
    SessionHandle handle;
    gateway.sessions.table.visit(0, 1, [&](const SessionRecord& record) {
        handle = record.handle;
        return true;
    });
    ASSERT_TRUE(janitor.end(handle));
    has_ended = true;
    const std::string rest = client.read_until("0\r\n\r\n");
    EXPECT_NE(rest.find("in two\n\n"), std::string::npos) << rest;
    EXPECT_TRUE(rest.ends_with("0\r\n\r\n")) << rest;
}

TEST(SessionEnd, silence_beyond_the_limit_of_the_adapter_is_no_failure_of_the_instance) {
    std::vector<Line> streams;
    ScriptedServer server([&](Line& line) {
        read_request(line);
        line.send(std::string(kStreamHead) + "data: before\n\n");
        streams.push_back(std::move(line));
    });
    Harness::Special special;
    special.idle_ms = 50;
    Harness gateway({server.port()}, special);
    for (std::uint32_t i = 0; i <= limits::ejection_failures; ++i) {
        Line client = gateway.connect();
        client.send(Harness::post(kCall));
        const std::string stream = client.read_until("0\r\n\r\n");
        EXPECT_NE(stream.find("idle limit"), std::string::npos) << stream;
        EXPECT_NE(stream.find("\"id\":7"), std::string::npos) << stream;
    }
    EXPECT_EQ(gateway.metrics.ejections.value(), 0U);
}

TEST(SessionEnd, instances_that_let_requests_wait_in_vain_are_ejected) {
    std::vector<Line> waiting;
    ScriptedServer server([&](Line& line) {
        read_request(line);
        waiting.push_back(std::move(line));
    });
    Harness gateway({server.port()});
    gateway.publish({server.port()}, 30);
    for (std::uint32_t i = 0; i < limits::ejection_failures; ++i) {
        Line client = gateway.connect();
        client.send(Harness::post(kCall));
        EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 504 "));
    }
    EXPECT_EQ(gateway.metrics.ejections.value(), 1U);
}

}  // namespace
}  // namespace mcpgw::worker
