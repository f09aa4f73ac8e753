// Quotas, rates and streams of several subjects at once: exact under threads, and after SIGKILL.
#include "dataplane/limit/limiter.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/link/temporary_directory.h"

namespace mcpgw::limit {
namespace {

constexpr std::uint32_t kHour = 3600;
constexpr Now kNow{1000 * kSecond, 100 * kHour};

Now after(std::uint32_t seconds) {
    return {kNow.monotonic + seconds * kSecond, kNow.unix_seconds + seconds};
}

contract::Limits quota(std::uint64_t requests, std::uint32_t seconds = kHour) {
    contract::Limits limits;
    limits.quota_requests = requests;
    limits.quota_seconds = seconds;
    return limits;
}
contract::Limits rate(std::uint32_t per_second, std::uint32_t burst) {
    contract::Limits limits;
    limits.requests_per_second = per_second;
    limits.burst = burst;
    return limits;
}
contract::Limits streams(std::uint32_t max) {
    contract::Limits limits;
    limits.streams_max = max;
    return limits;
}

class LimiterTest : public testing::Test {
  protected:
    LimiterTest() {
        adapter.name = "a";
        tenant.id = "acme";
    }
    [[nodiscard]] Subjects subjects(std::string_view user = "ann") const {
        return {&adapter, &tenant, tenant.id, user};
    }
    std::uint64_t take(std::uint64_t times, std::string_view user = "ann", Now now = kNow) {
        std::uint64_t passed = 0;
        for (std::uint64_t i = 0; i < times; ++i)
            passed += limiter.take(subjects(user), now).allowed ? 1 : 0;
        return passed;
    }

