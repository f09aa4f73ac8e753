// Sessions through a worker on real sockets: known from their first request to their end, whoever
// ends them.
#include "dataplane/worker/harness_for_test.h"
#include "dataplane/worker/janitor.h"

namespace mcpgw::worker {
namespace {

std::uint32_t now_seconds() {
    return static_cast<std::uint32_t>(monotonic_now() / kSecond);
}

// Opens a session for every initialize, answers everything else with its request line and session
// header, and keeps GET streams open.
class SessionServer {
  public:
    SessionServer() : server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    std::string deleted() {
        EXPECT_TRUE(Harness::until([this] { return has_deleted_.load(); }));
        return deleted_;
    }
    [[nodiscard]] bool has_deleted() const { return has_deleted_; }

  private:
    void serve(Line& line) {
        const std::string request = read_request(line);
        if (request.find("initialize") != std::string::npos) {
            line.send(answer(
                R"({"jsonrpc":"2.0","id":0,"result":{}})",
                "Connection: close\r\nMcp-Session-Id: s-" + std::to_string(++opened_) + "\r\n"));
        } else if (request.starts_with("DELETE")) {
            deleted_ = request;
            has_deleted_ = true;
            line.send(answer("{}", "Connection: close\r\n"));
        } else if (request.starts_with("GET")) {
            line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
            streams_.push_back(std::move(line));
        } else {
            line.send(answer(R"({"jsonrpc":"2.0","id":7,"result":{}})", "Connection: close\r\n"));
        }
    }
    int opened_ = 0;
    std::string deleted_;
    std::atomic<bool> has_deleted_ = false;
    std::vector<Line> streams_;
    ScriptedServer server_;
};

std::string session(const std::string& id) {
    return "Mcp-Session-Id: " + id + "\r\n";
}

Harness::Special idle_after(std::uint32_t seconds) {
    Harness::Special special;
    special.session_idle_seconds = seconds;
    return special;
}

// Looks often enough to have seen every session.
void look(Janitor& janitor, std::uint32_t now) {
    for (std::uint32_t i = 0; i <= limits::janitor_rounds; ++i)
        janitor.look(now * kSecond);
}

class Gateway : public Harness {
  public:
    explicit Gateway(std::uint16_t port, const Special& special = {}) : Harness({port}, special) {}
    Janitor janitor{sessions,
                    publication,
                    {nullptr, [](void* self) { static_cast<Mailbox*>(self)->wake(); }, &mailbox}};
};

TEST(Sessions, a_session_that_nobody_uses_is_ended_at_its_server) {
    SessionServer server;
    Gateway gateway(server.port(), idle_after(5));
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
    look(gateway.janitor, now_seconds() + 3);
    EXPECT_EQ(gateway.sessions.table.size(), 1U) << "it is not due yet";
    look(gateway.janitor, now_seconds() + 7);
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    EXPECT_EQ(gateway.janitor.expired(ExpiryReason::never_used), 1U);
    const std::string request = server.deleted();
    EXPECT_TRUE(request.starts_with("DELETE /mcp HTTP/1.1\r\n")) << request;
    EXPECT_NE(request.find("Mcp-Session-Id: s-1\r\n"), std::string::npos) << request;
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
}

TEST(Sessions, use_puts_the_end_off) {
    SessionServer server;
    Gateway gateway(server.port(), idle_after(5));
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    SessionRecord seen;
    gateway.sessions.table.visit(0, 1, [&](const SessionRecord& record) {
        seen = record;
        return true;
    });
    EXPECT_EQ(seen.requests, 1U);
    EXPECT_EQ(seen.texts.server_id(), "s-1");
    EXPECT_EQ(seen.texts.user(), "dev");
    look(gateway.janitor, now_seconds() + 7);
    EXPECT_EQ(gateway.janitor.expired(ExpiryReason::idle), 1U);
    EXPECT_NE(server.deleted().find("s-1"), std::string::npos);
}

TEST(Sessions, a_session_with_an_open_stream_is_not_idle) {
    SessionServer server;
    Gateway gateway(server.port(), idle_after(5));
    {
        Line client = gateway.connect();
        const std::string id = Gateway::initialize(client);
        client.send("GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + session(id) + "\r\n");
        client.read_until(": hi");
        SessionRecord seen;
        gateway.sessions.table.visit(0, 1, [&](const SessionRecord& record) {
            seen = record;
            return true;
        });
        EXPECT_TRUE(seen.has_standalone);
        look(gateway.janitor, now_seconds() + 100'000);
        EXPECT_EQ(gateway.sessions.table.size(), 1U);
    }
    EXPECT_TRUE(Harness::until([&] { return gateway.metrics.streams_active.value() == 0; }));
    look(gateway.janitor, now_seconds() + 100'000);
    EXPECT_NE(server.deleted().find("s-1"), std::string::npos);
}

TEST(Sessions, who_ends_a_session_leaves_nothing_behind) {
    SessionServer server;
    Gateway gateway(server.port());
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    client.send("DELETE /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + session(id) + "\r\n");
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(Harness::until([&] { return gateway.sessions.table.size() == 0; }));
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
}

TEST(Sessions, a_session_of_another_gateway_becomes_known) {
    SessionServer server;
    std::string id;
    {
        Gateway first(server.port());
        Line client = first.connect();
        id = Gateway::initialize(client);
    }
    Gateway second(server.port(), idle_after(5));
    Line client = second.connect();
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(second.sessions.table.size(), 1U);
    look(second.janitor, now_seconds() + 7);
    EXPECT_NE(server.deleted().find("s-1"), std::string::npos)
        << "the first one is gone: as far as this one knows, nobody else has the session";
}

TEST(Sessions, one_user_has_so_many_and_others_have_their_own) {
    SessionServer server;
    Harness::Special two_each;
    two_each.sessions_per_user_max = 2;
    Gateway gateway(server.port(), two_each);
    Line client = gateway.connect();
    Gateway::initialize(client);
    const std::string second = Gateway::initialize(client);
    const std::string initialize = R"({"jsonrpc":"2.0","id":3,"method":"initialize"})";
    client.send(Gateway::post(initialize));
    const std::string refused = client.read_until("}}");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
    EXPECT_NE(refused.find("Retry-After: "), std::string::npos) << refused;
    EXPECT_NE(refused.find("\"id\":3,\"error\":{\"code\":-32000"), std::string::npos) << refused;
    client.send(Gateway::post(initialize, "X-Dev-UserId: ann\r\nX-Dev-Roles: mcp.admin\r\n"));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    client.send(Gateway::post(kCall, session(second)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 ")) << "open ones go on";
}

TEST(Sessions, an_instance_that_is_gone_takes_its_sessions_with_it) {
    SessionServer server;
    SessionServer other;
    Gateway gateway(server.port());
    Line client = gateway.connect();
    Gateway::initialize(client);
    gateway.publish({other.port()});
    look(gateway.janitor, now_seconds());
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    EXPECT_EQ(gateway.janitor.expired(ExpiryReason::instance_gone), 1U);
    EXPECT_FALSE(server.has_deleted());
    EXPECT_FALSE(other.has_deleted());
}

// The name of a `url` adapter that cannot be resolved for a while takes its instance out of the
// snapshot; the server has not noticed anything.
TEST(Sessions, an_instance_that_comes_back_has_its_sessions_still) {
    SessionServer server;
    Gateway gateway(server.port());
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    gateway.publish({});
    look(gateway.janitor, now_seconds());
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
    gateway.publish({server.port()});
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
}

TEST(Sessions, what_another_gateway_may_have_at_work_is_forgotten_and_not_ended) {
    SessionServer server;
    Gateway::Special special = idle_after(5);
    special.keys_are_shared = true;
    Gateway gateway(server.port(), special);
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    look(gateway.janitor, now_seconds() + 7);
    EXPECT_EQ(gateway.sessions.table.size(), 0U);
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
    EXPECT_FALSE(server.has_deleted());
}

TEST(Sessions, without_affinity_a_session_outlives_its_instance_and_can_be_deleted) {
    SessionServer server;
    SessionServer other;
    Gateway::Special special;
    special.affinity = contract::Affinity::none;
    Gateway gateway(server.port(), special);
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    gateway.publish({other.port()});
    look(gateway.janitor, now_seconds());
    EXPECT_EQ(gateway.sessions.table.size(), 1U);
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 200 "));
    client.send("DELETE /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + session(id) + "\r\n");
    EXPECT_TRUE(client.read_until("{}").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(Harness::until([&] { return gateway.sessions.table.size() == 0; }));
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
}

TEST(Sessions, without_affinity_another_instance_is_told_of_the_end) {
    SessionServer server;
    SessionServer other;
    Gateway::Special special = idle_after(5);
    special.affinity = contract::Affinity::none;
    Gateway gateway(server.port(), special);
    Line client = gateway.connect();
    Gateway::initialize(client);
    gateway.publish({other.port()});
    look(gateway.janitor, now_seconds() + 7);
    EXPECT_NE(other.deleted().find("s-1"), std::string::npos);
}

TEST(Sessions, an_administrator_ends_one_by_its_handle) {
    SessionServer server;
    Gateway gateway(server.port());
    gateway.janitor.start();
    Line client = gateway.connect();
    const std::string id = Gateway::initialize(client);
    SessionHandle handle;
    gateway.sessions.table.visit(0, 1, [&](const SessionRecord& record) {
        handle = record.handle;
        return true;
    });
    EXPECT_TRUE(gateway.janitor.end(handle));
    EXPECT_FALSE(gateway.janitor.end(handle)) << "once";
    client.send(Gateway::post(kCall, session(id)));
    EXPECT_TRUE(client.read_until("}}").starts_with("HTTP/1.1 404 "));
    EXPECT_NE(server.deleted().find("s-1"), std::string::npos);
    EXPECT_TRUE(Harness::until([&] { return gateway.sessions.table.size() == 0; }));
}

}  // namespace
}  // namespace mcpgw::worker
