// Limits of use through a worker on real sockets: what counts, what a client is told, and that
// whatever is taken is given back.
#include "dataplane/worker/harness_for_test.h"
#include "dataplane/worker/janitor.h"
#include "dataplane/worker/usage_list.h"

namespace mcpgw::worker {
namespace {

constexpr std::string_view kInitialize = R"({"jsonrpc":"2.0","id":0,"method":"initialize"})";

// Initialize opens a session; GET, and calls with an "X-Stream" header, get an event stream that
// stays open; everything else a result.
class Server {
  public:
    Server() : server_([this](Line& line) { serve(line); }) {}
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }
    [[nodiscard]] int requests() const { return requests_; }
    void end_streams() { ending_ = true; }

  private:
    void serve(Line& line) {
        if (ending_.exchange(false)) streams_.clear();
        const std::string request = read_request(line);
        ++requests_;
        if (request.starts_with("GET") || request.find("X-Stream") != std::string::npos) {
            line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
            streams_.push_back(std::move(line));
            return;
        }
        const bool opens = request.find("initialize") != std::string::npos;
        line.send(answer(
            R"({"jsonrpc":"2.0","id":7,"result":{}})",
            opens ? "Connection: close\r\nMcp-Session-Id: s-" + std::to_string(requests_) + "\r\n"
                  : std::string("Connection: close\r\n")));
    }
    std::atomic<int> requests_ = 0;
    std::atomic<bool> ending_ = false;
    std::vector<Line> streams_;
    ScriptedServer server_;
};

// A day, so that no window ends within the test (but at midnight, which it survives).
contract::Limits quota(std::uint64_t requests) {
    contract::Limits limits;
    limits.quota_requests = requests;
    limits.quota_seconds = 24 * 60 * 60;
    return limits;
}
contract::Limits rate(std::uint32_t per_second, std::uint32_t burst) {
    contract::Limits limits;
    limits.requests_per_second = per_second;
    limits.burst = burst;
    return limits;
}
contract::Limits sessions(std::uint32_t max) {
    contract::Limits limits;
    limits.sessions_max = max;
    return limits;
}
contract::Limits streams(std::uint32_t max) {
    contract::Limits limits;
    limits.streams_max = max;
    return limits;
}

Harness::Special of_adapter(const contract::Limits& all, const contract::Limits& per_user = {}) {
    Harness::Special special;
    special.limits = {all, per_user};
    return special;
}
Harness::Special of_tenant(const contract::Limits& all, const contract::Limits& per_user = {}) {
    Harness::Special special;
    special.tenants = {{"acme", {all, per_user}}};
    return special;
}

// The head and body of the answer to one request on a line of its own.
std::string ask(const Harness& gateway, std::string_view body, std::string_view lines = "") {
    Line line = gateway.connect();
    line.send(Harness::post(body, lines));
    const std::string head = line.read_until("\r\n\r\n");
    return head + line.read_until("}}");
}
std::string get(Line& line, std::string_view lines = "") {
    line.send("GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" +
              std::string(lines) + "\r\n");
    return line.read_until("\r\n\r\n");
}
std::uint64_t refusals(const Harness& gateway, LimitKind kind, LimitScope scope) {
    return gateway.metrics.limit_refusals[kind][scope].value();
}

TEST(Limits, a_quota_lets_so_many_through_and_says_what_is_left) {
    Server server;
    Harness gateway({server.port()}, of_adapter(quota(3)));
    for (const char* left : {"r=2;t=", "r=1;t=", "r=0;t="}) {
        const std::string answer = ask(gateway, kCall);
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
        EXPECT_TRUE(has(answer, "\r\nRateLimit-Policy: \"quota\";q=3;w=86400\r\n")) << answer;
        EXPECT_TRUE(has(answer, "\r\nRateLimit: \"quota\";" + std::string(left))) << answer;
    }
    const std::string refused = ask(gateway, kCall);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
    EXPECT_TRUE(has(refused, "\r\nRetry-After: ")) << refused;
    EXPECT_TRUE(has(refused, "\r\nRateLimit: \"quota\";r=0;t=")) << refused;
    EXPECT_TRUE(has(refused, R"("id":7,"error":{"code":-32000)")) << refused;
    EXPECT_EQ(server.requests(), 3);
    EXPECT_EQ(refusals(gateway, LimitKind::quota, LimitScope::adapter), 1U);
    EXPECT_EQ(gateway.metrics.rejected[RejectReason::quota_exhausted].value(), 1U);
}

TEST(Limits, without_limits_nothing_is_told_and_nothing_is_kept) {
    Server server;
    Harness gateway({server.port()});
    EXPECT_FALSE(has(ask(gateway, kCall), "RateLimit"));
    EXPECT_EQ(gateway.limiter.table().size(), 0U);
}

TEST(Limits, every_request_to_the_adapter_counts_once_and_others_do_not) {
    Server server;
    Harness gateway({server.port()}, of_adapter(quota(100)));
    const auto used = [&] {
        const std::string answer = ask(gateway, kCall);  // which counts itself
        const std::size_t at = answer.find("r=");
        return at == std::string::npos ? 0 : 100 - std::stoi(answer.substr(at + 2));
    };
    EXPECT_EQ(used(), 1);
    ask(gateway, kInitialize);
    EXPECT_EQ(used(), 3);
    ask(gateway,
        R"([{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}])");
    EXPECT_EQ(used(), 5) << "a batch is one request";
    ask(gateway, kCall, "Mcp-Session-Id: forged\r\n");
    EXPECT_EQ(used(), 7) << "a 404 for a session counts";
    Line line = gateway.connect();
    line.send("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
    line.read_until("}");
    line.send("OPTIONS /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
    line.read_until("\r\n\r\n");
    line.send("GET /adapters/b/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
    line.read_until("}}");
    EXPECT_EQ(used(), 8);
    ask(gateway, kCall, "X-Dev-UserId: eve\r\n");
    EXPECT_EQ(used(), 9) << "who may not read the adapter does not count";
}

TEST(Limits, a_request_that_is_repeated_counts_once) {
    Server server;
    std::uint16_t nobody = 0;
    {
        ScriptedServer gone([](Line&) {});
        nobody = gone.port();
    }
    Harness gateway({server.port(), nobody}, of_adapter(quota(50)));
    int passed = 0;
    for (int i = 0; i < 60; ++i)
        passed += ask(gateway, kCall).starts_with("HTTP/1.1 200 ") ? 1 : 0;
    EXPECT_EQ(passed, 50);
    EXPECT_GT(gateway.metrics.backend_retries[RetryReason::connect_failed].value(), 0U);
}

TEST(Limits, users_of_a_tenant_have_quotas_of_their_own) {
    Server server;
    Harness gateway({server.port()}, of_tenant(quota(5), quota(3)));
    const std::string role = "X-Dev-Roles: mcp.admin\r\nX-Dev-Tenant: acme\r\n";
    const auto passed = [&](const std::string& user) {
        int count = 0;
        for (int i = 0; i < 6; ++i)
            count += ask(gateway, kCall, role + "X-Dev-UserId: " + user + "\r\n")
                         .starts_with("HTTP/1.1 200 ");
        return count;
    };
    EXPECT_EQ(passed("ann"), 3);
    EXPECT_EQ(passed("bob"), 2);
    EXPECT_EQ(refusals(gateway, LimitKind::quota, LimitScope::tenant_user), 3U);
    EXPECT_EQ(refusals(gateway, LimitKind::quota, LimitScope::tenant), 4U);
    EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 200 ")) << "of no tenant";
}

TEST(Limits, a_rate_refuses_what_is_above_its_burst) {
    Server server;
    Harness gateway({server.port()}, of_adapter(rate(1, 4)));
    int passed = 0;
    const Nanos begin = monotonic_now();
    std::string refused;
    for (int i = 0; i < 40 && monotonic_now() - begin < kSecond; ++i) {
        const std::string answer = ask(gateway, kCall);
        const bool ok = answer.starts_with("HTTP/1.1 200 ");
        passed += ok ? 1 : 0;
        if (!ok) refused = answer;
    }
    const auto seconds = static_cast<int>((monotonic_now() - begin) / kSecond);
    EXPECT_GE(passed, 4);
    EXPECT_LE(passed, 5 + seconds);
    EXPECT_TRUE(has(refused, "\r\nRetry-After: 1\r\n")) << refused;
    EXPECT_TRUE(has(refused, "RateLimit-Policy: \"rate\";q=4;w=4\r\n")) << refused;
    EXPECT_GT(refusals(gateway, LimitKind::rate, LimitScope::adapter), 0U);
}

TEST(Limits, sessions_of_an_adapter_are_limited_and_a_refusal_uses_no_quota) {
    Server server;
    contract::Limits all = sessions(2);
    all.quota_requests = 100;
    all.quota_seconds = 24 * 60 * 60;
    Harness gateway({server.port()}, of_adapter(all));
    EXPECT_TRUE(ask(gateway, kInitialize).starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(ask(gateway, kInitialize).starts_with("HTTP/1.1 200 "));
    const std::string refused = ask(gateway, kInitialize);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
    EXPECT_TRUE(has(refused, "Retry-After: 60\r\n")) << refused;
    EXPECT_EQ(refusals(gateway, LimitKind::sessions, LimitScope::adapter), 1U);
    EXPECT_TRUE(has(ask(gateway, kCall), "r=97;")) << "two sessions, and this one";
}

TEST(Limits, sessions_of_a_user_in_a_tenant_are_limited) {
    Server server;
    Harness gateway({server.port()}, of_tenant(sessions(3), sessions(2)));
    const auto open = [&](const std::string& user) {
        return ask(gateway, kInitialize,
                   "X-Dev-Roles: mcp.admin\r\nX-Dev-Tenant: acme\r\nX-Dev-UserId: " + user + "\r\n")
            .starts_with("HTTP/1.1 200 ");
    };
    EXPECT_TRUE(open("ann"));
    EXPECT_TRUE(open("ann"));
    EXPECT_FALSE(open("ann"));
    EXPECT_TRUE(open("bob"));
    EXPECT_FALSE(open("bob"));
    EXPECT_EQ(refusals(gateway, LimitKind::sessions, LimitScope::tenant_user), 1U);
    EXPECT_EQ(refusals(gateway, LimitKind::sessions, LimitScope::tenant), 1U);
}

TEST(Limits, streams_are_limited_and_a_place_is_given_back_when_a_client_leaves) {
    Server server;
    contract::Limits all = streams(2);
    all.quota_requests = 100;
    all.quota_seconds = 24 * 60 * 60;
    Harness gateway({server.port()}, of_adapter(all));
    const auto is_open = [&](Line& line) { return get(line).starts_with("HTTP/1.1 200 "); };
    Line first = gateway.connect();
    EXPECT_TRUE(is_open(first));
    {
        Line second = gateway.connect();
        EXPECT_TRUE(is_open(second));
        Line third = gateway.connect();
        const std::string refused = get(third);
        EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
        EXPECT_TRUE(has(refused, "Retry-After: 10\r\n")) << refused;
        EXPECT_FALSE(has(refused, "RateLimit")) << "it has used up no quota";
        EXPECT_EQ(refusals(gateway, LimitKind::streams, LimitScope::adapter), 1U);
    }
    EXPECT_TRUE(Harness::until([&] {
        Line again = gateway.connect();
        return is_open(again);
    })) << "the client that left has given its place back";
}

TEST(Limits, a_stream_that_answers_a_post_is_counted_and_not_refused) {
    Server server;
    Harness gateway({server.port()}, of_adapter(streams(1)));
    {
        Line post = gateway.connect();
        post.send(Harness::post(kCall, "X-Stream: 1\r\n"));
        EXPECT_TRUE(post.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
        Line second_post = gateway.connect();
        second_post.send(Harness::post(kCall, "X-Stream: 1\r\n"));
        EXPECT_TRUE(second_post.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
        Line stream = gateway.connect();
        EXPECT_TRUE(get(stream).starts_with("HTTP/1.1 429 "));
        EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 200 ")) << "no stream, no limit";
    }
    EXPECT_TRUE(Harness::until([&] {
        Line again = gateway.connect();
        return get(again).starts_with("HTTP/1.1 200 ");
    }));
}

TEST(Limits, a_stream_that_its_server_refuses_or_ends_gives_its_place_back) {
    // The first answer is no stream, the second one ends at once.
    std::atomic<int> asked = 0;
    ScriptedServer server([&asked](Line& line) {
        read_request(line);
        if (asked++ % 2 == 0)
            line.send("HTTP/1.1 405 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n}}");
        else
            line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
    });
    Harness gateway({server.port()}, of_adapter(streams(1)));
    for (int i = 0; i < 8; ++i) {
        Line line = gateway.connect();
        const std::string head = get(line, "Connection: close\r\n");
        EXPECT_FALSE(head.starts_with("HTTP/1.1 429 ")) << head;
        EXPECT_TRUE(line.peer_ends());
    }
}

TEST(Limits, limits_that_come_with_a_change_hold_at_once) {
    Server server;
    Harness gateway({server.port()}, of_adapter(quota(1)));
    EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 429 "));
    gateway.limit({quota(3), {}});
    gateway.publish({server.port()});
    EXPECT_TRUE(Harness::until([&] { return ask(gateway, kCall).starts_with("HTTP/1.1 200 "); }));
    EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(ask(gateway, kCall).starts_with("HTTP/1.1 429 "));
}

TEST(Limits, usage_is_told_to_whoever_asks) {
    Server server;
    contract::Limits all = streams(5);
    all.quota_requests = 100;
    all.quota_seconds = 24 * 60 * 60;
    Harness::Special special = of_tenant(all);
    Harness gateway({server.port()}, special);
    const std::string who = "X-Dev-Roles: mcp.admin\r\nX-Dev-Tenant: acme\r\n";
    ask(gateway, kInitialize, who);
    ask(gateway, kCall, who);
    Line stream = gateway.connect();
    EXPECT_TRUE(get(stream, who).starts_with("HTTP/1.1 200 "));
    Publication publication(1);
    RouteBuilder builder;
    contract::Snapshot snapshot;
    snapshot.epoch = "e";
    snapshot.version = 1;
    snapshot.access.tenants = special.tenants;
    publication.publish(std::move(*builder.build(snapshot)));
    UsageList list(gateway.sessions, publication, gateway.limiter);
    contract::UsagePage page;
    list.list({1, {"acme", "unknown"}}, page);
    ASSERT_EQ(page.items.size(), 2U);
    EXPECT_EQ(page.items[0].tenant, "acme");
    EXPECT_EQ(page.items[0].used, 3U);
    EXPECT_EQ(page.items[0].resets_unix_seconds % all.quota_seconds, 0U);
    EXPECT_GT(page.items[0].resets_unix_seconds, unix_seconds_now());
    EXPECT_EQ(page.items[0].sessions, 1U);
    EXPECT_EQ(page.items[0].streams, 1U);
    EXPECT_EQ(page.items[1], (contract::TenantUsage{"unknown", 0, 0, 0, 0}));
}

TEST(Limits, the_janitor_sweeps_counters) {
    SharedSessions sessions{{.sessions_max = limits::sessions_max_least}};
    Publication publication{1};
    limit::Limiter limiter{{.table = {.counters = 64, .reserved = 16}, .stream_counters = 64}};
    Adapter adapter;
    adapter.name = "a";
    adapter.limits.all = rate(10, 10);
    ASSERT_TRUE(limiter.take({&adapter, nullptr, {}, "ann"}, {1, 1}).allowed);
    EXPECT_EQ(limiter.table().size(), 1U);
    Janitor janitor(sessions, publication, {});
    janitor.sweep_counters(limiter);
    for (std::uint32_t i = 0; i <= limits::use_counter_rounds; ++i)
        janitor.look(monotonic_now());
    EXPECT_EQ(limiter.table().size(), 0U);
}

}  // namespace
}  // namespace mcpgw::worker
