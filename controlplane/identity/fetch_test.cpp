// GET against a real server on loopback.
#include "controlplane/identity/fetch.h"

#include <atomic>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/identity/fake_provider.h"

namespace mcpgw::identity {
namespace {

TEST(Fetch, a_document_comes_with_the_time_that_it_may_be_kept) {
    FakeProvider provider;
    provider.put("/a", {200, "{}", "public, max-age=3600"});
    provider.put("/b", {200, "{}"});
    const auto fetched = fetch(provider.url("/a"), {});
    ASSERT_TRUE(fetched) << fetched.error().detail;
    EXPECT_EQ(fetched->body, "{}");
    EXPECT_EQ(fetched->max_age_seconds, 3600U);
    EXPECT_FALSE(fetch(provider.url("/b"), {})->max_age_seconds.has_value());
}

TEST(Fetch, anything_but_a_200_of_bounded_size_is_an_error_that_names_the_url) {
    FakeProvider provider;
    provider.put("/moved", {302, "", "", provider.url("/there")});
    provider.put("/there", {200, "{}"});
    provider.put("/broken", {500, "no"});
    provider.put("/large", {200, std::string(limits::issuer_document_bytes_max + 1, ' ')});
    provider.put("/full", {200, std::string(limits::issuer_document_bytes_max, ' ')});
    EXPECT_EQ(fetch(provider.url("/none"), {}).error().code, Code::not_found);
    EXPECT_EQ(fetch(provider.url("/broken"), {}).error().code, Code::protocol);
    EXPECT_EQ(fetch(provider.url("/large"), {}).error().code, Code::limit_exceeded);
    EXPECT_TRUE(fetch(provider.url("/full"), {}));
    const auto moved = fetch(provider.url("/moved"), {});
    EXPECT_EQ(moved.error().detail,
              provider.url("/moved") + " answers with status 302; redirections are not followed");
    EXPECT_EQ(provider.asked("/there"), 0);
}

TEST(Fetch, nobody_there_is_an_error_and_no_wait) {
    std::string url;
    {
        const FakeProvider provider;
        url = provider.url("/a");
    }
    const auto failed = fetch(url, {});
    EXPECT_EQ(failed.error().code, Code::unavailable);
    EXPECT_NE(failed.error().detail.find(url), std::string::npos);
}

TEST(Fetch, a_file_of_authorities_says_who_is_trusted_and_is_read_each_time) {
    const Authority ours("ours");
    const Authority others("others");
    FakeProvider provider(&ours);
    provider.put("/a", {200, "{}"});
    const std::string path = testing::TempDir() + "mcpgw_ca_" + std::to_string(::getpid());
    std::ofstream(path) << others.certificate();
    const auto refused = fetch(provider.url("/a"), {}, path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unavailable);
    EXPECT_NE(refused.error().detail.find("certificate"), std::string::npos);
    EXPECT_EQ(fetch(provider.url("/a"), {}).error().code, Code::unavailable)
        << "nobody has told the system of it";
    std::ofstream(path) << others.certificate() << ours.certificate();
    const auto fetched = fetch(provider.url("/a"), {}, path);
    ASSERT_TRUE(fetched) << fetched.error().detail;
    EXPECT_EQ(fetched->body, "{}");
    std::filesystem::remove(path);
    EXPECT_FALSE(fetch(provider.url("/a"), {}, path)) << "no file is not the system's";
}

TEST(Fetch, only_https_and_loopback_are_asked) {
    for (const char* url : {"http://192.0.2.1/x", "file:///etc/passwd", "ftp://127.0.0.1/", ""})
        EXPECT_EQ(fetch(url, {}).error().code, Code::invalid_argument) << url;
}

TEST(Fetch, a_stop_ends_the_wait_for_a_server_that_says_nothing) {
    httplib::Server server;
    std::stop_source stop;
    std::atomic<bool> is_over = false;
    server.Get("/", [&](const auto&, auto&) {
        stop.request_stop();
        while (!is_over)
            std::this_thread::yield();
    });
    const int port = server.bind_to_any_port("127.0.0.1");
    std::thread thread([&server] { server.listen_after_bind(); });
    const Nanos begun = monotonic_now();
    const auto failed = fetch("http://127.0.0.1:" + std::to_string(port) + "/", stop.get_token());
    EXPECT_LT(monotonic_now() - begun, limits::issuer_answer_ms * kMillisecond / 2);
    EXPECT_EQ(failed.error().code, Code::cancelled);
    is_over = true;
    server.stop();
    thread.join();
}

TEST(Fetch, cache_control_is_read_as_rfc_9111_has_it) {
    EXPECT_EQ(max_age_of("max-age=60"), 60U);
    EXPECT_EQ(max_age_of(" public , Max-Age=60, x"), 60U);
    EXPECT_EQ(max_age_of("max-age=\"60\""), 60U);
    EXPECT_EQ(max_age_of("max-age=99999999999"), UINT32_MAX);
    EXPECT_EQ(max_age_of("no-cache, max-age=60"), 0U);
    EXPECT_EQ(max_age_of("no-store"), 0U);
    for (const char* nothing : {"", "private", "max-age=", "max-age=x", "max-age=1s", "s-maxage=1"})
        EXPECT_FALSE(max_age_of(nothing).has_value()) << nothing;
}

}  // namespace
}  // namespace mcpgw::identity
