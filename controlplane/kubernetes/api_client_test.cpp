// Calls and streams against a server whose answers the test gives, with and without TLS.
#include "controlplane/kubernetes/api_client.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "common/time.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/kubernetes/access_fixture.h"
#include "controlplane/kubernetes/api_fixture.h"
#include "controlplane/kubernetes/tls_fixture.h"

namespace mcpgw::kubernetes {
namespace {

constexpr Nanos kPromptly = 100 * kMillisecond;  // how soon a cancelled call has to be back
constexpr Nanos kBusily = 2 * kSecond;           // the same on a machine that is busy

std::unique_ptr<ApiClient> open(const Access& access, ApiClientOptions options = {}) {
    auto client = ApiClient::open(access, std::move(options));
    if (client) return std::move(*client);
    ADD_FAILURE() << client.error().detail;
    return nullptr;
}

// Runs a call on a thread of its own.
template <class Function>
auto begin(Function function) {
    return std::async(std::launch::async, std::move(function));
}

const std::string kUnauthorized =
    R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
    R"("message":"Unauthorized","reason":"Unauthorized","code":401})";

TEST(Calls, carry_what_they_are_given_and_bring_the_answer_back) {
    ApiFixture server;
    Access access = server.access();
    access.token = "t0ken";
    const auto client = open(access);
    const Call call{.method = "PATCH",
                    .path = "/apis/apps/v1/namespaces/x/statefulsets/y",
                    .query = {{"fieldManager", "mcp-gateway"}, {"labelSelector", "a=b,c in (d)"}},
                    .content_type = "application/apply-patch+yaml",
                    .body = R"({"kind":"StatefulSet"})"};
    auto outcome = begin([&] { return client->send(call); });
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->method, "PATCH");
    EXPECT_EQ(asked->path, "/apis/apps/v1/namespaces/x/statefulsets/y");
    EXPECT_EQ(asked->param("labelSelector"), "a=b,c in (d)");
    EXPECT_EQ(asked->token, "Bearer t0ken");
    EXPECT_EQ(asked->content_type, "application/apply-patch+yaml");
    EXPECT_EQ(asked->body, R"({"kind":"StatefulSet"})");
    asked->answer({.status = 201,
                   .body = R"({"made":true})",
                   .fields = {{"Warning", R"(299 - "unknown field \"spec.x\"")"}}});
    const Outcome got = outcome.get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 201);
    EXPECT_EQ(got->body, R"({"made":true})");
    EXPECT_EQ(got->warnings, std::vector<std::string>{R"(unknown field \"spec.x\")"});
}

TEST(Calls, that_fail_bring_the_failure_and_the_time_to_wait) {
    ApiFixture server;
    const auto client = open(server.access());
    auto outcome = begin([&] { return client->send({.path = "/x"}); });
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->token, "");
    asked->answer({.status = 429, .body = "later", .fields = {{"Retry-After", "3"}}});
    const Outcome got = outcome.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::retry_later);
    EXPECT_EQ(got.error().retry_after_ms, 3000U);
}

TEST(Calls, do_not_follow_redirects) {
    ApiFixture server;
    const auto client = open(server.access());
    auto outcome = begin([&] { return client->send({.path = "/x"}); });
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->answer({.status = 302, .fields = {{"Location", "/y"}}});
    EXPECT_EQ(outcome.get().error().kind, FailureKind::refused);
}

TEST(Calls, reach_nobody_where_nobody_is) {
    Access access;
    {
        const ApiFixture server;
        access = server.access();
    }
    const Outcome got = open(access)->send({.path = "/x"});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::transport);
    EXPECT_FALSE(got.error().may_have_happened);
    EXPECT_EQ(got.error().message, "the API server cannot be reached");
    EXPECT_NE(got.error().log_detail.find("127.0.0.1"), std::string::npos);
}

TEST(Calls, end_when_their_time_is_over_and_may_have_happened) {
    ApiFixture server;
    const auto client = open(server.access());
    const Outcome got = client->send({.method = "DELETE", .path = "/x", .timeout_ms = 100});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::transport);
    EXPECT_TRUE(got.error().may_have_happened);
    EXPECT_EQ(got.error().message, "the API server has not answered in time");
}

