// Many peers, and slow ones: memory stays where it is, and nobody pays for another's slowness.
//
//   peers_test --seconds 120     holds the crowd that long; 9 without the flag
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include <gtest/gtest.h>

#include "common/check.h"
#include "tests/load/crowd.h"
#include "tests/load/gateway_program.h"
#include "tests/load/load_server.h"

namespace mcpgw::load {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;
int hold_seconds = 9;

// Idle are the silent streams, too: each also has a connection to the server.
constexpr std::size_t kIdle = 11'000;
constexpr std::size_t kStreams = 1'000;
constexpr std::size_t kBusy = 1'000;
constexpr Nanos kBusyPause = kSecond / 2;

std::size_t mean(const std::vector<std::size_t>& values, std::size_t from, std::size_t to) {
    return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(from),
                           values.begin() + static_cast<std::ptrdiff_t>(to), std::size_t{0}) /
           (to - from);
}

TEST(Peers, twelve_thousand_idle_and_a_thousand_busy_ones_are_held_in_stable_memory) {
    const LoadServer server;
    const GatewayProgram gateway(server.port());
    const std::size_t empty = gateway.resident_bytes();
    Crowd crowd(gateway.port());
    crowd.add(Kind::idle, kIdle);
    crowd.add(Kind::stream, kStreams);
    crowd.add(Kind::busy, kBusy, kBusyPause);
    crowd.run_for(3 * kSecond);  // everybody has asked at least once
    std::vector<std::size_t> resident;
    for (int second = 0; second < hold_seconds; ++second) {
        crowd.run_for(kSecond);
        resident.push_back(gateway.resident_bytes());
    }
    for (const Kind kind : {Kind::idle, Kind::stream, Kind::busy}) {
        EXPECT_EQ(crowd.counts(kind).lost, 0U);
        EXPECT_EQ(crowd.counts(kind).wrong, 0U);
    }
    EXPECT_EQ(crowd.counts(Kind::idle).open, kIdle);
    EXPECT_EQ(crowd.counts(Kind::stream).answers, kStreams);
    // At least half of the pace that the pauses allow: they were busy indeed.
    EXPECT_GE(crowd.counts(Kind::busy).answers,
              kBusy * static_cast<std::size_t>(hold_seconds) * kSecond / kBusyPause / 2);
    const std::size_t third = resident.size() / 3;
    const std::size_t middle = mean(resident, third, 2 * third);
    const std::size_t last = mean(resident, 2 * third, resident.size());
    // A burst may touch buffers of the pools for the first time; a leak would not end with that.
    EXPECT_LE(last, middle + 4 * kMiB) << gateway.log();
    EXPECT_GE(gateway.descriptors(), kIdle + 2 * kStreams + kBusy);
    EXPECT_EQ(gateway.metric("mcp_gateway_rejected_total"), 0.0);
    std::printf(
        "resident: %zu KiB empty, %zu KiB in the middle third, %zu KiB in the last; "
        "%zu descriptors, %zu calls answered\n",
        empty / 1024, middle / 1024, last / 1024, gateway.descriptors(),
        crowd.counts(Kind::busy).answers);
}

struct Pace {
    std::size_t answers = 0;
    Nanos median = 0;
    Nanos longest = 0;
};

Pace measure(Crowd& crowd, Nanos duration) {
    maybe(crowd.take_latencies().empty());  // those of before
    crowd.run_for(duration);
    const std::vector<Nanos> latencies = crowd.take_latencies();
    if (latencies.empty()) return {0, kNever, kNever};
    return {latencies.size(), latencies[latencies.size() / 2], latencies.back()};
}

// Slow peers of the kind cost the others nothing that generous factors would not forgive, from the
// moment on when they come: what is feared is not a few per cent, which other programs on the
// machine cost as well, but a standstill.
void expect_no_delay_by(Kind slow, std::size_t count) {
    const LoadServer server;
    const GatewayProgram gateway(server.port());
    Crowd crowd(gateway.port());
    constexpr Nanos length = 2 * kSecond;
    crowd.add(Kind::busy, 64, 10 * kMillisecond);
    crowd.run_for(kSecond / 2);
    const Pace without = measure(crowd, length);
    crowd.add(slow, count);
    const Pace with = measure(crowd, length);
    crowd.close_all(slow);
    EXPECT_EQ(crowd.counts(slow).lost + crowd.counts(slow).wrong, 0U) << gateway.log();
    EXPECT_EQ(crowd.counts(Kind::busy).lost + crowd.counts(Kind::busy).wrong, 0U);
    EXPECT_GE(with.answers, without.answers / 3);
    EXPECT_LE(with.median, 4 * without.median + 5 * kMillisecond);
    EXPECT_LE(with.longest, 4 * without.longest + kSecond);
    std::printf("%zu slow: %zu calls, median %llu us, longest %llu us; without: %zu, %llu, %llu\n",
                count, with.answers, static_cast<unsigned long long>(with.median / 1000),
                static_cast<unsigned long long>(with.longest / 1000), without.answers,
                static_cast<unsigned long long>(without.median / 1000),
                static_cast<unsigned long long>(without.longest / 1000));
}

TEST(Peers, a_client_that_reads_one_byte_a_second_delays_nobody_else) {
    expect_no_delay_by(Kind::slow_reader, 1);
}

TEST(Peers, two_hundred_clients_that_read_one_byte_a_second_delay_nobody_else) {
    expect_no_delay_by(Kind::slow_reader, 200);
}

TEST(Peers, two_hundred_answers_of_one_byte_a_second_delay_nobody_else) {
    expect_no_delay_by(Kind::slow_server, 200);
}

}  // namespace
}  // namespace mcpgw::load

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    for (int i = 1; i + 1 < argc; ++i)
        if (std::string_view(argv[i]) == "--seconds")
            mcpgw::load::hold_seconds = std::atoi(argv[i + 1]);
    mcpgw::load::raise_descriptor_limit();
    return RUN_ALL_TESTS();
}
