// What an operation of the session table costs, in a table of a thousand and of a million sessions.
//
// Sessions are chosen at random, so each operation meets lines of memory that no other one has
// brought into a near cache.
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "dataplane/session/session_table.h"

namespace mcpgw {
namespace {

constexpr std::uint32_t kStart = 1000;
constexpr std::uint32_t kMillion = 1'000'000;
constexpr std::string_view kTypicalId = "5f6b1c0e-8c2a-4d59-9f0a-3d1d6a7b9c55";

std::uint64_t mixed(std::uint64_t value) {
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93ULL;
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93ULL;
    return value ^ value >> 32;
}

SessionKey key_of_mark(std::uint64_t mark) {
    return {mark >> 58, mark >> 56, mark};
}
SessionKey key_of(std::uint64_t number) {
    return key_of_mark(mixed(number + 1));
}

NewSession session_of(const SessionKey& key) {
    return {.key = key,
            .texts = {kTypicalId, "ada@example.org", "acme"},
            .principal = 1 + key.mark % 10'000,
            .tenant = 1 + key.mark % 10,
            .principal_sessions_max = 0,
            .tenant_sessions_max = 0,
            .idle_seconds = 1800};
}

// Has the sessions 0...sessions - 1; made once for each number, by the first benchmark that asks. A
// part of them has ended and begun anew, as it will be in a table that has grown some time ago.
SessionTable& table_of(std::int64_t sessions) {
    static std::mutex mutex;  // threads of one benchmark ask at the same time
    static std::array<std::unique_ptr<SessionTable>, 2> tables;
    const std::lock_guard lock(mutex);
    std::unique_ptr<SessionTable>& table = tables[sessions == kMillion ? 1 : 0];
    if (table) return *table;
    table = std::make_unique<SessionTable>(SessionTable::Options{.seed = 42});
    const auto count = static_cast<std::uint64_t>(sessions);
    for (std::uint64_t i = 0; i < count; ++i)
        if (!table->open(session_of(key_of(i)), kStart)) std::abort();
    for (std::uint64_t i = 0; i < count / 20; ++i) {
        const SessionHandle handle = table->find(key_of(i));
        if (!table->end(handle)) std::abort();
        table->release(handle);
        if (!table->open(session_of(key_of(i)), kStart)) std::abort();
    }
    return *table;
}

// Keys of sessions first...first + sessions - 1 at random: drawn beforehand and read in a row, so
// that drawing them is no part of what is measured.
class Keys {
  public:
    explicit Keys(const benchmark::State& state, std::uint64_t first = 0) {
        std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()) + 1);
        const auto sessions = static_cast<std::uint64_t>(state.range(0));
        for (std::uint64_t& mark : marks_)
            mark = mixed(first + random() % sessions + 1);
    }
    SessionKey next() {
        const std::uint64_t mark = marks_[next_];
        next_ = (next_ + 1) % kDrawn;
        return key_of_mark(mark);
    }

  private:
    static constexpr std::size_t kDrawn = 1 << 22;  // all sessions, most of them several times
    std::vector<std::uint64_t> marks_ = std::vector<std::uint64_t>(kDrawn);
    std::size_t next_ = 0;
};

void find(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state);
    for (auto _ : state) {
        const SessionHandle handle = table.find(keys.next());
        if (!handle) state.SkipWithError("a session is lost");
    }
    state.SetItemsProcessed(state.iterations());
}

// What a request does that carries on only with what it has found: no two lookups overlap.
void find_one_after_the_other(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state);
    std::uint32_t none = 0;  // what no generation has in its highest bit
    for (auto _ : state) {
        SessionKey key = keys.next();
        key.mark += none;
        none = table.find(key).generation >> 31;
    }
    benchmark::DoNotOptimize(none);
    state.SetItemsProcessed(state.iterations());
}

void find_unknown(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state, 2 * kMillion);
    for (auto _ : state)
        benchmark::DoNotOptimize(table.find(keys.next()));
    state.SetItemsProcessed(state.iterations());
}

void find_and_touch(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state);
    for (auto _ : state)
        if (!table.touch(table.find(keys.next()), kStart)) state.SkipWithError("lost");
    state.SetItemsProcessed(state.iterations());
}

void touch(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state);
    const SessionHandle handle = table.find(keys.next());
    for (auto _ : state)
        benchmark::DoNotOptimize(table.touch(handle, kStart));
    state.SetItemsProcessed(state.iterations());
}

void adopt_known(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    Keys keys(state);
    for (auto _ : state)
        benchmark::DoNotOptimize(table.adopt(session_of(keys.next()), kStart));
    state.SetItemsProcessed(state.iterations());
}

void open_end_release(benchmark::State& state) {
    SessionTable& table = table_of(state.range(0));
    std::uint64_t number =
        kMillion * (10U + static_cast<std::uint64_t>(state.thread_index()) * 10U);
    for (auto _ : state) {
        const auto opened = table.open(session_of(key_of(number++)), kStart);
        if (!opened || !table.end(opened->handle)) {
            state.SkipWithError("a session could not be opened");
            break;
        }
        table.release(opened->handle);
    }
    state.SetItemsProcessed(state.iterations());
}

// For each slot that the janitor looks at, when nothing is due.
void sweep(benchmark::State& state) {
    constexpr std::uint32_t kSlots = 1000;
    SessionTable& table = table_of(state.range(0));
    const auto nothing_is_gone = [](const SessionKey&) { return false; };
    const auto nothing_expires = [](SessionHandle, ExpiryReason) { std::abort(); };
    for (auto _ : state)
        table.sweep(kStart, kSlots, nothing_is_gone, nothing_expires);
    state.SetItemsProcessed(state.iterations() * kSlots);
}

constexpr std::int64_t kFew = 1000;

BENCHMARK(find)->Arg(kFew)->Arg(kMillion);
BENCHMARK(find)->Arg(kMillion)->Threads(2);
BENCHMARK(find_one_after_the_other)->Arg(kFew)->Arg(kMillion);
BENCHMARK(find_unknown)->Arg(kFew)->Arg(kMillion);
BENCHMARK(find_and_touch)->Arg(kFew)->Arg(kMillion);
BENCHMARK(find_and_touch)->Arg(kMillion)->Threads(2);
BENCHMARK(touch)->Arg(kFew);
BENCHMARK(adopt_known)->Arg(kMillion);
BENCHMARK(open_end_release)->Arg(kFew)->Arg(kMillion);
BENCHMARK(open_end_release)->Arg(kMillion)->Threads(2);
BENCHMARK(sweep)->Arg(kMillion);

}  // namespace
}  // namespace mcpgw