TEST(Calls, refuse_answers_that_are_too_large) {
    ApiFixture server;
    ApiClientOptions options;
    options.answer_bytes_max = 1000;
    const auto client = open(server.access(), options);
    for (const std::size_t size : {1000U, 1001U}) {
        auto outcome = begin([&] { return client->send({.path = "/x"}); });
        const auto asked = server.next();
        ASSERT_TRUE(asked);
        asked->answer({.body = std::string(size, 'x')});
        const Outcome got = outcome.get();
        EXPECT_EQ(got.has_value(), size == 1000U);
        if (!got) {
            EXPECT_TRUE(got.error().is_too_large);
        }
    }
}

TEST(Calls, after_a_401_are_repeated_once_with_a_token_that_is_new_by_then) {
    const Folder folder;
    ApiFixture server;
    Access access = server.access();
    access.token_file = folder.write("token", "old");
    const auto client = open(access);
    auto outcome = begin([&] { return client->send({.path = "/x"}); });
    const auto first = server.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->token, "Bearer old");
    folder.write("token", "new");
    first->answer({.status = 401, .body = kUnauthorized});
    const auto second = server.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->token, "Bearer new");
    folder.write("token", "newest");
    second->answer({.status = 401, .body = kUnauthorized});
    const Outcome got = outcome.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, FailureKind::unauthorized);
}

TEST(Calls, after_a_401_with_the_same_token_are_not_repeated) {
    const Folder folder;
    ApiFixture server;
    Access access = server.access();
    access.token_file = folder.write("token", "old");
    const auto client = open(access);
    for (int round = 0; round < 2; ++round) {
        auto outcome = begin([&] { return client->send({.path = "/x"}); });
        const auto asked = server.next();
        ASSERT_TRUE(asked);
        asked->answer({.status = 401, .body = kUnauthorized});
        EXPECT_EQ(outcome.get().error().kind, FailureKind::unauthorized);
    }
    EXPECT_FALSE(server.next(std::chrono::milliseconds(0)));
}

TEST(Calls, take_a_rotated_token_with_the_next_one) {
    const Folder folder;
    ApiFixture server;
    Access access = server.access();
    access.token_file = folder.path("token");
    const auto client = open(access);
    EXPECT_EQ(client->send({.path = "/x"}).error().kind, FailureKind::unauthorized);
    for (const char* token : {"one", "two"}) {
        folder.write("token", token);
        auto outcome = begin([&] { return client->send({.path = "/x"}); });
        const auto asked = server.next();
        ASSERT_TRUE(asked);
        EXPECT_EQ(asked->token, std::string("Bearer ") + token);
        asked->answer({});
        EXPECT_TRUE(outcome.get());
    }
}

TEST(Calls, of_many_threads_each_get_their_own_answer) {
    ApiFixture server;
    const auto client = open(server.access());
    std::vector<std::future<bool>> callers;
    for (int caller = 0; caller < 8; ++caller)
        callers.push_back(begin([&client, caller] {
            bool all = true;
            for (int round = 0; round < 20; ++round) {
                const std::string path = "/" + std::to_string(caller) + "/" + std::to_string(round);
                const Outcome got = client->send({.path = path});
                all = all && got && got->body == path;
            }
            return all;
        }));
    for (int request = 0; request < 8 * 20; ++request) {
        const auto asked = server.next();
        ASSERT_TRUE(asked);
        asked->answer({.body = asked->path});
    }
    for (auto& caller : callers)
        EXPECT_TRUE(caller.get());
}

// How long a client's calls take to return after cancel_all.
Nanos time_to_cancel() {
    ApiFixture server;
    const auto client = open(server.access());
    auto call = begin([&] { return client->send({.path = "/call"}); });
    auto stream = begin([&] {
        return client->stream({.path = "/stream"}, {}, [](std::string_view) { return true; });
    });
    const auto first = server.next();
    const auto second = server.next();
    if (!first || !second) return kNever;
    (first->path == "/stream" ? first : second)->begin_stream();
    const Nanos before = monotonic_now();
    client->cancel_all();
    EXPECT_EQ(call.get().error().kind, FailureKind::cancelled);
    EXPECT_EQ(stream.get().error().kind, FailureKind::cancelled);
    const Nanos took = monotonic_now() - before;
    EXPECT_EQ(client->send({.path = "/later"}).error().kind, FailureKind::cancelled);
    return took;
}

