// What a sealed session id costs: to seal, to open, and all that a request of a session pays for
// its session, with a million sessions in the table.
#include <array>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "dataplane/session/seal.h"
#include "dataplane/session/session_table.h"

namespace mcpgw {
namespace {

constexpr std::string_view kUser = "ada@example.org";
constexpr std::string_view kServerId = "5f6b1c0e-8c2a-4d59-9f0a-3d1d6a7b9c55";
constexpr std::uint32_t kNow = 1000;
// Many times what a worker remembers, so that the oldest is forgotten before its turn.
constexpr std::size_t kManyIds = 64 * limits::opened_ids_max;

struct Ids {
    Sealer sealer;
    std::vector<std::string> sealed;
    std::array<std::byte, Sealer::kScratchBytes> scratch;

    explicit Ids(std::size_t count) {
        const contract::SealingKey key{.id = "k1", .key = std::string(32, 'k'), .current = true};
        sealer.set_keys(std::span(&key, 1), 1);
        for (std::size_t i = 0; i < count; ++i)
            sealed.push_back(make(i));
    }
    std::string make(std::size_t number) {
        // As long as the ids that servers give.
        std::string server_id(kServerId);
        std::string digits = std::to_string(number);
        server_id.replace(server_id.size() - digits.size(), digits.size(), digits);
        std::array<char, limits::sealed_id_bytes_max> out;
        const std::size_t size = sealer.seal({1, 2, kNow, server_id}, kUser, out);
        if (size == 0) std::abort();
        return {out.data(), size};
    }
};

void seal(benchmark::State& state) {
    Ids ids(0);
    std::array<char, limits::sealed_id_bytes_max> out;
    for (auto _ : state)
        benchmark::DoNotOptimize(ids.sealer.seal({1, 2, kNow, kServerId}, kUser, out));
    state.SetItemsProcessed(state.iterations());
}

void open_ids(benchmark::State& state, std::size_t count) {
    Ids ids(count);
    std::size_t next = 0;
    for (auto _ : state) {
        const auto parts = ids.sealer.open(ids.sealed[next], kUser, ids.scratch);
        if (!parts) state.SkipWithError("an id does not open");
        next = next + 1 == count ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations());
}

void open_remembered(benchmark::State& state) {
    open_ids(state, 64);
}

void open_cold(benchmark::State& state) {
    open_ids(state, kManyIds);
}

// Open the id, find its session, begin and end a request of it.
void request(benchmark::State& state, std::size_t count) {
    Ids ids(count);
    SessionTable table({.seed = 42});
    const auto key_of = [](const SealedParts& parts, std::string_view sealed) {
        return SessionKey{parts.adapter, parts.instance, EndedSessions::mark_of(nonce_of(sealed))};
    };
    for (const std::string& sealed : ids.sealed) {
        const auto parts = ids.sealer.open(sealed, kUser, ids.scratch);
        if (!parts ||
            !table.open({.key = key_of(*parts, sealed), .texts = {parts->server_id, kUser, ""}}, 1))
            std::abort();
    }
    std::size_t next = 0;
    for (auto _ : state) {
        const auto parts = ids.sealer.open(ids.sealed[next], kUser, ids.scratch);
        const SessionHandle handle = table.find(key_of(*parts, ids.sealed[next]));
        if (table.begin_request(handle, kNow) != SessionUse::begun) state.SkipWithError("lost");
        table.end_request(handle, kNow);
        next = next + 1 == count ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations());
}

void request_remembered(benchmark::State& state) {
    request(state, 64);
}

void request_cold(benchmark::State& state) {
    request(state, kManyIds);
}

BENCHMARK(seal);
BENCHMARK(open_remembered);
BENCHMARK(open_cold);
BENCHMARK(request_remembered);
BENCHMARK(request_cold);

}  // namespace
}  // namespace mcpgw
