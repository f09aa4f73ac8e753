// What a request pays for its limits: none, a quota of its tenant, and four limits of both kinds.
//
// Threads are workers: users differ, tenant and adapter are those of all, so their counters are
// where workers meet.
#include <string>

#include <benchmark/benchmark.h>

#include "dataplane/limit/limiter.h"

namespace mcpgw::limit {
namespace {

constexpr Now kNow{1000 * kSecond, 1'000'000};

contract::Limits quota() {
    contract::Limits limits;
    limits.quota_requests = limits::quota_requests_max;
    limits.quota_seconds = 3600;
    return limits;
}
contract::Limits quota_and_rate() {
    contract::Limits limits = quota();
    limits.requests_per_second = limits::rate_per_second_max;
    limits.burst = limits::rate_burst_max;
    return limits;
}

Limiter& limiter() {
    static Limiter one({.table = {.now = kNow}});
    return one;
}

void run(benchmark::State& state, const contract::LimitPair& of_adapter,
         const contract::LimitPair& of_tenant) {
    Adapter adapter;
    adapter.name = "weather";
    adapter.limits = of_adapter;
    contract::Access access;
    access.tenants = {{"acme", of_tenant}};
    const std::string user = "user-" + std::to_string(state.thread_index());
    Now now = kNow;
    for (auto step : state) {
        now.monotonic += kMicrosecond;
        const Subjects subjects = subjects_of(access, adapter, "acme", user);
        if (subjects.are_limited()) benchmark::DoNotOptimize(limiter().take(subjects, now));
    }
}

void without_limits(benchmark::State& state) {
    run(state, {}, {});
}
void a_quota_of_the_tenant(benchmark::State& state) {
    run(state, {}, {quota(), {}});
}
void four_quotas_and_rates(benchmark::State& state) {
    run(state, {quota_and_rate(), quota_and_rate()}, {quota_and_rate(), quota_and_rate()});
}

BENCHMARK(without_limits);
BENCHMARK(a_quota_of_the_tenant)->Threads(1)->Threads(2);
BENCHMARK(four_quotas_and_rates)->Threads(1)->Threads(2);

}  // namespace
}  // namespace mcpgw::limit