TEST(Cancelling, ends_every_wait_at_once_and_every_later_call) {
    // The best of a few: on a busy machine it may take longer until a thread is run at all.
    Nanos best = kNever;
    for (int round = 0; round < 10 && best > kPromptly; ++round)
        best = std::min(best, time_to_cancel());
    EXPECT_LE(best, kPromptly);
}

TEST(Cancelling, one_call_leaves_the_others_alone) {
    ApiFixture server;
    const auto client = open(server.access());
    std::stop_source source;
    auto stopped = begin([&] { return client->send({.path = "/a"}, source.get_token()); });
    const auto first = server.next();
    auto other = begin([&] { return client->send({.path = "/b"}); });
    const auto second = server.next();
    ASSERT_TRUE(first && second);
    const Nanos before = monotonic_now();
    source.request_stop();
    EXPECT_EQ(stopped.get().error().kind, FailureKind::cancelled);
    EXPECT_LT(monotonic_now() - before, kBusily);
    second->answer({});
    EXPECT_TRUE(other.get());
}

struct Heard {
    Outcome outcome;
    std::string text;
    int ticks = 0;
};

std::future<Heard> listen(ApiClient& client, StreamLimits bounds, std::size_t enough = SIZE_MAX) {
    return begin([&client, bounds, enough] {
        Heard heard;
        heard.outcome = client.stream({.path = "/stream"}, bounds, [&](std::string_view bytes) {
            if (bytes.empty()) ++heard.ticks;
            heard.text += bytes;
            return heard.text.size() < enough;
        });
        return heard;
    });
}

TEST(Streams, come_as_they_are_sent_and_end_with_the_server) {
    ApiFixture server;
    const auto client = open(server.access());
    auto heard = listen(*client, {});
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->begin_stream();
    asked->send("one\ntw");
    asked->send("o\n");
    asked->end();
    const Heard got = heard.get();
    EXPECT_TRUE(got.outcome);
    EXPECT_EQ(got.text, "one\ntwo\n");
    EXPECT_GE(got.ticks, 1);  // when the head was there
}

TEST(Streams, that_break_off_are_a_failure) {
    ApiFixture server;
    const auto client = open(server.access());
    auto heard = listen(*client, {});
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->begin_stream();
    asked->send("half");
    asked->cut();
    const Heard got = heard.get();
    ASSERT_FALSE(got.outcome);
    EXPECT_EQ(got.outcome.error().kind, FailureKind::transport);
    EXPECT_EQ(got.text, "half");
}

TEST(Streams, end_when_the_sink_has_enough_and_the_server_notices) {
    ApiFixture server;
    const auto client = open(server.access());
    auto heard = listen(*client, {}, 3);
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->begin_stream();
    asked->send("abc");
    const Heard got = heard.get();
    EXPECT_TRUE(got.outcome);
    EXPECT_TRUE(asked->was_left());
}

TEST(Streams, tick_while_nothing_comes) {
    ApiFixture server;
    const auto client = open(server.access());
    int ticks = 0;
    auto outcome = begin([&] {
        return client->stream({.path = "/stream"}, {.tick_ms = 10},
                              [&](std::string_view) { return ++ticks < 5; });
    });
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->begin_stream();
    EXPECT_TRUE(outcome.get());
    EXPECT_EQ(ticks, 5);
}

TEST(Streams, that_are_silent_too_long_are_dead) {
    ApiFixture server;
    const auto client = open(server.access());
    auto heard = listen(*client, {.silence_ms = 100});
    const auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->begin_stream();
    asked->send("word");
    const Heard got = heard.get();
    ASSERT_FALSE(got.outcome);
    EXPECT_EQ(got.outcome.error().kind, FailureKind::transport);
    EXPECT_EQ(got.text, "word");
}

