// The memory of a bridge whose clients or servers do not read, or say too much at once. Measured on
// a process of its own, and not under sanitizers, which keep what is freed.
#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>

#include "tools/server/bridge_fixture.h"

namespace mcpgw::server {
namespace {

using test::BridgeProcess;
using test::children_of;
using test::contains;
using test::eventually;
using test::notification;
using test::pids_of;
using test::request;
using test::resident_kib;
using test::SilentClient;
using test::TestClient;

std::uint64_t written_by(pid_t pid) {
    std::ifstream io("/proc/" + std::to_string(pid) + "/io");
    std::string name;
    for (std::uint64_t value = 0; io >> name >> value;)
        if (name == "wchar:") return value;
    return 0;
}

// Waits until the process has written something and then nothing for a while; how much it was.
std::uint64_t written_when_held(pid_t pid) {
    std::uint64_t last = 0;
    int looks = 0;
    EXPECT_TRUE(eventually([&] {
        const std::uint64_t now = written_by(pid);
        looks = now == last && now > 100'000 ? looks + 1 : 0;
        last = now;
        return looks == 20;
    }));
    return last;
}

constexpr std::uint64_t kFloodBytes = 16 * 1024 * 1024;  // what test/flood writes, at least
constexpr std::size_t kRoomKib = 8 * 1024;

// Every message of a flood, in order and once.
void expect_flood(const std::string& received) {
    std::size_t at = 0;
    for (int n = 0; n < 16 * 1024; ++n) {
        at = received.find("\"n\":", at);
        ASSERT_NE(at, std::string::npos) << n;
        at += 4;
        ASSERT_EQ(std::atoi(received.c_str() + at), n);
    }
}

TEST(BridgeMemory, an_answer_that_is_not_read_holds_the_server) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const pid_t server = pids_of(client).child;
    const std::size_t before = resident_kib(bridge.pid());
    SilentClient silent(client, "POST", request(1, "test/flood"));
    EXPECT_LT(written_when_held(server), kFloodBytes / 2);
    EXPECT_LT(resident_kib(bridge.pid()), before + kRoomKib);
    expect_flood(silent.read_until("\"result\""));
}

TEST(BridgeMemory, a_standalone_stream_that_is_not_read_holds_the_server) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const pid_t server = pids_of(client).child;
    const std::size_t before = resident_kib(bridge.pid());
    SilentClient silent(client, "GET", "");
    ASSERT_NE(silent.read_until("\r\n\r\n"), "");
    EXPECT_EQ(client.post(notification("test/flood-alone")).status, 202);
    EXPECT_LT(written_when_held(server), kFloodBytes / 2);
    EXPECT_LT(resident_kib(bridge.pid()), before + kRoomKib);
    expect_flood(silent.read_until("\"n\":16383,"));
}

TEST(BridgeMemory, answers_that_are_not_read_hold_the_server) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const pid_t server = pids_of(client).child;
    const std::size_t before = resident_kib(bridge.pid());
    std::vector<std::unique_ptr<SilentClient>> silent;
    for (int id = 0; id < 20; ++id)
        silent.push_back(std::make_unique<SilentClient>(client, "POST", request(id, "test/large")));
    // Three MiB each: the limit, and the one that goes beyond it.
    EXPECT_LT(written_when_held(server), 20U * 1024 * 1024);
    EXPECT_LT(resident_kib(bridge.pid()), before + 40 * 1024);
    // All at once, because the server answers in its own order.
    std::vector<std::thread> reading;
    std::atomic<int> answered = 0;
    for (const auto& one : silent)
        reading.emplace_back([&] {
            if (!one->read_until("yyy\"}\n\n").empty()) ++answered;
        });
    for (auto& one : reading)
        one.join();
    EXPECT_EQ(answered, 20);
}

TEST(BridgeMemory, a_server_that_waits_for_its_client_ends_with_its_session) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const pid_t server = pids_of(client).child;
    const SilentClient silent(client, "POST", request(1, "test/flood"));
    written_when_held(server);
    ASSERT_EQ(kill(server, SIGKILL), 0);
    // The guarding process remains: the dead one is collected, though nobody reads.
    EXPECT_TRUE(eventually([&] { return children_of(bridge.pid()).size() == 1; }));
    EXPECT_EQ(client.call(2, "ping").status, 404);
}

TEST(BridgeMemory, a_line_without_end_ends_its_session_in_bounded_memory) {
    BridgeProcess bridge(BridgeProcess::usual());
    TestClient client(bridge.port());
    ASSERT_TRUE(client.open());
    const std::string last = client.call(8, "test/endless").last();
    EXPECT_TRUE(contains(last, R"("id":8,"error":{"code":-32603)")) << last;
    EXPECT_TRUE(contains(last, "longer than 10485760 bytes")) << last;
    EXPECT_EQ(client.call(9, "ping").status, 404);
    std::ifstream status("/proc/" + std::to_string(bridge.pid()) + "/status");
    const std::string text((std::istreambuf_iterator<char>(status)), {});
    const auto peak = std::strtoul(text.c_str() + text.find("VmHWM:") + 6, nullptr, 10);
    EXPECT_LT(peak, 64U * 1024) << "KiB";
}

}  // namespace
}  // namespace mcpgw::server
