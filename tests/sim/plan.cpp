// How the world of a run is.
#include "tests/sim/plan.h"

#include <array>
#include <cstdio>

namespace mcpgw::sim {
namespace {

// One of three strengths: mostly off, so that a run is about few things.
unsigned strength(Dice& dice, unsigned on_permille, unsigned low, unsigned high) {
    return dice.chance(on_permille) ? static_cast<unsigned>(dice.between(low, high)) : 0;
}

Weather draw_weather(Dice& dice) {
    static constexpr std::array<Nanos, 4> kLatencies{50 * kMicrosecond, kMillisecond,
                                                     20 * kMillisecond, 150 * kMillisecond};
    static constexpr std::array<std::size_t, 5> kCapacities{512, 4096, 16384, 65536, 262144};
    Weather weather;
    weather.latency_max = dice.pick(std::span<const Nanos>(kLatencies));
    weather.latency_min = dice.chance(500) ? weather.latency_max / 2 : 10 * kMicrosecond;
    weather.capacity_max = dice.pick(std::span<const std::size_t>(kCapacities));
    weather.capacity_min = weather.capacity_max / 2;
    return weather;
}

KernelTemper draw_kernel(Dice& dice) {
    static constexpr std::array<std::size_t, 6> kBufferBytes{64, 256, 1024, 4096, 16384, 16384};
    static constexpr std::array<std::uint16_t, 4> kBuffers{2048, 1024, 512, 256};
    KernelTemper kernel;
    kernel.buffer_bytes = dice.pick(std::span<const std::size_t>(kBufferBytes));
    kernel.buffers = kernel.buffer_bytes < 1024
                         ? std::uint16_t{8192}
                         : dice.pick(std::span<const std::uint16_t>(kBuffers));
    kernel.incremental = dice.chance(600);
    kernel.handed_out_min = static_cast<std::size_t>(dice.between(1, 16));
    kernel.short_receive = strength(dice, 500, 10, 800);
    kernel.short_send = strength(dice, 400, 10, 500);
    kernel.late_completion = strength(dice, 500, 10, 600);
    kernel.spontaneous_end = strength(dice, 400, 5, 300);
    kernel.accept_failure = strength(dice, 200, 10, 300);
    kernel.socket_failure = strength(dice, 100, 10, 200);
    kernel.spurious_wake = strength(dice, 300, 5, 100);
    kernel.oversleep = strength(dice, 300, 10, 300);
    return kernel;
}

std::vector<AdapterPlan> draw_adapters(Dice& dice) {
    static constexpr std::array<std::uint32_t, 4> kFirstByte{300'000, 300'000, 30'000, 2'000};
    static constexpr std::array<std::uint32_t, 4> kIdle{0, 0, 40'000, 5'000};
    static constexpr std::array<std::uint32_t, 3> kConnect{5'000, 1'000, 20'000};
    std::vector<AdapterPlan> adapters(dice.between(1, 2));
    for (std::size_t i = 0; i < adapters.size(); ++i) {
        adapters[i].name = i == 0 ? "alpha" : "beta";
        adapters[i].instances = dice.between(1, 3);
        adapters[i].connect_ms = dice.pick(std::span<const std::uint32_t>(kConnect));
        adapters[i].first_byte_ms = dice.pick(std::span<const std::uint32_t>(kFirstByte));
        adapters[i].idle_ms = dice.pick(std::span<const std::uint32_t>(kIdle));
    }
    return adapters;
}

}  // namespace

Plan Plan::draw(Dice& dice) {
    Plan plan;
    plan.weather = draw_weather(dice);
    plan.kernel = draw_kernel(dice);
    plan.adapters = draw_adapters(dice);
    plan.clients = dice.between(1, dice.chance(300) ? 40 : 8);
    plan.errands_max = dice.between(1, 16);
    if (dice.chance(150)) plan.connections_max = dice.between(1, 6);
    plan.pipelining = dice.chance(500);
    plan.slow_clients = dice.chance(450);
    plan.slow_servers = dice.chance(300);
    plan.streams = dice.chance(500);
    plan.long_streams = plan.streams && dice.chance(150);
    plan.bulk = dice.chance(120);
    plan.idle_clients = dice.chance(200);
    plan.early_answers = dice.chance(200);
    plan.servers_close_idle = dice.chance(250);
    const bool calm = dice.chance(200);
    if (!calm) {
        plan.client_faults = strength(dice, 500, 20, 400);
        plan.server_faults = strength(dice, 500, 20, 400);
        plan.client_cuts = strength(dice, 250, 20, 400);
        plan.server_cuts = strength(dice, 250, 20, 400);
        plan.table_changes = strength(dice, 350, 1, 12);
        plan.outages = strength(dice, 250, 1, 4);
        plan.freezes = strength(dice, 150, 1, 3);
        plan.drains_midway = dice.chance(120);
    }
    // Answers that break behind others that a slow client has not taken yet.
    if (!plan.early_answers && dice.chance(120)) {
        plan.pipelining = plan.slow_clients = true;
        plan.client_faults = plan.client_cuts = 0;
        plan.server_faults = 300;
        plan.weather.capacity_max = plan.weather.capacity_min = 4096;
    }
    // What an early answer does to the requests behind it shows only where little else happens.
    if (plan.early_answers) {
        plan.pipelining = plan.slow_clients = true;
        plan.client_faults = plan.server_faults = plan.client_cuts = plan.server_cuts = 0;
    }
    // A pool that a few slow connections can use up.
    if (!plan.early_answers && dice.chance(200)) {
        plan.kernel.buffers = static_cast<std::uint16_t>(std::uint64_t{4} << dice.below(5));
        plan.pipelining = false;
    }
    // Requests that wait for their turn hold buffers for as long as those before them take, which
    // may be for ever when the answers find no buffers: enough for all.
    if (plan.pipelining) plan.kernel.buffers = 32768;
    plan.span = dice.between(1, dice.chance(500) ? 20 : 1) * kSecond;
    if (plan.bulk) {
        plan.clients = dice.between(1, 3);
        plan.errands_max = dice.between(1, 3);
        plan.kernel.buffer_bytes = 16384;
        plan.kernel.late_completion = 0;  // the kernel would hold as much as the gateway may
        plan.kernel.buffers = 2048;
        plan.weather.capacity_max = 262144;
        plan.weather.capacity_min = 65536;
    }
    return plan;
}

std::string Plan::text() const {
    std::array<char, 1024> out{};
    const int size = std::snprintf(
        out.data(), out.size(),
        "latency %llu..%llu us, pipes %zu bytes, %u %sbuffers of %zu bytes, "
        "kernel: short receive %u send %u late %u ends %u accept %u socket %u; "
        "%zu clients with up to %zu requests, at most %zu connections%s%s%s%s%s%s%s%s%s; "
        "faults: clients %u servers %u cuts %u/%u, table changes %u, outages %u, freezes %u%s",
        static_cast<unsigned long long>(weather.latency_min / kMicrosecond),
        static_cast<unsigned long long>(weather.latency_max / kMicrosecond), weather.capacity_max,
        kernel.buffers, kernel.incremental ? "incremental " : "", kernel.buffer_bytes,
        kernel.short_receive, kernel.short_send, kernel.late_completion, kernel.spontaneous_end,
        kernel.accept_failure, kernel.socket_failure, clients, errands_max, connections_max,
        pipelining ? ", pipelining" : "", slow_clients ? ", slow clients" : "",
        slow_servers ? ", slow servers" : "", streams ? ", streams" : "",
        long_streams ? " of hours" : "", bulk ? ", bulk" : "", idle_clients ? ", idle clients" : "",
        early_answers ? ", early answers" : "",
        servers_close_idle ? ", servers close idle connections" : "", client_faults, server_faults,
        client_cuts, server_cuts, table_changes, outages, freezes,
        drains_midway ? ", drain midway" : "");
    return {out.data(), static_cast<std::size_t>(size)};
}

}  // namespace mcpgw::sim