TEST(Streams, without_success_never_reach_the_sink) {
    ApiFixture server;
    const auto client = open(server.access());
    auto heard = listen(*client, {});
    auto asked = server.next();
    ASSERT_TRUE(asked);
    asked->answer({.status = 404, .body = R"({"kind":"Status","details":{"name":"x-0"}})"});
    const Heard got = heard.get();
    EXPECT_EQ(got.outcome.error().kind, FailureKind::not_found);
    EXPECT_EQ(got.ticks, 0);
    EXPECT_EQ(got.text, "");
    heard = listen(*client, {});
    asked = server.next();
    ASSERT_TRUE(asked);
    asked->answer({.status = 204});
    EXPECT_EQ(heard.get().outcome->status, 204);
}

TEST(Connections, are_used_again) {
    ApiFixture server;
    const auto client = open(server.access());
    std::string port;
    for (int round = 0; round < 5; ++round) {
        auto outcome = begin([&] { return client->send({.path = "/x"}); });
        const auto asked = server.next();
        ASSERT_TRUE(asked);
        if (round == 0) port = asked->remote_port;
        EXPECT_EQ(asked->remote_port, port);
        asked->answer({});
        ASSERT_TRUE(outcome.get());
    }
}

TEST(Opening, refuses_what_contradicts_itself) {
    const auto problem = [](const Access& access) {
        const auto client = ApiClient::open(access);
        return client ? "" : client.error().detail;
    };
    Access access;
    access.server = "https://k";
    EXPECT_EQ(problem(access), "");
    access.client_key.text = "KEY";
    EXPECT_EQ(problem(access), "a client certificate and its key need each other");
    access = {.server = "https://k", .ca = {.file = "/ca"}, .insecure_skip_tls_verify = true};
    EXPECT_NE(problem(access), "");
    access = {.server = "https://k", .token = "a\r\nb: c"};
    EXPECT_EQ(problem(access), "token has characters that a token cannot have");
    access = {.server = "https://[::1", .origin = "config"};
    EXPECT_EQ(problem(access), "config: server is not a URL");
}

TEST(Tls, trusts_the_given_authority_and_no_other) {
    const Authority ours("ours");
    const Authority others("others");
    TlsFixture server({.authority = &ours, .name = "127.0.0.1"});
    Access access = server.access();
    access.ca.text = ours.certificate();
    EXPECT_TRUE(server.answers(access));
    const Folder folder;
    access.ca = {.text = "", .file = folder.write("ca", others.certificate())};
    const Outcome refused = open(access)->send({.path = "/x"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "the certificate of the API server is not trusted");
    // The next connection reads the file again.
    folder.write("ca", ours.certificate());
    EXPECT_TRUE(server.answers(access));
    access.ca = {};
    EXPECT_FALSE(open(access)->send({.path = "/x"}));
    access.insecure_skip_tls_verify = true;
    EXPECT_TRUE(server.answers(access));
}

TEST(Tls, verifies_the_name_that_it_is_told) {
    const Authority authority("ours");
    TlsFixture server({.authority = &authority, .name = "kubernetes.default"});
    Access access = server.access();
    access.ca.text = authority.certificate();
    EXPECT_FALSE(open(access)->send({.path = "/x"}));
    access.tls_server_name = "kubernetes.default";
    EXPECT_TRUE(server.answers(access));
    EXPECT_EQ(server.last_host(), "127.0.0.1:" + std::to_string(server.port()));
    access.tls_server_name = "other.default";
    EXPECT_FALSE(open(access)->send({.path = "/x"}));
}

TEST(Tls, shows_a_client_certificate_from_text_or_files) {
    const Authority authority("ours");
    TlsFixture server(
        {.authority = &authority, .name = "127.0.0.1", .wants_client_certificate = true});
    Access access = server.access();
    access.ca.text = authority.certificate();
    EXPECT_FALSE(open(access)->send({.path = "/x"}));
    const auto [certificate, key] = authority.issue("client");
    access.client_certificate.text = certificate;
    access.client_key.text = key;
    EXPECT_TRUE(server.answers(access));
    const Folder folder;
    access.client_certificate = {.text = "", .file = folder.write("cert", certificate)};
    access.client_key = {.text = "", .file = folder.write("key", key)};
    EXPECT_TRUE(server.answers(access));
}

}  // namespace
}  // namespace mcpgw::kubernetes
