// What a bearer token costs a request: a verdict that is remembered (a hash and a lookup), and one
// that has to be made, for each kind of signature.
#include <memory>
#include <string>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "dataplane/auth/authenticator.h"
#include "dataplane/auth/tokens_for_test.h"

namespace mcpgw::auth {
namespace {

// Of about `bytes` bytes.
std::string token_with(const std::string& algorithm, const std::string& key, std::size_t bytes) {
    const std::string header = R"({"alg":")" + algorithm + R"(","kid":")" + key + R"("})";
    const std::string claims =
        R"({"iss":"https://idp.example/t1","aud":"gateway","sub":"ada@example.org","roles":["r1"],)"
        R"("exp":)" +
        std::to_string(kTestNow + 600) + R"(,"x":")";
    const std::size_t bare = token_of(header, claims + "\"}", key, algorithm).size();
    const std::size_t more = bytes > bare ? (bytes - bare) * 3 / 4 : 0;
    return token_of(header, claims + std::string(more, 'x') + "\"}", key, algorithm);
}

struct Judge {
    Judge() { authenticator.set_access(access); }
    void judge(const std::string& token) {
        if (authenticator.judge(token, kTestNow).fault != TokenFault::none) std::abort();
    }
    std::shared_ptr<const contract::Access> access =
        std::make_shared<const contract::Access>(access_for_test());
    Authenticator authenticator;
};

void remembered(benchmark::State& state) {
    Judge judge;
    const std::string token = token_with("RS256", "rsa", static_cast<std::size_t>(state.range(0)));
    for (auto _ : state)
        judge.judge(token);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(token.size()));
}

void made(benchmark::State& state, const std::string& algorithm, const std::string& key) {
    Judge judge;
    const std::string token = token_with(algorithm, key, 1024);
    Verifier verifier;
    verifier.set_access(*judge.access);
    for (auto _ : state)
        benchmark::DoNotOptimize(verifier.verify(token, kTestNow));
}

BENCHMARK(remembered)->Arg(512)->Arg(1024)->Arg(2048)->Arg(8192);
BENCHMARK_CAPTURE(made, RS256, "RS256", "rsa");
BENCHMARK_CAPTURE(made, ES256, "ES256", "p256");
BENCHMARK_CAPTURE(made, EdDSA, "EdDSA", "ed25519");

}  // namespace
}  // namespace mcpgw::auth