    Adapter adapter;
    contract::Tenant tenant;
    Limiter limiter{{.table = {.counters = 1024, .reserved = 256}, .stream_counters = 1024}};
};

TEST_F(LimiterTest, a_quota_lets_exactly_so_many_through_in_each_window) {
    tenant.limits.all = quota(10);
    EXPECT_EQ(take(25), 10U);
    const Verdict verdict = limiter.take(subjects(), after(600));
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.scope, LimitScope::tenant);
    EXPECT_EQ(verdict.retry_after_seconds, kHour - 600);
    EXPECT_EQ(verdict.standing.kind, LimitKind::quota);
    EXPECT_EQ(verdict.standing.allowed, 10U);
    EXPECT_EQ(verdict.standing.window_seconds, kHour);
    EXPECT_EQ(verdict.standing.left, 0U);
    EXPECT_EQ(verdict.standing.reset_seconds, kHour - 600);
    EXPECT_EQ(take(25, "ann", after(kHour - 1)), 0U);
    EXPECT_EQ(take(25, "ann", after(kHour)), 10U);
    EXPECT_EQ(take(25, "ann", after(kHour - 1)), 0U) << "the clock has gone back";
}

TEST_F(LimiterTest, a_quota_that_changes_holds_at_once) {
    tenant.limits.all = quota(10);
    EXPECT_EQ(take(8), 8U);
    tenant.limits.all = quota(5);
    EXPECT_EQ(take(1), 0U);
    tenant.limits.all = quota(12);
    EXPECT_EQ(take(10), 4U);
}

TEST_F(LimiterTest, a_refusal_uses_up_nothing_else) {
    tenant.limits.all = quota(100);
    adapter.limits.per_user = quota(10);
    EXPECT_EQ(take(1000, "ann"), 10U);
    EXPECT_EQ(limiter.usage_of(tenant, kNow).used, 10U);
    EXPECT_EQ(take(1000, "bob"), 10U);
    tenant.limits.per_user = rate(1, 1);
    EXPECT_EQ(take(1000, "eve"), 1U);
    EXPECT_EQ(limiter.usage_of(tenant, kNow).used, 21U);
    EXPECT_EQ(limiter.usage_of(tenant, kNow).resets_unix_seconds, kNow.unix_seconds + kHour);
    EXPECT_EQ(limiter.usage_of(tenant, after(kHour)).used, 0U);
}

TEST_F(LimiterTest, users_tenants_and_adapters_of_one_name_are_apart) {
    adapter.name = "acme";
    adapter.limits.all = quota(3);
    tenant.limits.all = quota(5);
    EXPECT_EQ(take(9), 3U);
    Adapter other = adapter;
    other.name = "b";
    const Subjects there{&other, &tenant, tenant.id, "ann"};
    EXPECT_TRUE(limiter.take(there, kNow).allowed);
    EXPECT_TRUE(limiter.take(there, kNow).allowed);
    EXPECT_EQ(limiter.take(there, kNow).scope, LimitScope::tenant);
}

TEST_F(LimiterTest, of_several_refusals_the_longest_is_told_and_of_standings_the_tightest) {
    tenant.limits.all = quota(4);
    tenant.limits.per_user = quota(3, 60);
    adapter.limits.all = rate(10, 9);
    Verdict verdict = limiter.take(subjects(), kNow);
    EXPECT_EQ(verdict.standing.left, 2U) << "of the user";
    EXPECT_EQ(verdict.standing.allowed, 3U);
    EXPECT_EQ(take(5), 2U);
    EXPECT_EQ(take(5, "bob"), 1U);
    verdict = limiter.take(subjects(), kNow);
    EXPECT_EQ(verdict.scope, LimitScope::tenant);
    EXPECT_EQ(verdict.retry_after_seconds, kHour);
}

TEST_F(LimiterTest, a_rate_says_when_to_go_on) {
    adapter.limits.all = rate(2, 4);
    EXPECT_EQ(take(9), 4U);
    const Verdict verdict = limiter.take(subjects(), kNow);
    EXPECT_EQ(verdict.retry_after_seconds, 1U) << "half a second, rounded up";
    EXPECT_EQ(verdict.standing.kind, LimitKind::rate);
    EXPECT_EQ(verdict.standing.allowed, 4U);
    EXPECT_EQ(verdict.standing.window_seconds, 2U);
    EXPECT_EQ(take(9, "ann", after(1)), 2U);
}

TEST_F(LimiterTest, users_without_a_counter_pass_and_are_said_to) {
    tenant.limits.per_user = quota(1);
    tenant.limits.all = quota(10'000);
    for (int i = 0; i < 768; ++i)
        EXPECT_EQ(limiter.take(subjects("u" + std::to_string(i)), kNow).uncounted, 0U);
    for (int i = 0; i < 3; ++i) {
        const Verdict verdict = limiter.take(subjects("late"), kNow);
        EXPECT_TRUE(verdict.allowed);
        EXPECT_EQ(verdict.uncounted, 1U);
    }
    EXPECT_EQ(limiter.usage_of(tenant, kNow).used, 771U) << "the tenant's limit still holds";
}

TEST_F(LimiterTest, streams_are_counted_and_given_back) {
    tenant.limits.all = streams(3);
    tenant.limits.per_user = streams(2);
    std::vector<StreamPlaces> open;
    const auto enter = [&](std::string_view user) {
        StreamPlaces places;
        EXPECT_TRUE(limiter.limits_streams(subjects(user), places));
        const auto full = limiter.enter_stream(subjects(user), places);
        if (!full) open.push_back(places);
        return full;
    };
    EXPECT_EQ(enter("ann"), std::nullopt);
    EXPECT_EQ(enter("ann"), std::nullopt);
    EXPECT_EQ(enter("ann"), LimitScope::tenant_user);
    EXPECT_EQ(enter("bob"), std::nullopt);
    EXPECT_EQ(enter("eve"), LimitScope::tenant);
    EXPECT_EQ(limiter.streams_of(tenant), 3U);
    limiter.leave_stream(open.front());
    limiter.leave_stream(open.front());
    EXPECT_EQ(limiter.streams_of(tenant), 2U) << "once, whoever asks twice";
    EXPECT_EQ(enter("ann"), std::nullopt);

    StreamPlaces answer;
    ASSERT_TRUE(limiter.limits_streams(subjects(), answer));
    limiter.count_stream(answer);
    limiter.count_stream(answer);
    EXPECT_EQ(limiter.streams_of(tenant), 4U) << "the answer to a POST is not refused";
    EXPECT_EQ(enter("eve"), LimitScope::tenant);
    limiter.leave_stream(answer);
    for (StreamPlaces& places : open)
        limiter.leave_stream(places);
    EXPECT_EQ(limiter.streams_of(tenant), 0U);
}

TEST_F(LimiterTest, who_names_no_tenant_is_of_the_default_one) {
    contract::Access access;
    access.tenants = {{"acme", {}}, {"default", {quota(1), {}}}, {"zeta", {}}};
    EXPECT_EQ(subjects_of(access, adapter, "", "ann").tenant, &access.tenants[1]);
    EXPECT_EQ(subjects_of(access, adapter, "", "ann").tenant_name, "default");
    EXPECT_EQ(subjects_of(access, adapter, "zeta", "ann").tenant, &access.tenants[2]);
    EXPECT_EQ(subjects_of(access, adapter, "unknown", "ann").tenant, nullptr);
    EXPECT_EQ(subjects_of(access, adapter, "unknown", "ann").tenant_name, "unknown");
    adapter.tenant = "acme";
    EXPECT_EQ(subjects_of(access, adapter, "zeta", "ann").tenant, &access.tenants[0]);
    EXPECT_FALSE(subjects_of(access, adapter, "zeta", "ann").are_limited());
    adapter.limits.per_user = quota(1);
    EXPECT_TRUE(subjects_of(access, adapter, "zeta", "ann").are_limited());
    EXPECT_EQ(subjects_of(access, adapter, "zeta", "").limits_of(LimitScope::adapter_user),
              nullptr);
}

// --- Exactness ----------------------------------------------------------------------------------

TEST_F(LimiterTest, threads_together_get_exactly_the_quota) {
    tenant.limits.all = quota(10'000);
    tenant.limits.per_user = quota(9'000);
    adapter.limits.all = quota(10'500);
    adapter.limits.per_user = quota(1'000'000);
    std::atomic<std::uint64_t> passed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const std::string user(t % 2 == 0 ? "ann" : "bob");
            passed.fetch_add(take(8'000, user));
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(passed.load(), 10'000U);
    EXPECT_EQ(limiter.usage_of(tenant, kNow).used, 10'000U);
}

// Their clocks differ: some are still in the old window when others have begun the new one, in
// which all are counted from then on.
TEST_F(LimiterTest, threads_that_meet_the_end_of_a_window_get_no_more_than_two_quotas) {
    tenant.limits.all = quota(5'000);
    std::atomic<std::uint64_t> passed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (std::uint32_t i = 0; i < 8'000; ++i)
                passed.fetch_add(take(1, "ann", after(i < 2'000 ? kHour - 1 : kHour)));
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(limiter.usage_of(tenant, after(kHour)).used, 5'000U);
    EXPECT_GE(passed.load(), 5'000U + 2'000U) << "whoever was first had a window of his own";
    EXPECT_LE(passed.load(), 10'000U);
}

TEST_F(LimiterTest, a_rate_of_threads_is_one_rate) {
    tenant.limits.all = rate(1000, 100);
    adapter.limits.per_user = rate(1000, 100);
    std::atomic<std::uint64_t> passed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (std::uint32_t i = 0; i < 4'000; ++i)
                passed.fetch_add(
                    limiter.take(subjects(), {kNow.monotonic + i * kMillisecond, kNow.unix_seconds})
                            .allowed
                        ? 1
                        : 0);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_LE(passed.load(), 4'000U + 100U);
    EXPECT_GE(passed.load(), 3'800U);
}

// A process is killed in the middle of counting, again and again; what it was allowed before is
// written down by another one, in memory that outlives it.
TEST_F(LimiterTest, a_process_that_is_killed_while_it_counts_loses_nothing) {
    fixture::TemporaryDirectory directory;
    constexpr std::uint64_t kQuota = 200'000;
    tenant.limits.all = quota(kQuota);
    tenant.limits.per_user = quota(kQuota);
    auto* passed = static_cast<std::atomic<std::uint64_t>*>(
        ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(passed, MAP_FAILED);
    const Limiter::Options options{
        .table = {.directory = directory.path(), .counters = 64, .reserved = 16, .now = kNow},
        .stream_counters = 64};
    int killed = 0;
    for (; killed < 100 && passed->load() < kQuota; ++killed) {
        const std::uint64_t before = passed->load();
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            Limiter mine(options);
            if (!mine.table().is_lasting()) ::_exit(3);
            while (mine.take(subjects(), kNow).allowed)
                passed->fetch_add(1);
            ::_exit(0);
        }
        while (passed->load() < before + 10'000 && passed->load() < kQuota) {
            int status = 0;
            if (::waitpid(child, &status, WNOHANG | WNOWAIT) != 0) break;
            std::this_thread::yield();
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            ASSERT_EQ(WEXITSTATUS(status), 0);
            break;
        }
    }
    Limiter last(options);
    std::uint64_t rest = 0;
    while (last.take(subjects(), kNow).allowed)
        ++rest;
    // Each killed process may have been allowed one that it did not come to write down.
    const std::uint64_t all = passed->load() + rest;
    EXPECT_LE(all, kQuota);
    EXPECT_GE(all + static_cast<std::uint64_t>(killed) + 1, kQuota);
    EXPECT_GT(killed, 2);
    ::munmap(passed, sizeof *passed);
}

}  // namespace
}  // namespace mcpgw::limit
